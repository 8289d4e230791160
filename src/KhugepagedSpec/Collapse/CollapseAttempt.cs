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

    private readonly ScanResult Allocate()
    {
        var statistics = _machine.Statistics;
        if (Strikes(Mishap.AllocFails))
        {
            statistics.Count(MthpStatistic.CollapseAllocFailed, _order);
            if (IsPmdOrder)
                statistics.Count(VmEvent.ThpCollapseAllocFailed);
            return ScanResult.AllocHugePageFail;
        }
        var accounting = _machine.Version.Accounting;
        statistics.Count(MthpStatistic.CollapseAlloc, _order, accounting == AccountingRule.AllocationsTwice ? 2 : 1);
        if (IsPmdOrder || accounting == AccountingRule.EventsAtEveryOrder)
            statistics.Count(VmEvent.ThpCollapseAlloc);
        if (Strikes(Mishap.ChargeFails))
            return ScanResult.CgroupChargeFail;
        if (IsPmdOrder)
            statistics.CgroupCollapseAllocs++;
        return Strikes(Mishap.DeferredSplitFails) ? ScanResult.AllocHugePageFail : ScanResult.Succeed;
    }

    private ScanResult UnderReadLock()
    {
        Interference.Act(_machine, _mm, _run, _order, _offset, Gap.BeforeRead);
        _mm.MmapLock.Read();
        var result = Revalidate(out _);
        bool keepsLock = false;
        if (result == ScanResult.Succeed && _run.Scan.Unmapped > 0)
        {
            result = new Swapin(_machine, _mm, _run, _offset, _order).Run(out _swapin);
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
            return ScanResult.Fail;
        }
        var result = WriteLocked();
        _mm.MmapLock.EndWrite();
        return result;
    }

    private ScanResult WriteLocked()
    {
        var result = Revalidate(out var vma);
        if (result != ScanResult.Succeed)
            return result;
        if (Strikes(Mishap.TableReplaced, Gap.BeforeWrite))
            return ScanResult.Fail;
        if (vma!.IsUffdArmed)
            _run.ArmedFrom ??= _run.Attempts.Count;

        // From here on nobody else can reach the table: the PMD entry is empty until the window is installed or given up.
        var table = _mm.TableAt(_run.Start);
        var window = table.Ptes.Slice(_offset, 1 << _order);
        var isolation = new Isolation(_machine, vma, _kind, _offset, _order);
        result = isolation.Run(window, out var report);
        _isolate = report;
        if (result == ScanResult.Succeed && Strikes(Mishap.CopyFails))
        {
            isolation.PutBack(window);
            result = ScanResult.CopyMc;
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
    private readonly ScanResult Revalidate(out Vma? vma)
    {
        var result = Revalidation.Run(_machine, _mm, _run.Start, _order, _kind, out vma);
        if (result != ScanResult.Succeed)
            return result;
        if (!vma!.IsAnonymous)
            return ScanResult.PageAnon;
        return PageState.OfPmd(_mm.TableAt(_run.Start).Pmd);
    }

    private readonly bool Strikes(Mishap what, Gap gap = Gap.BeforeRead) =>
        !_machine.Script.IsEmpty && _machine.Script.Strikes(what, _order, _offset, gap);
}
