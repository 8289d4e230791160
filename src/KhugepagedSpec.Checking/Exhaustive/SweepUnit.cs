using System.Collections.Immutable;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Checking.Exhaustive;

/// <summary>What a sweep goes through, all of it: enough to make its units anew.</summary>
/// <param name="Model">The version.</param>
/// <param name="PmdOrder">The PMD's order.</param>
/// <param name="Kinds">The letters every PTE takes in turn, run through the whole model; empty for walks over occupancies only.</param>
public sealed record SweepPlan(string Model, int PmdOrder, string Kinds)
{
    // Tables, or occupancies, that are one unit of work.
    private const long TablesPerUnit = 1 << 14, OccupanciesPerUnit = 1 << 12;

    private const double MostTables = 1e12;

    /// <summary>The largest PMD order whose occupancies fit a word and whose scripts fit another.</summary>
    public const int LargestPmdOrder = 5;

    /// <summary>Why nothing can be swept so; null if it can.</summary>
    public string? FindError() =>
        PmdOrder is < Geometry.MinOrder or > LargestPmdOrder
            ? $"key 'pmdOrder': {PmdOrder}: expected {Geometry.MinOrder} to {LargestPmdOrder}"
        : Kinds.FirstOrDefault(letter => TableNotation.CellOf(letter) is null) is var odd and not '\0'
            ? $"key 'kinds': '{odd}': expected kinds of the notation"
        : Kinds.Length > 0 && (Kinds.Length < 2 || Kinds.Distinct().Count() != Kinds.Length
            || Math.Pow(Kinds.Length, 1 << PmdOrder) > MostTables)
            ? $"key 'kinds': \"{(Kinds.Length < 40 ? Kinds : Kinds[..40])}\": expected two kinds or more, each once, and no more than 10^12 tables of {1 << PmdOrder} PTEs"
        : null;

    /// <summary>How many units there are: every set of orders, both limits, every table. Neighbours differ in their settings.</summary>
    public long UnitCount => Settings * ((Tables + PerUnit - 1) / PerUnit);

    private long Settings => (2L << (PmdOrder - Geometry.MinOrder)) * 2;

    /// <summary>The unit of a number.</summary>
    /// <param name="number">0 to <see cref="UnitCount"/> - 1.</param>
    public SweepUnit Unit(long number)
    {
        var (chunk, setting) = Math.DivRem(number, Settings);
        long from = chunk * PerUnit;
        return new SweepUnit(number, new OrderSet((uint)(setting / 2) << Geometry.MinOrder), setting % 2 != 0, from,
            Math.Min(from + PerUnit, Tables));
    }

    /// <summary>Tables, or occupancies, gone through for each setting.</summary>
    public long Tables => IsOfTables ? (long)Math.Pow(Kinds.Length, 1 << PmdOrder) : 1L << (1 << PmdOrder);

    /// <summary>Whole page tables through the whole model; else occupancies through two walks.</summary>
    public bool IsOfTables => Kinds.Length > 0;

    private long PerUnit => IsOfTables ? TablesPerUnit : OccupanciesPerUnit;
}

/// <summary>One unit of a sweep: what a core does before it looks for the next.</summary>
/// <param name="Number">Its place in the plan.</param>
/// <param name="Enabled">The enabled orders.</param>
/// <param name="FillsHoles">max_ptes_none is the maximum; else 0.</param>
/// <param name="From">The first table or occupancy.</param>
/// <param name="To">One past the last.</param>
public sealed record SweepUnit(long Number, OrderSet Enabled, bool FillsHoles, long From, long To);

/// <summary>What a unit came to.</summary>
/// <param name="Unit">The unit's number.</param>
/// <param name="Runs">Pairs of walks, or histories, run.</param>
/// <param name="Attempts">Attempts made in them.</param>
/// <param name="Broken">Names of what was broken, each with the first scenario that breaks it.</param>
public sealed record SweepResult(long Unit, long Runs, long Attempts, ImmutableSortedDictionary<string, string> Broken)
{
    /// <summary>The same numbers and findings.</summary>
    public bool Equals(SweepResult? other) =>
        other is not null && (Unit, Runs, Attempts) == (other.Unit, other.Runs, other.Attempts) && Broken.SequenceEqual(other.Broken);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Unit, Runs, Attempts, Broken.Count);
}
