using System.Collections.Immutable;

namespace KhugepagedSpec.PageTables;

/// <summary>What the PMD entry of a range holds.</summary>
public enum PmdState
{
    /// <summary>Nothing: no PTE table.</summary>
    None,

    /// <summary>A PTE table.</summary>
    Table,

    /// <summary>A huge page.</summary>
    Huge,

    /// <summary>A migration entry of a huge page.</summary>
    Migration,

    /// <summary>The huge zero page.</summary>
    HugeZero,

    /// <summary>A device-private entry of a huge page: it lives in device memory.</summary>
    DevicePrivate,
}

/// <summary>
/// One written page table: a PMD entry and the PTEs under it. Immutable; read from and written to the notation
/// (<see cref="TableNotation"/>).
/// </summary>
public sealed class PageTable : IEquatable<PageTable>
{
    private int? _hash;

    /// <summary>Makes a table of <paramref name="cells"/>.</summary>
    /// <exception cref="NotationException">The number of cells is not the geometry's, or a cell cannot be.</exception>
    public PageTable(Geometry geometry, ImmutableArray<Cell> cells, PmdState pmd = PmdState.Table)
    {
        if (cells.Length != geometry.Pages)
            throw new NotationException($"{cells.Length} cells: expected {geometry.Pages}, one per PTE of the table");
        Geometry = geometry;
        Cells = cells;
        Pmd = pmd;
    }

    /// <summary>How many PTEs there are.</summary>
    public Geometry Geometry { get; }

    /// <summary>The PTEs, lowest address first. Under <see cref="PmdState.Huge"/> the pages of the huge page.</summary>
    public ImmutableArray<Cell> Cells { get; }

    /// <summary>What the PMD entry holds.</summary>
    public PmdState Pmd { get; }

    /// <summary>A table whose PTEs are all empty.</summary>
    public static PageTable Empty(Geometry geometry, PmdState pmd = PmdState.Table) =>
        new(geometry, ImmutableArray.CreateRange(Enumerable.Repeat(Cell.None, geometry.Pages)), pmd);

    /// <summary>Reads the notation; the number of cells must be the geometry's.</summary>
    /// <exception cref="NotationException">The text is not a table; the message says where and what was expected.</exception>
    public static PageTable Parse(string text, Geometry geometry) => TableNotation.Parse(text, geometry, padWithNone: false);

    /// <inheritdoc/>
    public bool Equals(PageTable? other) =>
        ReferenceEquals(this, other)
        || (other is not null && Pmd == other.Pmd && Geometry == other.Geometry && Cells.AsSpan().SequenceEqual(other.Cells.AsSpan()));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as PageTable);

    /// <inheritdoc/>
    public override int GetHashCode() => _hash ??= Hash();

    private int Hash()
    {
        var hash = new HashCode();
        hash.Add(Pmd);
        foreach (var cell in Cells)
            hash.Add(cell);
        return hash.ToHashCode();
    }

    /// <summary>The table in the notation; <see cref="Parse"/> reads it back.</summary>
    public override string ToString() => TableNotation.Write(this);
}

/// <summary>A text that is not a page table. The message is one line: what is wrong, where, and what was expected.</summary>
public sealed class NotationException : FormatException
{
    /// <summary>Makes the error.</summary>
    public NotationException(string message)
        : base(message)
    {
    }

    /// <summary>Makes the error, pointing at a place in the text.</summary>
    /// <param name="position">Zero-based index into the text.</param>
    /// <param name="message">What is wrong and what was expected.</param>
    public NotationException(int position, string message)
        : base($"column {position + 1}: {message}")
    {
    }
}
