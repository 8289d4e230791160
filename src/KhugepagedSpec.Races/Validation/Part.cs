using System.Collections.Immutable;

namespace KhugepagedSpec.Races.Validation;

/// <summary>What a process of the model does for an operation of a trace.</summary>
internal enum PartKind
{
    /// <summary>A lock for reading, and nothing that matters here.</summary>
    Look,

    /// <summary>The model's page fault.</summary>
    Fault,

    /// <summary>A fault that maps something the model's does not: a folio of several pages, the zero page, a page outside of the
    /// window.</summary>
    Touch,

    /// <summary>The model's MADV_DONTNEED, of any entries.</summary>
    DontNeed,

    /// <summary>MADV_FREE of any entries.</summary>
    MadvFree,

    /// <summary>The mmap lock for writing.</summary>
    Exclusive,

    /// <summary>The model's fork.</summary>
    Fork,

    /// <summary>userfaultfd's ways to change entries.</summary>
    Userfaultfd,

    /// <summary>Reclaim or migration of a page, whoever maps it.</summary>
    Rmap,

    /// <summary>Reclaim or migration of a page of a huge page, which is split first.</summary>
    Split,

    /// <summary>The model's GUP-fast that writes.</summary>
    GupWrite,

    /// <summary>The model's GUP-fast that reads.</summary>
    GupRead,

    /// <summary>A child that shares pages lets them go.</summary>
    Child,
}

/// <summary>One process of the model, for all of an operation or for a part of it.</summary>
/// <param name="Kind">What it does.</param>
/// <param name="Entry">The entry; for the lock, where there are several.</param>
/// <param name="Entries">Entries that it is about, a bit each.</param>
/// <param name="Perhaps">Entries that it may be about as well.</param>
internal readonly record struct Part(PartKind Kind, int Entry = 0, int Entries = 0, int Perhaps = 0)
{
    /// <summary>It maps the zero page.</summary>
    public bool IsZero { get; init; }

    /// <summary>It maps a huge page where the PMD entry is empty.</summary>
    public bool IsHuge { get; init; }

    /// <summary>It poisons the page.</summary>
    public bool Poisons { get; init; }

    /// <summary>VMAs that are given up one by one, at most.</summary>
    public const int MostZaps = 128 / BitsPerZap;

    private const int BitsPerZap = 8;

    /// <summary>The entries of each VMA that is given up, as <see cref="Packed"/> has them.</summary>
    public UInt128 Zaps { get; init; }

    /// <summary>The entries of each VMA, a byte each, the first VMA lowest: parts are the same if these are.</summary>
    public static UInt128 Packed(ImmutableArray<int> zaps) =>
        zaps.Reverse().Aggregate((UInt128)0, (all, entries) => all << BitsPerZap | (UInt128)entries);

    /// <summary>Those entries, VMA by VMA.</summary>
    public IEnumerable<int> EachZap
    {
        get
        {
            for (var left = Zaps; left != 0; left >>= BitsPerZap)
                yield return (int)(left & ((1 << BitsPerZap) - 1));
        }
    }

    /// <summary>It is about the whole PMD range.</summary>
    public bool IsWhole { get; init; }

    /// <summary>Or these as well.</summary>
    public int More { get; init; }
}
