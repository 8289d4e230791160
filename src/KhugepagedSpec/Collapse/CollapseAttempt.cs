using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Collapse;

/// <summary>
/// One attempt to collapse one window: allocate, look again under the read lock, swap in, look again under the write lock,
/// isolate, copy, install. A failure leaves every PTE of the window as it was; what was swapped in stays so.
/// Source: Linux 7.2, <c>mm/khugepaged.c:collapse_huge_page</c>.
/// </summary>
internal ref struct CollapseAttempt
{
    private readonly Machine _machine;
    private readonly AddressSpace _mm;
    private readonly TableRun _run;
    private readonly CollapseKind _kind;
    private readonly int _offset;
    private readonly int _order;
    private IsolateReport? _isolate;
    private SwapinReport? _swapin;
    private Refusal? _why;

    public CollapseAttempt(Machine machine, AddressSpace mm, TableRun run, CollapseKind kind, int offset, int order)
    {
        _machine = machine;
        _mm = mm;
        _run = run;
        _kind = kind;
        _offset = offset;
        _order = order;
    }

    private readonly bool IsPmdOrder => _order == _machine.Geometry.PmdOrder;

    /// <summary>What ended it; null after success.</summary>
    public readonly Refusal? Why => _why;

    public Attempt Run()
    {
        var result = Allocate();
        if (result == ScanResult.Succeed)
            result = UnderReadLock();
        if (result == ScanResult.Succeed)
            result = UnderWriteLock();
        _machine.Trace?.Add(new TraceEvent.CollapseHugePage(_mm.Id, result == ScanResult.Succeed, result, _order));
        return new Attempt(_offset, _order, result, _isolate, _swapin);
    }

    private ScanResult Allocate()
    {
        var statistics = _machine.Statistics;
        if (Strikes(Mishap.AllocFails))
        {
            statistics.Count(MthpStatistic.CollapseAllocFailed, _order);
            if (IsPmdOrder)
                statistics.Count(VmEvent.ThpCollapseAllocFailed);
            return Refused(ScanResult.AllocHugePageFail, RefusalStep.Allocation, RefusalCause.NoFolio, limit: _order);
        }
        var accounting = _machine.Version.Accounting;
        statistics.Count(MthpStatistic.CollapseAlloc, _order, accounting == AccountingRule.AllocationsTwice ? 2 : 1);
        if (IsPmdOrder || accounting == AccountingRule.EventsAtEveryOrder)
            statistics.Count(VmEvent.ThpCollapseAlloc);
        if (Strikes(Mishap.ChargeFails))
            return Refused(ScanResult.CgroupChargeFail, RefusalStep.Allocation, RefusalCause.NoCharge, limit: _order);
        if (IsPmdOrder)
            statistics.CgroupCollapseAllocs++;
        return Strikes(Mishap.DeferredSplitFails)
            ? Refused(ScanResult.AllocHugePageFail, RefusalStep.Allocation, RefusalCause.NoSplitList, limit: _order)
            : ScanResult.Succeed;
    }

    private ScanResult UnderReadLock()
    {
        Interference.Act(_machine, _mm, _run, _order, _offset, Gap.BeforeRead);
        _mm.MmapLock.Read();
        var result = Revalidate(RefusalStep.ReadLock, out _);
        bool keepsLock = false;
        if (result == ScanResult.Succeed && _run.Scan.Unmapped > 0)
        {
            result = new Swapin(_machine, _mm, _run, _offset, _order).Run(out _swapin, out _why);
            keepsLock = result == ScanResult.ExceedSwapPte && _machine.Version.Isolation.SwapBailKeepsLock;
        }
        if (!keepsLock)
            _mm.MmapLock.EndRead();
        return result;
    }

    private ScanResult UnderWriteLock()
    {
        Interference.Act(_machine, _mm, _run, _order, _offset, Gap.BeforeWrite);
        if (!_mm.MmapLock.Write())
        {
            _run.Hangs = true;
            return Refused(ScanResult.Fail, RefusalStep.WriteLock, RefusalCause.WaitsForLock, found: _run.Attempts.Count);
        }
        var result = WriteLocked();
        _mm.MmapLock.EndWrite();
        return result;
    }

    private ScanResult WriteLocked()
    {
        var result = Revalidate(RefusalStep.WriteLock, out var vma);
        if (result != ScanResult.Succeed)
            return result;
        if (Strikes(Mishap.TableReplaced, Gap.BeforeWrite))
            return Refused(ScanResult.Fail, RefusalStep.WriteLock, RefusalCause.AnotherTable);
        if (vma!.IsUffdArmed)
            _run.ArmedFrom ??= _run.Attempts.Count;

        // From here on nobody else can reach the table: the PMD entry is empty until the window is installed or given up.
        var table = _mm.TableAt(_run.Start);
        var window = table.Ptes.Slice(_offset, 1 << _order);
        var isolation = new Isolation(_machine, vma, _kind, _offset, _order);
        result = isolation.Run(window, out var report);
        _isolate = report;
        _why = isolation.Why;
        if (result == ScanResult.Succeed && Strikes(Mishap.CopyFails))
        {
            isolation.PutBack(window);
            result = Refused(ScanResult.CopyMc, RefusalStep.Copy, RefusalCause.MemoryError, _offset);
        }
        if (result != ScanResult.Succeed)
        {
            Reinstate(table, window);
            return result;
        }
        new Installation(_machine, _mm, vma, _offset, _order, _run.Scan.Node).Run(table, window);
        return ScanResult.Succeed;
    }

    // The PMD entry comes back with the table as it was; only a mistaken version loses something here.
    private readonly void Reinstate(PteTable table, Span<Pte> window)
    {
        switch (_machine.Version.Rollback)
        {
            case RollbackRule.LeavesOneOut:
                window[0] = Pte.None;
                break;
            case RollbackRule.ForgetsPmd:
                table.Clear();
                break;
        }
    }

    // Source: mm/khugepaged.c:find_pmd_or_thp_or_none.
    private ScanResult Revalidate(RefusalStep step, out Vma? vma)
    {
        var result = Revalidation.Run(_machine, _mm, _run.Start, _order, _kind, out vma);
        if (result != ScanResult.Succeed)
        {
            _why = Revalidation.Why(_machine, _mm, _run.Start, _order, _kind, step, result);
            return result;
        }
        if (!vma!.IsAnonymous)
            return Refused(ScanResult.PageAnon, step, RefusalCause.VmaNotAnon);
        var pmd = _mm.TableAt(_run.Start).Pmd;
        result = PageState.OfPmd(pmd);
        return result == ScanResult.Succeed ? result : Refused(result, step, RefusalCause.NoTable, found: (int)pmd);
    }

    private ScanResult Refused(ScanResult result, RefusalStep step, RefusalCause cause, int pte = -1, long found = 0, long limit = 0)
    {
        _why = new Refusal(step, cause, pte, found, limit);
        return result;
    }

    private readonly bool Strikes(Mishap what, Gap gap = Gap.BeforeRead) =>
        !_machine.Script.IsEmpty && _machine.Script.Strikes(what, _order, _offset, gap);
}
