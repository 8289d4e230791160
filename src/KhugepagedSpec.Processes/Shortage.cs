using System.Collections.Immutable;

namespace KhugepagedSpec.Processes;

/// <summary>A limit of a cgroup that leaves less room than a case needs.</summary>
/// <param name="Limit">The limit.</param>
/// <param name="Grows">Pages that the processes under it would grow by.</param>
/// <param name="Folio">Pages of the largest folio that is made there: charged before the pages that it replaces are given back.</param>
public sealed record ChargeShortage(CgroupLimit Limit, long Grows, long Folio)
{
    /// <summary>Those of a machine's cgroups that a case comes to.</summary>
    public static ImmutableArray<ChargeShortage> Of(MachineCapture machine, WhatIfReport report) =>
    [
        .. machine.Cgroups.Select(cgroup => cgroup.Limit).OfType<CgroupLimit>().DistinctBy(limit => limit.File)
            .Select(limit =>
            {
                var under = report.ByProcess.Where(one => CgroupFigures.Holds(limit.Cgroup, one.Process.Head.Cgroup)).ToList();
                int order = under.SelectMany(one => one.Made.Keys).DefaultIfEmpty(0).Max();
                return new ChargeShortage(limit, under.Sum(one => one.Added + one.SwappedIn), order == 0 ? 0 : 1L << order);
            })
            .Where(shortage => shortage.Folio > 0 && shortage.Limit.Room < Math.Max(shortage.Grows, shortage.Folio)),
    ];
}

/// <summary>A size of which fewer blocks are free than folios would be made.</summary>
/// <param name="Order">The order.</param>
/// <param name="Folios">Folios that would be made.</param>
/// <param name="Free">Blocks of the order that are free, larger ones split up.</param>
public sealed record BlockShortage(int Order, long Folios, long Free)
{
    /// <summary>Those of a case, the largest first; none where the machine's blocks were not read.</summary>
    public static ImmutableArray<BlockShortage> Of(MachineCapture machine, WhatIfReport report) =>
    [
        .. report.Made.Reverse().Where(made => machine.Head.FreeOf(made.Key) < made.Value)
            .Select(made => new BlockShortage(made.Key, made.Value, machine.Head.FreeOf(made.Key)!.Value)),
    ];
}
