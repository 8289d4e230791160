using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Policies;
using KhugepagedSpec.Results;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Collapse;

/// <summary>
/// The swap-in step: at the PMD order every non-present PTE of the window is brought back, a fault at a time; below it the first one ends
/// the attempt. What was brought back stays, whatever becomes of the attempt. Source: Linux 7.2,
/// <c>mm/khugepaged.c:__collapse_huge_page_swapin</c>, <c>mm/memory.c:do_swap_page</c>.
/// </summary>
internal readonly ref struct CollapseHugePageSwapin(Machine machine, AddressSpace mm, TableRun run, int offset, int order)
{
    /// <summary>Brings back what may be, under the mmap read lock.</summary>
    /// <param name="report">What it did.</param>
    /// <param name="why">What ended it; null after success.</param>
    public ScanResult Run(out SwapinReport? report, out Refusal? why)
    {
        why = null;
        KernelAssert.BugOn(mm.TableAt(run.Start).Pmd != PmdState.Table);
        var window = mm.TableAt(run.Start).Ptes.Slice(offset, 1 << order);
        bool bringsBack = order == machine.Geometry.PmdOrder || IsAllowed(window);
        var result = ScanResult.Succeed;
        int swappedIn = 0;
        for (int i = 0; i < window.Length; i++)
        {
            ref var pte = ref window[i];
            if (pte.Kind == PteKind.None || pte.IsPresent)
                continue;
            if (machine.Version.SwapinEndsAtNonSwapEntries && machine.Version.IsRefusedNonSwap(pte.Kind))
            {
                result = ScanResult.PteNonPresent;
                why = new Refusal(RefusalStep.Swapin, RefusalCause.NoSwapEntry, offset + i) { Kind = pte.Kind };
                break;
            }
            if (!bringsBack)
            {
                result = CollapseCounters.Exceeded(machine, ScanResult.ExceedSwapPte, order);
                why = new Refusal(RefusalStep.Swapin, RefusalCause.TooManySwap, offset + i, 1, 0) { Kind = pte.Kind };
                break;
            }
            var kind = pte.Kind;
            result = BringBack(ref pte, offset + i);
            if (result != ScanResult.Succeed)
            {
                why = new Refusal(RefusalStep.Swapin, CauseOf(result, kind), offset + i) { Kind = kind };
                break;
            }
            swappedIn++;
        }
        if (result == ScanResult.Succeed && swappedIn > 0)
            machine.LruBatch.Drain();
        machine.Trace?.Add(new TraceEvent.Swapin(mm.Id, swappedIn, run.Scan.Referenced, result, order));
        report = new SwapinReport(swappedIn, result);
        return result;
    }

    // Below the PMD's order nothing is, in any kernel.
    private bool IsAllowed(ReadOnlySpan<Pte> window)
    {
        var below = machine.Version.SwapBelowPmd;
        if (below == BelowPmd.None)
            return false;
        int unmapped = 0;
        foreach (var pte in window)
            unmapped += pte.Kind == PteKind.None || pte.IsPresent ? 0 : 1;
        return unmapped <= new CollapseMaxPtes(machine.Settings, CollapseKind.Khugepaged, machine.Version).Swap(order, below);
    }

    private static RefusalCause CauseOf(ScanResult result, PteKind kind) =>
        result == ScanResult.PageLock ? RefusalCause.SwapinRetries
        : kind == PteKind.Swap ? RefusalCause.SwapinFails
        : RefusalCause.CannotComeBack;

    private ScanResult BringBack(ref Pte pte, int index)
    {
        switch (pte.Kind)
        {
            case PteKind.Swap:
                if (machine.Script.Injects(InjectedFault.SwapinRetries, order, offset))
                    return ScanResult.PageLock;
                if (machine.Script.Injects(InjectedFault.SwapinFails, order, offset))
                    return ScanResult.Fail;
                var (script, at) = (machine.Script, offset);
                var fault = new SwapFault(machine, mm, mm.FindVma(run.Start)!, run.Start);
                if (fault.Fails(mm.TableAt(run.Start).Ptes, index))
                    return ScanResult.Fail;
                int folio = fault.BringBack(
                    mm.TableAt(run.Start).Ptes, index,
                    script.IsEmpty ? null : size => script.Injects(InjectedFault.SwapinAllocFails, size, at));
                if (machine.Version.LruPutbackIsBatched)
                    machine.LruBatch.Add(folio, machine.Memory.FolioOf(folio).Order > 0);
                return ScanResult.Succeed;
            case PteKind.Migration or PteKind.DeviceExclusive or PteKind.DevicePrivate:
                // The fault waits for the migration, takes the page back from the device, or copies it back to memory.
                // A device-exclusive entry kept its mapping.
                if (pte.Kind != PteKind.DeviceExclusive)
                    machine.Memory.Map(pte.Pfn, 1, mm.Id);
                pte = new Pte(PteKind.Page, pte.Flags | PteFlags.Young, pte.Pfn);
                return ScanResult.Succeed;
            case PteKind.UffdWpMarker:
                pte = Pte.ZeroPage with { Flags = PteFlags.Young | PteFlags.UffdWp };
                return ScanResult.Succeed;
            default:
                return ScanResult.Fail;
        }
    }
}
