using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.UserSpace;

namespace KhugepagedSpec.Collapse;

/// <summary>What other actors do where collapse holds no lock that keeps them out: scripted, for the model that runs alone.</summary>
internal static class Interference
{
    private static readonly InjectedFault[] ByOthers =
        [.. Enum.GetValues<InjectedFault>().Where(what => what is > InjectedFault.CopyFails and not InjectedFault.TableReplaced)];

    /// <summary>In a gap of an attempt. Notes in <paramref name="run"/> which PTEs changed.</summary>
    public static void Act(Machine machine, AddressSpace mm, TableRun run, int order, int offset, Gap gap)
    {
        if (!machine.Script.HasAnyIn(gap))
            return;
        foreach (var what in ByOthers)
        {
            if (!machine.Script.Injects(what, order, offset, gap))
                continue;
            var before = TableImage.Read(machine, mm, run.Start);
            Do(machine, mm, run.Start, order, offset, what);
            NoteChanges(run, before, TableImage.Read(machine, mm, run.Start));
        }
    }

    /// <summary>Between passes, or before the scan of a range.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="mm">The process.</param>
    /// <param name="start">The range's first page.</param>
    /// <param name="gap">Which of the two.</param>
    public static void ActOutsideAttempts(Machine machine, AddressSpace mm, long start, Gap gap)
    {
        if (!machine.Script.HasAnyIn(gap))
            return;
        foreach (var what in ByOthers)
            if (machine.Script.InjectedOutsideAttempts(what, gap) is { } struck)
                Do(machine, mm, start, struck.Order ?? machine.Geometry.PmdOrder, struck.Offset ?? 0, what);
    }

    private static void Do(Machine machine, AddressSpace mm, long start, int order, int offset, InjectedFault what)
    {
        ToTheSettings(machine, order, what);
        ToTheRange(machine, mm, start, what);
        if (mm.TableAt(start).Pmd is PmdState.Table or PmdState.Huge)
            ToTheFirstPage(machine, mm, start + offset, what);
        if (mm.TableAt(start).Pmd == PmdState.Table && offset + (1 << order) <= machine.Geometry.Pages)
            ToTheWindow(machine, mm, start, offset, order, what);
    }

    private static void NoteChanges(TableRun run, PageTable before, PageTable after)
    {
        for (int i = 0; i < before.Cells.Length; i++)
            if (before.Pmd != after.Pmd || before.Cells[i] != after.Cells[i])
                run.Changes.Add(new ChangeByOthers(run.Attempts.Count, i, after.Cells[i]));
    }

    private static void ToTheSettings(Machine machine, int order, InjectedFault what)
    {
        var settings = machine.Settings;
        machine.Settings = what switch
        {
            InjectedFault.SizeTurnedOff =>
                settings with
                {
                    Always = settings.Always.Without(order),
                    Madvise = settings.Madvise.Without(order),
                    Inherit = settings.Inherit.Without(order)
                },
            InjectedFault.SizesTurnedOff => settings with { Always = OrderSet.Empty, Madvise = OrderSet.Empty, Inherit = OrderSet.Empty },
            _ => settings,
        };
    }

    private static void ToTheRange(Machine machine, AddressSpace mm, long start, InjectedFault what)
    {
        var vma = mm.FindVma(start);
        switch (what)
        {
            case InjectedFault.MmExits:
                mm.IsExiting = true;
                break;
            case InjectedFault.VmaUnmapped when vma is not null:
                Zap(machine, mm, start);
                mm.Replace(vma);
                break;
            case InjectedFault.VmaShrinks when vma is not null && vma.Start < start + machine.Geometry.Pages - 1:
                mm.Replace(vma, vma with { End = start + machine.Geometry.Pages - 1 });
                break;
            case InjectedFault.VmaTurnsFile when vma is not null:
                mm.Replace(vma, vma with { Flags = vma.Flags & ~VmaFlags.Anonymous });
                break;
            case InjectedFault.UffdRegistered when vma is not null:
                mm.Replace(vma, vma with { Flags = vma.Flags | VmaFlags.UffdMissing });
                break;
            case InjectedFault.TableFreed:
                Zap(machine, mm, start);
                break;
            case InjectedFault.PmdTurnsHuge:
                Zap(machine, mm, start);
                int pages = machine.Geometry.Pages;
                int folio = machine.Memory.Allocate(machine.Geometry.PmdOrder);
                machine.Memory.Map(folio, pages, mm.Id);
                mm.TableAt(start).MapHuge(folio);
                break;
        }
    }

    private static void ToTheFirstPage(Machine machine, AddressSpace mm, long page, InjectedFault what)
    {
        var program = new UserProgram(machine, mm);
        switch (what)
        {
            case InjectedFault.PageZapped:
                program.DontNeed(page, 1);
                break;
            case InjectedFault.PageSwappedOut:
                program.PageOut(page, 1);
                break;
            case InjectedFault.PagePinned:
                program.Pin(page, 1);
                break;
            case InjectedFault.PageFreed:
                program.Free(page, 1);
                break;
            case InjectedFault.PageWriteProtected:
                program.WriteProtect(page, 1);
                break;
            case InjectedFault.PageTurnsExclusive:
                new DeviceAccess(machine, mm).TakeExclusively(page);
                break;
            case InjectedFault.PageMovesToDevice:
                new DeviceAccess(machine, mm).MoveToDevice(page);
                break;
            case InjectedFault.PageMigrates:
                Migrate(machine, mm, page);
                break;
            case InjectedFault.PageTurnsDevice:
                program.DontNeed(page, 1);
                if (mm.TableAt(page).Pmd == PmdState.Table)
                    mm.TableAt(page).Ptes[machine.Geometry.IndexOf(page)] = new Pte(PteKind.ZoneDevice, PteFlags.Young, -1);
                break;
        }
    }

    private static void ToTheWindow(Machine machine, AddressSpace mm, long start, int offset, int order, InjectedFault what)
    {
        var window = mm.TableAt(start).Ptes.Slice(offset, 1 << order);
        switch (what)
        {
            case InjectedFault.PagesTurnFolio:
                TurnFolio(machine.Memory, mm, window, order);
                break;
            case InjectedFault.PagesAge or InjectedFault.PagesUsedElsewhere:
                foreach (ref var pte in window)
                {
                    if (pte.Kind != PteKind.Page)
                        continue;
                    pte = pte with
                    {
                        Flags = (pte.Flags & ~(PteFlags.Young | PteFlags.SecondaryYoung)) | (what == InjectedFault.PagesAge
                        ? PteFlags.None : PteFlags.SecondaryYoung)
                    };
                    machine.Memory.FolioOf(pte.Pfn).Flags &= ~FolioFlags.Referenced;
                }
                break;
        }
    }

    // Source: mm/rmap.c:try_to_migrate_one. The page is not back before somebody waits for it.
    private static void Migrate(Machine machine, AddressSpace mm, long page)
    {
        if (mm.TableAt(page).Pmd != PmdState.Table)
            return;
        ref var pte = ref mm.TableAt(page).Ptes[machine.Geometry.IndexOf(page)];
        if (pte.Kind != PteKind.Page || machine.Memory.FolioOf(pte.Pfn).Order > 0 || machine.Memory.FolioOf(pte.Pfn).MaybeMappedShared)
            return;
        machine.Memory.Unmap(pte.Pfn, 1, mm.Id);
        pte = pte with { Kind = PteKind.Migration };
    }

    // As a collapse of the window by somebody else, and a split of what maps it, would leave it.
    private static void TurnFolio(PhysicalMemory memory, AddressSpace mm, Span<Pte> window, int order)
    {
        int head = -1;
        for (int i = 0; i < window.Length; i++)
        {
            if (window[i].Kind != PteKind.Page || window[i].IsUffdWp || !IsPlain(memory.FolioOf(window[i].Pfn)))
                continue;
            if (head < 0)
                head = memory.Allocate(order);
            memory.Contents(head + i) = memory.Contents(window[i].Pfn);
            memory.Unmap(window[i].Pfn, 1, mm.Id);
            memory.Map(head + i, 1, mm.Id);
            window[i] = window[i] with { Pfn = head + i };
        }
        if (head >= 0 && memory.FolioOf(head).PagesMapped < window.Length)
            memory.FolioOf(head).Flags |= FolioFlags.PartiallyMapped;
    }

    private static bool IsPlain(in Folio folio) =>
        folio.Order == 0 && folio.Flags == FolioFlags.None && folio.Pins == 0 && !folio.MaybeMappedShared;

    private static void Zap(Machine machine, AddressSpace mm, long start) => new UserProgram(machine, mm).ZapTable(start);
}
