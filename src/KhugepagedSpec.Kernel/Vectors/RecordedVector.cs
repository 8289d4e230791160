using System.Collections.Immutable;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Kernel.Vectors;

/// <summary>One mm_khugepaged_scan_pmd line.</summary>
/// <param name="Status">The visit's result.</param>
/// <param name="Referenced">PTEs used lately.</param>
/// <param name="NoneOrZero">Empty and zero-page PTEs.</param>
/// <param name="Unmapped">Non-present PTEs.</param>
public readonly record struct ScanLine(ScanResult Status, int Referenced, int NoneOrZero, int Unmapped)
{
    /// <summary>The recorders' form: <c>status ref=R none=N unm=U</c>.</summary>
    public override string ToString() => $"{Status.TraceName()} ref={Referenced} none={NoneOrZero} unm={Unmapped}";
}

/// <summary>What one pass over a recorded table did.</summary>
public sealed record RecordedPass
{
    /// <summary>full_scans' increment.</summary>
    public required long FullScans { get; init; }

    /// <summary>pages_collapsed's increment.</summary>
    public required long PagesCollapsed { get; init; }

    /// <summary>The table afterwards; large folios that are new since the last look are marked.</summary>
    public required PageTable After { get; init; }

    /// <summary>AnonHugePages of the VMA afterwards, in KB.</summary>
    public required long PmdMappedKb { get; init; }

    /// <summary>What the per-size statistics grew by: name, order, value.</summary>
    public required ImmutableArray<(string Name, int Order, long Value)> Statistics { get; init; }

    /// <summary>Every call of collapse_huge_page; offsets from the start of our PMD range.</summary>
    public required ImmutableArray<Attempt> Attempts { get; init; }

    /// <summary>The scan lines, of every process the kernel scanned.</summary>
    public required ImmutableArray<ScanLine> Scans { get; init; }

    /// <summary>What MADV_COLLAPSE returned, null for khugepaged.</summary>
    public int? Return { get; init; }

    /// <summary>MADV_COLLAPSE's errno.</summary>
    public int? Errno { get; init; }
}

/// <summary>One page table that a real kernel was given, and what it did to it, pass by pass.</summary>
public sealed record RecordedVector
{
    /// <summary>The vector's name.</summary>
    public string Id => Input.Id;

    /// <summary>The scenario.</summary>
    public required VectorInput Input { get; init; }

    /// <summary>The table just before the first pass.</summary>
    public required PageTable Before { get; init; }

    /// <summary>What each pass did.</summary>
    public required ImmutableArray<RecordedPass> Passes { get; init; }

    /// <summary>Pages whose contents were wrong afterwards.</summary>
    public int WrongPages { get; init; }

    /// <summary>After which pass <see cref="VectorInput.Then"/> was done; 0 for never.</summary>
    public int ThenAfter { get; init; }
}
