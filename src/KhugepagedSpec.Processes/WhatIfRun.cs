using System.Collections.Immutable;
using System.Runtime.InteropServices;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Results;

namespace KhugepagedSpec.Processes;

/// <summary>Runs a case to its end. Each scan is added to the sums by VMA as it ends, and not kept.</summary>
internal sealed class WhatIfRun
{
    /// <summary>Scans that a case has at most.</summary>
    public const int MostScans = 10;

    private readonly ImmutableArray<ProcessCapture> _captures;
    private readonly Dictionary<(int Mm, long Vma), Sum> _byVma = [];

    private WhatIfRun(ImmutableArray<ProcessCapture> captures) => _captures = captures;

    /// <summary>Runs it.</summary>
    public static WhatIfReport Of(ImmutableArray<ProcessCapture> captures, WhatIfCase what) => new WhatIfRun(captures).Run(what);

    private WhatIfReport Run(WhatIfCase what)
    {
        var machine = new WhatIfMachine(_captures, what.Version, what.Settings, what.Machine);
        var (largeBefore, swapBefore) = (machine.LargePagesByProcess, machine.SwappedOutByProcess);
        var first = machine.Scan();
        var left = LeftAlone.Of(_captures, first);
        var (firstCost, wakeUps) = (Add(first, isFirst: true), first.WakeUps);
        long allWakeUps = wakeUps;
        var (cost, costAgain) = (firstCost, firstCost);
        int scans = 1;
        for (first = null; Made(costAgain) > 0 && scans < MostScans; scans++)
        {
            var next = machine.Scan();
            costAgain = Add(next, isFirst: false);
            allWakeUps += next.WakeUps;
            cost += Made(costAgain) > 0 ? costAgain : default;
        }
        var (largeAfter, swapAfter) = (machine.LargePagesByProcess, machine.SwappedOutByProcess);
        var faults = _captures.Select(capture => FaultBound.Of(capture, what.Settings)).ToArray();
        var sums = _byVma.ToLookup(one => one.Key.Mm, one => one.Value);
        ProcessReport[] processes =
        [
            .. _captures.Select((capture, i) =>
            {
                var all = sums[i + 1].Aggregate(new Sum(), (sum, one) => sum + one);
                return new ProcessReport(capture, all.Scanned, all.Orders, capture.Pages.Large + largeAfter[i] - largeBefore[i], all.Added,
                    swapBefore[i] - swapAfter[i], faults[i]);
            }),
        ];
        var total = _byVma.Values.Aggregate(new Sum(), (sum, one) => sum + one);
        return new WhatIfReport(
            what, total.Scanned, total.Orders, processes.Sum(one => one.LargeAfter), total.Added, processes.Sum(one => one.SwappedIn),
            firstCost.Attempts, firstCost.Failed, costAgain.Failed, scans, Made(costAgain) == 0, wakeUps, ByVma(what), left)
        {
            AtFaults = faults.Aggregate(default(FaultBound), (sum, one) => sum + one),
            ByProcess = [.. processes],
            AllWakeUps = allWakeUps,
            Cost = cost,
            CostAgain = costAgain,
        };
    }

    // What it cost, in which what it tried and made is counted too.
    private CollapseCost Add(FullScan scan, bool isFirst)
    {
        var cost = default(CollapseCost);
        foreach (var table in scan.Tables)
        {
            cost += CollapseCost.Of(table);
            var vma = _captures[table.Mm - 1].VmaAt(table.Start).Vma;
            ref var sum = ref CollectionsMarshal.GetValueRefOrAddDefault(_byVma, (table.Mm, vma.Start), out _);
            sum ??= new Sum();
            if (isFirst && VmaReport.HasTable(table))
                sum.Scanned++;
            foreach (var attempt in table.Attempts.Where(attempt => attempt.Status == ScanResult.Succeed))
            {
                sum.Added += VmaReport.Filled(attempt);
                sum.Made[attempt.Order] = sum.Made.GetValueOrDefault(attempt.Order) + 1;
            }
        }
        return cost;
    }

    private static long Made(CollapseCost cost) => cost.Attempts - cost.Failed;

    private ImmutableArray<VmaReport> ByVma(WhatIfCase what)
    {
        Visit[] visits = [.. _captures.Select(capture => ProcessVisit.Of(capture, what))];
        return
        [
            .. _byVma.Where(one => one.Value.Scanned > 0).Select(one =>
                {
                    var capture = _captures[one.Key.Mm - 1];
                    var vma = capture.VmaAt(one.Key.Vma);
                    return new VmaReport(vma, one.Value.Scanned, one.Value.Orders, one.Value.Added, capture.Head)
                    {
                        Visit = visits[one.Key.Mm - 1],
                        Lists = ProcessVisit.Of(capture, vma, what),
                    };
                })
                .OrderByDescending(report => report.Vma.Pages.Anonymous).ThenBy(report => report.Process.Pid)
                .ThenBy(report => report.Vma.Vma.Start),
        ];
    }

    private sealed class Sum
    {
        public long Scanned, Added;

        public Dictionary<int, long> Made { get; } = [];

        public ImmutableSortedDictionary<int, long> Orders => Made.ToImmutableSortedDictionary();

        public static Sum operator +(Sum a, Sum b)
        {
            a.Scanned += b.Scanned;
            a.Added += b.Added;
            foreach (var (order, folios) in b.Made)
                a.Made[order] = a.Made.GetValueOrDefault(order) + folios;
            return a;
        }
    }
}
