using KhugepagedSpec.Collapse;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Policies;
using KhugepagedSpec.Results;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Daemon;

/// <summary>
/// madvise(MADV_COLLAPSE): every PMD range of the given pages, now, on the caller's account. Source: Linux 7.2,
/// <c>mm/khugepaged.c:madvise_collapse</c>, <c>madvise_collapse_errno</c>.
/// </summary>
public static class MadviseCollapse
{
    // After these the call goes on with the next range; after any other failure it returns.
    private static readonly ResultSet GoesOn = ResultSet.Of(
        ScanResult.NoPteTable, ScanResult.PteNonPresent, ScanResult.PteUffdWp, ScanResult.LackReferencedPage, ScanResult.PageNull,
        ScanResult.PageCount, ScanResult.PageLock, ScanResult.PageCompound, ScanResult.PageLru, ScanResult.DelPageLru);

    private static readonly ResultSet Again = ResultSet.Of(
        ScanResult.PageCount, ScanResult.PageLock, ScanResult.PageLru, ScanResult.DelPageLru, ScanResult.PageFilled,
        ScanResult.PageHasPrivate, ScanResult.PageDirtyOrWriteback);

    /// <summary>Makes the call.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="mm">The calling process.</param>
    /// <param name="vma">The VMA that holds the pages.</param>
    /// <param name="start">The first page.</param>
    /// <param name="end">One past the last page.</param>
    public static MadviseReport Call(Machine machine, AddressSpace mm, Vma vma, long start, long end)
    {
        var before = machine.Statistics.Copy();
        var tables = new List<TableRun>();
        if (Eligibility.PossibleOrders(machine, mm, vma, CollapseKind.Madvise).IsEmpty)
            return Done(ScanResult.VmaCheck, Errno.EINVAL);
        machine.LruBatch.Drain();
        int pages = machine.Geometry.Pages;
        long first = machine.Geometry.NextRangeStart(start), last = machine.Geometry.RangeStart(end);
        var collapse = new CollapseSinglePmd(machine);
        long progress = 0;
        var failure = ScanResult.Succeed;
        var current = vma;
        bool lockDropped = false;
        for (long range = first; range < last; range += pages)
        {
            if (lockDropped)
            {
                var result = HugepageVmaRevalidate.Run(
                    machine, mm, range, 0, machine.Geometry.PmdOrder, CollapseKind.Madvise, expectAnon: false, out var found);
                if (result != ScanResult.Succeed)
                {
                    failure = result;
                    break;
                }
                current = found!;
                last = Math.Min(last, machine.Geometry.RangeStart(current.End));
            }
            var run = collapse.Run(mm, current, range, CollapseKind.Madvise, ref progress);
            tables.Add(run);
            lockDropped = run.LockDropped;
            if (run.Status is ScanResult.Succeed or ScanResult.PmdMapped)
                continue;
            failure = run.Status;
            if (!GoesOn.Contains(failure))
                break;
        }
        return Done(failure, ErrnoOf(failure));

        MadviseReport Done(ScanResult result, Errno errno) => new(
            result == ScanResult.Succeed ? 0 : -1, errno,
            new PassReport(tables, machine.Statistics.Since(before), 0, 0));
    }

    private static Errno ErrnoOf(ScanResult result) => result switch
    {
        ScanResult.Succeed => Errno.None,
        ScanResult.AllocHugePageFail => Errno.ENOMEM,
        ScanResult.CgroupChargeFail or ScanResult.ExceedNonePte => Errno.EBUSY,
        _ when Again.Contains(result) => Errno.EAGAIN,
        _ => Errno.EINVAL,
    };
}
