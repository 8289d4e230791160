using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Memory;

/// <summary>One PMD entry of a running process and the PTEs under it.</summary>
public sealed class PteTable
{
    private readonly Geometry _geometry;
    private Pte[]? _ptes;

    /// <summary>Makes a PMD entry without a table; room for PTEs is made when one is needed.</summary>
    public PteTable(Geometry geometry) => _geometry = geometry;

    /// <summary>What the PMD entry holds.</summary>
    public PmdState Pmd { get; private set; }

    /// <summary>The first frame of the huge page that the PMD entry maps or stands for; -1 if it does not.</summary>
    public int HugePfn { get; private set; } = -1;

    /// <summary>The bits of the huge PMD entry.</summary>
    public PteFlags HugeFlags { get; set; }

    /// <summary>The PTEs; meaningful under <see cref="PmdState.Table"/> only.</summary>
    public Span<Pte> Ptes => _ptes ?? Allocate();

    /// <summary>Puts an empty PTE table under the PMD entry.</summary>
    public void Populate()
    {
        Ptes.Fill(Pte.None);
        Pmd = PmdState.Table;
        HugePfn = -1;
    }

    /// <summary>Leaves the PMD entry empty.</summary>
    public void Clear()
    {
        _ptes.AsSpan().Fill(Pte.None);
        Pmd = PmdState.None;
        HugePfn = -1;
    }

    /// <summary>Maps a huge page by the PMD entry.</summary>
    public void MapHuge(int pfn)
    {
        _ptes.AsSpan().Fill(Pte.None);
        Pmd = PmdState.Huge;
        HugePfn = pfn;
        HugeFlags = PteFlags.Young | PteFlags.Dirty;
    }

    /// <summary>
    /// Turns a huge PMD entry into PTEs that map the same pages, with its bits; that of the huge zero page into zero-page PTEs.
    /// Any other entry stays as it is. Source: Linux 7.2, <c>mm/huge_memory.c:split_huge_pmd_locked</c>,
    /// <c>__split_huge_pmd_locked</c>, <c>__split_huge_zero_page_pmd</c>.
    /// </summary>
    public void SplitPmd()
    {
        if (Pmd is not (PmdState.Huge or PmdState.HugeZero))
            return;
        var ptes = Ptes;
        for (int i = 0; i < ptes.Length; i++)
            ptes[i] = Pmd == PmdState.HugeZero ? Pte.ZeroPage : new Pte(PteKind.Page, HugeFlags, HugePfn + i);
        Pmd = PmdState.Table;
        HugePfn = -1;
    }

    /// <summary>Maps the huge zero page.</summary>
    public void MapHugeZero()
    {
        Clear();
        Pmd = PmdState.HugeZero;
    }

    /// <summary>
    /// Takes the table out from under the PMD entry, as pmdp_collapse_flush() does: the entry is empty, the PTEs are where they were.
    /// </summary>
    public void Detach() => Pmd = PmdState.None;

    /// <summary>Puts the table back under the PMD entry, as pmd_populate() does.</summary>
    public void Attach() => Pmd = PmdState.Table;

    /// <summary>The huge page is being moved, or lives in device memory: an entry that is not present stands for it.</summary>
    /// <param name="state"><see cref="PmdState.Migration"/> or <see cref="PmdState.DevicePrivate"/>.</param>
    public void StandIn(PmdState state) => Pmd = state;

    private Pte[] Allocate()
    {
        _ptes = new Pte[_geometry.Pages];
        Array.Fill(_ptes, Pte.None);
        return _ptes;
    }
}
