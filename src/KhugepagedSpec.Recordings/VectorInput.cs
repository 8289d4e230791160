using System.Collections.Immutable;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;
using KhugepagedSpec.UserSpace;

namespace KhugepagedSpec.Recordings;

/// <summary>The scenario of a recorded vector: its <c>in</c> line.</summary>
public sealed record VectorInput
{
    /// <summary>The vector's name.</summary>
    public required string Id { get; init; }

    /// <summary>The machine it was recorded on.</summary>
    public MachineType Machine { get; init; } = MachineType.X86;

    /// <summary>The sysfs settings.</summary>
    public required ThpSettings Settings { get; init; }

    /// <summary>khugepaged, or MADV_COLLAPSE on the range.</summary>
    public CollapseKind Kind { get; init; } = CollapseKind.Khugepaged;

    /// <summary>Where the VMA lies, with pages of its own beside the range in the larger ones.</summary>
    public VmaShape Shape { get; init; } = VmaShape.Exact;

    /// <summary>
    /// Where else the VMA lies, with no page beside the range: its first page and one past its last; null if <see cref="Shape"/> says it.
    /// </summary>
    public (int First, int End)? Bare { get; init; }

    /// <summary>The VMA's first page and one past its last, from the observed range's first.</summary>
    public (int First, int End) Extent => Bare ?? VectorProcess.Extent(Shape, Settings.Geometry.Pages);

    /// <summary>The VMA holds the whole PMD range below the observed one, or the one above it: they are scanned too.</summary>
    public (bool Below, bool Above) HasWholeNeighbours =>
        (Extent.First <= -Settings.Geometry.Pages, Extent.End >= 2 * Settings.Geometry.Pages);

    /// <summary>How the process refuses THP.</summary>
    public ThpDisable ThpDisable =>
        Has("thpdis") ? ThpDisable.Completely : Has("thpadv") ? ThpDisable.ExceptAdvised : ThpDisable.No;

    /// <summary>
    /// Flags of the set-up: uffdm, uffdw, uffdr, rdonly, mlock, noadv, nohuge, thpdis, noretouch, nodrain; thpadv, THP is disabled but
    /// where it is advised; anonvma, the VMA has its anon_vma from pages elsewhere; table, there is a PTE table though it is empty;
    /// hugezero, use_zero_page is on while a program runs; far, there are two NUMA nodes, too far apart for node reclaim.
    /// </summary>
    public ImmutableArray<string> Flags { get; init; } = [];

    /// <summary>What the surroundings made fail: charges to the memory cgroup, or allocations of large folios.</summary>
    public ImmutableArray<FaultInjection> Faults { get; init; } = [];

    /// <summary>What was done before the first observation.</summary>
    public ImmutableArray<VectorOperation> Setup { get; init; } = [];

    /// <summary>What was done after the first pass.</summary>
    public ImmutableArray<VectorOperation> Then { get; init; } = [];

    /// <summary>What the process did, under the settings, if the scenario began as a program: then there is no pattern.</summary>
    public ImmutableArray<ProgramStep> Program { get; init; } = [];

    /// <summary><see cref="Then"/> as it was written.</summary>
    public string ThenText => VectorInputText.Write(Then);

    /// <summary>The kind each PTE was made as, one letter a PTE; large folios are all <c>m</c>, <c>M</c> or <c>f</c>, but for
    /// pages of them that are cold or lazyfree, which are as small ones are.</summary>
    public required string Pattern { get; init; }

    /// <summary>The pattern as it was written: tokens, comma-separated.</summary>
    public required string PatternText { get; init; }

    /// <summary>How many pages off a PMD boundary the range was populated, before it was moved onto it.</summary>
    public int Shift { get; init; }

    /// <summary>How many full scans or MADV_COLLAPSE calls there were to be.</summary>
    public int Passes { get; init; } = 3;

    /// <summary>Reads an <c>in</c> line.</summary>
    /// <param name="text">The line.</param>
    /// <param name="geometry">The geometry of its tables, unless it names a machine (<c>machine=arm64-16k</c>), whose it has then.</param>
    /// <exception cref="FormatException">The line is none; the message is one line.</exception>
    public static VectorInput Parse(string text, Geometry geometry) => VectorInputText.Parse(text, geometry);

    /// <summary>True if the set-up has <paramref name="flag"/>.</summary>
    public bool Has(string flag) => Flags.Contains(flag);

    /// <summary>The line that <see cref="Parse"/> reads; what has its default is left out.</summary>
    public override string ToString() => VectorInputText.Write(this);
}
