using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Memory;

/// <summary>One PMD entry of a running process and the PTEs under it.</summary>
public sealed class PteTable
{
    private readonly Pte[] _ptes;

    /// <summary>Makes a PMD entry without a table.</summary>
    public PteTable(Geometry geometry)
    {
        _ptes = new Pte[geometry.Pages];
        Clear();
    }

    /// <summary>What the PMD entry holds.</summary>
    public PmdState Pmd { get; private set; }

    /// <summary>The first frame of the huge page under <see cref="PmdState.Huge"/>.</summary>
    public int HugePfn { get; private set; } = -1;

    /// <summary>The bits of the huge PMD entry.</summary>
    public PteFlags HugeFlags { get; set; }

    /// <summary>The PTEs; meaningful under <see cref="PmdState.Table"/> only.</summary>
    public Span<Pte> Ptes => _ptes;

    /// <summary>Puts an empty PTE table under the PMD entry.</summary>
    public void Populate()
    {
        Array.Fill(_ptes, Pte.None);
        Pmd = PmdState.Table;
        HugePfn = -1;
    }

    /// <summary>Leaves the PMD entry empty.</summary>
    public void Clear()
    {
        Array.Fill(_ptes, Pte.None);
        Pmd = PmdState.None;
        HugePfn = -1;
    }

    /// <summary>Maps a huge page by the PMD entry.</summary>
    public void MapHuge(int pfn)
    {
        Array.Fill(_ptes, Pte.None);
        Pmd = PmdState.Huge;
        HugePfn = pfn;
        HugeFlags = PteFlags.Young | PteFlags.Dirty;
    }

    /// <summary>
    /// Turns the huge PMD entry into PTEs that map the same pages, with its bits. Source: Linux 7.2,
    /// <c>mm/huge_memory.c:__split_huge_pmd</c>.
    /// </summary>
    public void SplitPmd()
    {
        for (int i = 0; i < _ptes.Length; i++)
            _ptes[i] = new Pte(PteKind.Page, HugeFlags, HugePfn + i);
        Pmd = PmdState.Table;
        HugePfn = -1;
    }

    /// <summary>Turns the huge PMD entry into a migration entry: the huge page is being moved.</summary>
    public void StartHugeMigration() => Pmd = PmdState.Migration;
}
