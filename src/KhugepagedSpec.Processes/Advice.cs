using System.Collections.Immutable;

namespace KhugepagedSpec.Processes;

/// <summary>What one wants of large folios.</summary>
public enum Aim
{
    /// <summary>As much mapped by them as costs the least memory.</summary>
    Memory,

    /// <summary>As much mapped by them as there can be.</summary>
    Tlb,

    /// <summary>As much mapped by them as a few percent of memory buy.</summary>
    Balanced,
}

/// <summary>Which of the cases to take.</summary>
/// <param name="Taken">The case; null if none meets the aim.</param>
/// <param name="Front">Cases of which no other maps as much for less: the price of each step.</param>
/// <param name="MostAdded">Pages that may be added at most.</param>
public sealed record Advice(WhatIfReport? Taken, ImmutableArray<WhatIfReport> Front, long MostAdded)
{
    /// <summary>Percent of the memory that there is that a balanced aim spends.</summary>
    public const int BalancedPercent = 5;

    /// <summary>Chooses.</summary>
    /// <param name="reports">The cases of one khugepaged.</param>
    /// <param name="anonymous">Pages that the process has.</param>
    /// <param name="aim">What is wanted.</param>
    /// <param name="percent">How much may be added at most, of what the process has; null for the aim's own bound.</param>
    public static Advice Of(IEnumerable<WhatIfReport> reports, long anonymous, Aim aim, double? percent)
    {
        ImmutableArray<WhatIfReport> all = [.. reports];
        double? part = percent ?? (aim == Aim.Balanced ? BalancedPercent : null);
        long most = part is { } given ? (long)(anonymous * given / 100) : aim == Aim.Memory ? all.Min(Price) : long.MaxValue;
        var taken = all.Where(report => report.IsSettled && Price(report) <= most)
            .OrderByDescending(report => report.LargeAfter).ThenBy(Price)
            .ThenBy(report => report.WastedAgain).ThenBy(report => report.Tried)
            .FirstOrDefault();
        var front = ImmutableArray.CreateBuilder<WhatIfReport>();
        foreach (var report in all.OrderBy(Price).ThenByDescending(report => report.LargeAfter).ThenBy(report => report.WastedAgain))
            if (front.Count == 0 || report.LargeAfter > front[^1].LargeAfter)
                front.Add(report);
        return new(taken, front.ToImmutable(), most);
    }

    /// <summary>
    /// Pages that a case may cost: khugepaged and faults fill the same windows, so the larger of the two, and not both.
    /// </summary>
    public static long Price(WhatIfReport report) => Math.Max(report.Added, report.AtFaults.Added);
}
