using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Machines;

/// <summary>Limits that a known-bad variant may be blind to.</summary>
[Flags]
public enum Limits
{
    /// <summary>None of them.</summary>
    None = 0,

    /// <summary>max_ptes_none.</summary>
    MaxPtesNone = 1 << 0,

    /// <summary>max_ptes_swap.</summary>
    MaxPtesSwap = 1 << 1,

    /// <summary>max_ptes_shared.</summary>
    MaxPtesShared = 1 << 2,

    /// <summary>How many PTEs must be referenced.</summary>
    Referenced = 1 << 3,

    /// <summary>The order from which a folio that is mapped already is left alone.</summary>
    MappedOrder = 1 << 4,
}

/// <summary>
/// What a known-bad variant does not see, at the scan or at isolation: the algorithm is the right one, and looks through this. No version
/// of a kernel is blind; what an old one never looked for is a policy of that version.
/// </summary>
public sealed record Blindness
{
    /// <summary>Everything is seen.</summary>
    public static Blindness None { get; } = new();

    /// <summary>Bits of PTEs that are not seen; with userfaultfd's, its marker looks like any other.</summary>
    public PteFlags PteFlags { get; init; }

    /// <summary>Flags of folios that are not seen, injected faults included.</summary>
    public FolioFlags FolioFlags { get; init; }

    /// <summary>Limits that are not seen: the count may be anything.</summary>
    public Limits Limits { get; init; }

    /// <summary>References that mappings do not explain are not seen.</summary>
    public bool References { get; init; }

    /// <summary>The VMA is not seen where its limit is asked for, and so neither is userfaultfd.</summary>
    public bool Vma { get; init; }

    internal Pte See(Pte pte) =>
        PteFlags == 0 ? pte
        : pte with
        {
            Kind = pte.Kind == PteKind.UffdWpMarker && PteFlags.HasFlag(PteFlags.UffdWp) ? PteKind.PoisonMarker : pte.Kind,
            Flags = pte.Flags & ~PteFlags,
        };

    internal FolioFlags See(FolioFlags flags) => flags & ~FolioFlags;

    internal int MostOf(Limits limit, int value) => (Limits & limit) != 0 ? int.MaxValue : value;

    internal int LeastOf(Limits limit, int value) => (Limits & limit) != 0 ? 0 : value;
}
