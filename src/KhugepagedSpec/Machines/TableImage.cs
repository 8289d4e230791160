using System.Collections.Immutable;
using System.Runtime.InteropServices;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Machines;

/// <summary>Between the written page table and the running one: puts one into a process, and reads one back.</summary>
public static class TableImage
{
    /// <summary>
    /// Builds the folios and PTEs of <paramref name="table"/> below one PMD entry. Every page gets contents of its own, or
    /// zeroes if its cell says so; a shared cell is mapped once more by a process outside the model. All KSM cells are one page.
    /// </summary>
    /// <param name="machine">The machine.</param>
    /// <param name="mm">The process.</param>
    /// <param name="start">The range's first page; a multiple of the PMD range.</param>
    /// <param name="table">What to build.</param>
    public static void Place(Machine machine, AddressSpace mm, long start, PageTable table)
    {
        var live = mm.TableAt(start);
        switch (table.Pmd)
        {
            case PmdState.None:
                live.Clear();
                break;
            case PmdState.HugeZero:
                live.MapHugeZero();
                break;
            case PmdState.Huge or PmdState.Migration or PmdState.DevicePrivate:
                PlaceHuge(machine, mm, live, table);
                break;
            default:
                live.Populate();
                PlacePtes(machine, mm, live, table);
                break;
        }
    }

    /// <summary>Reads one PMD entry and what is below it.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="mm">The process.</param>
    /// <param name="start">The range's first page.</param>
    /// <param name="bornAfter">Large folios allocated later than this are marked <see cref="CellFlags.New"/>.</param>
    public static PageTable Read(Machine machine, AddressSpace mm, long start, int bornAfter = int.MaxValue)
    {
        var live = mm.TableAt(start);
        if (live.Pmd is not (PmdState.Table or PmdState.Huge))
            return PageTable.Empty(machine.Geometry, live.Pmd);
        var cells = new Cell[machine.Geometry.Pages];
        if (live.Pmd == PmdState.Huge)
        {
            for (int i = 0; i < cells.Length; i++)
                cells[i] = CellOf(machine.Memory, new Pte(PteKind.Page, live.HugeFlags, live.HugePfn + i), bornAfter);
        }
        else
        {
            var ptes = live.Ptes;
            for (int i = 0; i < cells.Length; i++)
                cells[i] = CellOf(machine.Memory, ptes[i], bornAfter);
        }
        return new PageTable(machine.Geometry, ImmutableCollectionsMarshal.AsImmutableArray(cells), live.Pmd);
    }

    /// <summary>What reading a page of the range gives: its contents' tag; 0 where nothing is mapped, -1 where nothing can be
    /// read.</summary>
    public static long ReadContents(Machine machine, AddressSpace mm, long page)
    {
        var live = mm.TableAt(page);
        int index = machine.Geometry.IndexOf(page);
        if (live.HugePfn >= 0)
            return (long)machine.Memory.Contents(live.HugePfn + index);
        if (live.Pmd == PmdState.HugeZero)
            return 0;
        var pte = live.Ptes[index];
        return pte.Kind switch
        {
            PteKind.None or PteKind.ZeroPage or PteKind.UffdWpMarker => 0,
            _ when pte.Pfn >= 0 && pte.Kind != PteKind.HwPoison => (long)machine.Memory.Contents(pte.Pfn),
            _ => -1,
        };
    }

    private static Cell CellOf(PhysicalMemory memory, Pte pte, int bornAfter)
    {
        if (pte.Kind == PteKind.None)
            return Cell.None;
        if (pte.Kind != PteKind.Page)
            return new Cell(
                pte.Kind, pte.IsUffdWp ? CellFlags.UffdWp : CellFlags.None, Slot: pte.Kind == PteKind.Swap ? memory.FolioOf(pte.Pfn).Slot
                    : 0);
        ref var folio = ref memory.FolioOf(pte.Pfn);
        var flags = (CellFlags)pte.Flags & OfPte;
        if (pte.IsSecondaryYoung)
            flags |= CellFlags.SecondaryYoung;
        if (folio.MaybeMappedShared)
            flags |= CellFlags.Shared;
        if (folio.Pins > 0)
            flags |= CellFlags.Pinned;
        if (folio.Flags != FolioFlags.None)
            flags |= FlagsOf(folio.Flags);
        if (memory.Contents(pte.Pfn) == 0)
            flags |= CellFlags.ZeroFilled;
        if (folio.Order > 0 && folio.Born > bornAfter)
            flags |= CellFlags.New;
        return new Cell(PteKind.Page, flags, folio.Order, (ushort)(pte.Pfn - memory.HeadOf(pte.Pfn)), folio.Node);
    }

    private static CellFlags FlagsOf(FolioFlags flags)
    {
        var cell = CellFlags.None;
        foreach (var (folioFlag, cellFlag) in FlagPairs)
            if ((flags & folioFlag) != 0)
                cell |= cellFlag;
        return cell;
    }

    private static FolioFlags FlagsOf(CellFlags flags)
    {
        var folio = FolioFlags.None;
        foreach (var (folioFlag, cellFlag) in FlagPairs)
            if ((flags & cellFlag) != 0)
                folio |= folioFlag;
        return folio;
    }

    // The same numbers in both.
    // ksmd makes another page for those that come after. Source: Linux 7.2, mm/ksm.c:__is_page_sharing_candidate, ksm_max_page_sharing.
    private const int MaxKsmSharing = 256;

    private const CellFlags OfPte = CellFlags.Young | CellFlags.Dirty | CellFlags.UffdWp;

    private static readonly ImmutableArray<(FolioFlags Folio, CellFlags Cell)> FlagPairs =
    [
        (FolioFlags.Locked, CellFlags.Locked),
        (FolioFlags.OffLru, CellFlags.OffLru),
        (FolioFlags.Referenced, CellFlags.Referenced),
        (FolioFlags.LazyFree, CellFlags.LazyFree),
        (FolioFlags.NotAnon, CellFlags.NotAnon),
        (FolioFlags.Ksm, CellFlags.Ksm),
    ];

    private static void PlaceHuge(Machine machine, AddressSpace mm, PteTable live, PageTable table)
    {
        var memory = machine.Memory;
        int pages = machine.Geometry.Pages;
        var cell = table.Pmd == PmdState.Huge ? table.Cells[0] : Cell.Plain;
        int folio = Made(memory, cell with { Order = (byte)machine.Geometry.PmdOrder });
        for (int i = 0; i < pages; i++)
            Fill(memory, folio + i, table.Cells[i]);
        memory.Map(folio, pages, mm.Id);
        if (cell.Has(CellFlags.Shared))
            memory.FolioOf(folio).MappedElsewhere += pages;
        live.MapHuge(folio);
        live.HugeFlags = PteFlagsOf(cell.Flags);
        if (table.Pmd != PmdState.Huge)
            live.StandIn(table.Pmd);
    }

    private static PteFlags PteFlagsOf(CellFlags flags) =>
        (PteFlags)(flags & OfPte) | (flags.HasFlag(CellFlags.SecondaryYoung) ? PteFlags.SecondaryYoung : PteFlags.None);

    private static void PlacePtes(Machine machine, AddressSpace mm, PteTable live, PageTable table)
    {
        var memory = machine.Memory;
        var ptes = live.Ptes;
        Dictionary<(int Base, byte Order), int>? largeFolios = null;
        int ksmPage = -1;
        for (int i = 0; i < ptes.Length; i++)
        {
            var cell = table.Cells[i];
            if (cell.Kind == PteKind.None)
                continue;
            int pfn = cell.Kind switch
            {
                PteKind.Page when cell.Has(CellFlags.Ksm) && ksmPage >= 0 && memory.FolioOf(ksmPage).MapCount < MaxKsmSharing => ksmPage,
                PteKind.Page => FrameFor(memory, cell, i, ref largeFolios),
                PteKind.Swap or PteKind.Migration or PteKind.DeviceExclusive or PteKind.DevicePrivate or PteKind.HwPoison =>
                    memory.Allocate(0),
                _ => -1,
            };
            if (pfn >= 0)
                Fill(memory, pfn, cell);
            if (cell.Kind == PteKind.Swap)
            {
                // Swapped out by itself.
                machine.Swap.Claim(memory, pfn, cell.Slot);
                if (cell.Has(CellFlags.ZeroFilled))
                    memory.FolioOf(pfn).Flags |= FolioFlags.InZeromap;
            }
            if (cell.Kind is PteKind.Page or PteKind.DeviceExclusive)
                memory.Map(pfn, 1, mm.Id);
            if (cell.Kind == PteKind.Page)
            {
                if (cell.Has(CellFlags.Shared) && pfn != ksmPage)
                    memory.FolioOf(pfn).MappedElsewhere++;
                if (cell.Has(CellFlags.Ksm))
                    ksmPage = pfn;
            }
            ptes[i] = new Pte(cell.Kind, PteFlagsOf(cell.Flags), pfn);
        }
        if (largeFolios is null)
            return;
        foreach (int head in largeFolios.Values)
        {
            if (memory.FolioOf(head).PagesMapped < 1 << memory.FolioOf(head).Order)
                memory.NotePartiallyMapped(head);
        }
    }

    private static int FrameFor(PhysicalMemory memory, Cell cell, int index, ref Dictionary<(int Base, byte Order), int>? largeFolios)
    {
        if (cell.Order == 0)
            return Made(memory, cell);
        largeFolios ??= [];
        var key = (index - cell.Page, cell.Order);
        if (!largeFolios.TryGetValue(key, out int head))
            largeFolios.Add(key, head = Made(memory, cell));
        return head + cell.Page;
    }

    private static int Made(PhysicalMemory memory, Cell cell)
    {
        int pfn = memory.Allocate(cell.Order, cell.Node);
        ref var folio = ref memory.FolioOf(pfn);
        folio.Flags = FlagsOf(cell.Flags);
        folio.Pins = cell.Has(CellFlags.Pinned) ? 1 : 0;
        return pfn;
    }

    private static void Fill(PhysicalMemory memory, int pfn, Cell cell) =>
        memory.Contents(pfn) = cell.Has(CellFlags.ZeroFilled) ? 0 : memory.NextTag();
}
