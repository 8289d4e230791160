using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Collapse;

/// <summary>
/// One window replaced by one folio: allocate, look the VMA up again, swap in, and under the write lock isolate, copy, install. A failure
/// leaves every PTE of the window as it was; what was swapped in stays so. Source: Linux 7.2, <c>mm/khugepaged.c:collapse_huge_page</c>.
/// </summary>
/// <param name="machine">The machine.</param>
/// <param name="mm">The process.</param>
/// <param name="run">The visit of the PMD range that this is a part of.</param>
/// <param name="kind">Who collapses.</param>
/// <param name="offset">The window's first PTE.</param>
/// <param name="order">The window's order.</param>
internal ref struct CollapseHugePage(Machine machine, AddressSpace mm, TableRun run, CollapseKind kind, int offset, int order)
{
    private IsolateReport? _isolate;
    private SwapinReport? _swapin;
    private Refusal? _why;

    /// <summary>What ended it; null after success.</summary>
    public readonly Refusal? Why => _why;

    /// <summary>Tries it; with the mmap lock neither held before nor after.</summary>
    public Attempt Run()
    {
        var result = AllocChargeFolio.Run(machine, order, offset, out _why);
        if (result == ScanResult.Succeed && machine.Script.Injects(InjectedFault.DeferredSplitFails, order, offset))
            result = Refused(ScanResult.AllocHugePageFail, RefusalStep.Allocation, RefusalCause.NoSplitList, limit: order);
        if (result == ScanResult.Succeed)
            result = UnderReadLock();
        if (result == ScanResult.Succeed)
            result = UnderWriteLock();
        machine.Trace?.Add(new TraceEvent.CollapseHugePage(mm.Id, result == ScanResult.Succeed, result, order));
        return new Attempt(offset, order, result, _isolate, _swapin);
    }

    private ScanResult UnderReadLock()
    {
        Interference.Act(machine, mm, run, order, offset, Gap.BeforeRead);
        mm.MmapLock.Read();
        var result = Revalidate(RefusalStep.ReadLock, out _);
        if (result == ScanResult.Succeed)
            result = OrNoTable(CheckPmdState.Of(mm.TableAt(run.Start).Pmd), RefusalStep.ReadLock);
        if (result == ScanResult.Succeed && run.Scan.Unmapped > 0)
            result = new CollapseHugePageSwapin(machine, mm, run, offset, order).Run(out _swapin, out _why);
        if (result != ScanResult.ExceedSwapPte || !machine.Version.SwapBailKeepsLock)
            mm.MmapLock.EndRead();
        return result;
    }

    private ScanResult UnderWriteLock()
    {
        Interference.Act(machine, mm, run, order, offset, Gap.BeforeWrite);
        if (!mm.MmapLock.Write())
        {
            run.Hangs = true;
            return Refused(ScanResult.Fail, RefusalStep.WriteLock, RefusalCause.WaitsForLock, found: run.Attempts.Count);
        }
        if (!machine.Version.ReplacesPteByPte)
            run.WriteLocks++;
        var result = Revalidate(RefusalStep.WriteLock, out var vma);
        if (result == ScanResult.Succeed)
            result = OrNoTable(CheckPmdState.IsStillValid(machine, mm, run.Start, order, offset), RefusalStep.WriteLock);
        if (result == ScanResult.Succeed)
            result = Replace(vma!);
        mm.MmapLock.EndWrite();
        return result;
    }

    // Nobody else can reach the table while the PMD entry is empty; vma_start_write and the anon_vma lock keep everybody away who
    // would find it empty. What they and the flush are for is in the interleaving model.
    private ScanResult Replace(Vma vma)
    {
        if (machine.Version.KeepsHolesOf(vma))
            run.ArmedFrom ??= run.Attempts.Count;
        var table = mm.TableAt(run.Start);
        var window = table.Ptes.Slice(offset, 1 << order);

        // pmdp_collapse_flush
        table.Detach();
        if (!machine.Version.ReplacesPteByPte)
            run.PmdFlushes++;
        var isolate = new CollapseHugePageIsolate(machine, vma, kind, offset, order);
        var result = isolate.Run(table.Ptes, out var report);
        _isolate = report;
        _why = isolate.Why;
        if (result != ScanResult.Succeed)
        {
            KernelAssert.BugOn(table.Pmd != PmdState.None);
            Reinstate(table, window);
            return result;
        }
        var copy = new CollapseHugePageCopy(machine, mm, order);
        if (machine.Script.Injects(InjectedFault.CopyFails, order, offset))
        {
            // __collapse_huge_page_copy_failed
            Reinstate(table, window);
            isolate.ReleasePtePages(window);
            return Refused(ScanResult.CopyMc, RefusalStep.Copy, RefusalCause.MemoryError, offset);
        }
        int folio = machine.Memory.Allocate(order, (byte)run.Scan.Node);
        copy.Run(window, folio);
        run.PagesCopied += window.Length - report.NoneOrZero;
        copy.Succeeded(window);
        KernelAssert.BugOn(table.Pmd != PmdState.None);
        new MapAnonFolio(machine, mm, vma, offset, order).Run(table, window, folio);
        return ScanResult.Succeed;
    }

    private ScanResult Revalidate(RefusalStep step, out Vma? vma)
    {
        var result = HugepageVmaRevalidate.Run(machine, mm, run.Start, offset, order, kind, expectAnon: true, out vma);
        if (result != ScanResult.Succeed)
            _why = HugepageVmaRevalidate.Why(machine, mm, run.Start, offset, order, kind, step, result);
        return result;
    }

    private ScanResult OrNoTable(ScanResult result, RefusalStep step) => result switch
    {
        ScanResult.Succeed => result,
        ScanResult.Fail => Refused(result, step, RefusalCause.AnotherTable),
        _ => Refused(result, step, RefusalCause.NoTable, found: (int)mm.TableAt(run.Start).Pmd),
    };

    private ScanResult Refused(ScanResult result, RefusalStep step, RefusalCause cause, int pte = -1, long found = 0, long limit = 0)
    {
        _why = new Refusal(step, cause, pte, found, limit);
        return result;
    }

    // pmd_populate: the table is back where it was, as it was.
    private readonly void Reinstate(PteTable table, Span<Pte> window)
    {
        table.Attach();
        machine.Version.Sabotage?.AfterReinstate(table, window);
    }
}
