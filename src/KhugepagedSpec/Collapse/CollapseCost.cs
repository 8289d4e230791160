using KhugepagedSpec.Results;

namespace KhugepagedSpec.Collapse;

/// <summary>What visits of PMD ranges cost, in what the kernel does and not in time.</summary>
/// <param name="Scans">PMD ranges scanned.</param>
/// <param name="Attempts">Attempts, each with an allocation of its order.</param>
/// <param name="Failed">Those of them that came to nothing.</param>
/// <param name="WriteLocks">How often the mmap lock was held for writing.</param>
/// <param name="PmdFlushes">PMD entries cleared and flushed: each an interrupt to every CPU that runs the process.</param>
/// <param name="PagesCopied">Pages copied.</param>
/// <param name="PagesCleared">Pages cleared where nothing was, or the zero page: memory added.</param>
/// <param name="PagesMapped">Pages of the folios made, a page that was replaced twice counted twice.</param>
public readonly record struct CollapseCost(
    long Scans, long Attempts, long Failed, long WriteLocks, long PmdFlushes, long PagesCopied, long PagesCleared, long PagesMapped)
{
    /// <summary>Both together.</summary>
    public static CollapseCost operator +(CollapseCost a, CollapseCost b) => new(
        a.Scans + b.Scans, a.Attempts + b.Attempts, a.Failed + b.Failed, a.WriteLocks + b.WriteLocks, a.PmdFlushes + b.PmdFlushes,
        a.PagesCopied + b.PagesCopied, a.PagesCleared + b.PagesCleared, a.PagesMapped + b.PagesMapped);

    /// <summary>The cost of one visit.</summary>
    public static CollapseCost Of(TableRun table)
    {
        ArgumentNullException.ThrowIfNull(table);
        long failed = 0, mapped = 0, cleared = 0;
        foreach (var attempt in table.Attempts)
        {
            if (attempt.Status != ScanResult.Succeed)
            {
                failed++;
                continue;
            }
            mapped += 1 << attempt.Order;
            cleared += attempt.Isolate?.NoneOrZero ?? 0;
        }
        return new(1, table.Attempts.Count, failed, table.WriteLocks, table.PmdFlushes, table.PagesCopied, cleared, mapped);
    }

    /// <summary>The cost of several.</summary>
    public static CollapseCost Of(IEnumerable<TableRun> tables) => tables.Aggregate(default(CollapseCost), (sum, table) => sum + Of(table));
}
