using KhugepagedSpec.Processes;

namespace KhugepagedSpec.Cli.Text;

// Of one process Pid and Command say which; of several each has its own under Processes.
internal sealed record WhatIfJson(
    int? Pid, string? Command, string Asked, string Kernel, string At, string Capture, int PageKb, long Ranges, long ChangedRanges,
    MemoryJson BeforeKb, long SharedKb, IReadOnlyList<WhatIfProcessJson> Processes, IReadOnlyList<SkippedProcessJson> Skipped,
    IReadOnlyList<WhatIfCgroupJson> Cgroups, IReadOnlyList<IntervalJson> OverTime, IReadOnlyList<WhatIfCaseJson> Cases)
{
    /// <summary>With --html only: what each max_ptes_none would come to.</summary>
    public IReadOnlyList<SweepJson>? Sweep { get; init; }
}

internal sealed record SweepJson(string Sizes, int MaxPtesNone, long LargeAfterKb, long AddedKb, long Folios, bool Settled);

// Processes and PMD ranges between two captures; no prediction where the settings changed.
internal sealed record IntervalJson(
    string From, string To, int Processes, int ProcessesCame, int ProcessesGone, RangeChanges Ranges, PredictionCheck? Prediction);

internal sealed record MemoryJson(long Anonymous, long Large, long AnonHugePages, long Swap, long OutOfReach);

internal sealed record WhatIfProcessJson(
    int Pid, string Command, string Cgroup, string Capture, long Ranges, long ChangedRanges, MemoryJson BeforeKb, long SharedKb,
    long? RollupAnonymousKb, bool StoodStill, bool Differs, string? ThpDisable);

internal sealed record SkippedProcessJson(int Pid, string Why);

internal sealed record WhatIfCgroupJson(
    string Path, int Processes, int ProcessesHere, long AnonymousHereKb, long StatAnonymousBeforeKb, long StatAnonymousAfterKb,
    string? LimitFile, long? LimitKb, long? RoomKb);

internal sealed record WhatIfCaseJson(
    string Version, string Name, string Settings, int MaxPtesNone, long Ranges, IReadOnlyDictionary<int, long> FoliosMadeByOrder,
    long LargeAfterKb, long AddedKb, long FaultsAddKb, long FaultsMapKb, long SwappedInKb, long Tried, long Wasted, long WastedAgain,
    int Scans, bool Settled, int WakeUps, double SecondsAScan, long AllWakeUps, double SecondsInAll,
    IReadOnlyList<WhatIfProcessCaseJson> Processes, IReadOnlyList<WhatIfVmaJson> Vmas, int SmallerVmas, IReadOnlyList<LeftJson> Left,
    IReadOnlyList<PassedByJson> NotScanned, IReadOnlyList<string> Warnings, CostJson Cost, CostJson CostAgain);

internal sealed record PassedByJson(string Reason, int Vmas, long Kb, string First, int Pid);

internal sealed record WhatIfProcessCaseJson(
    int Pid, long Ranges, IReadOnlyDictionary<int, long> FoliosMadeByOrder, long LargeAfterKb, long AddedKb, long FaultsAddKb,
    long FaultsMapKb, long SwappedInKb, string Visited);

internal sealed record WhatIfVmaJson(
    int Pid, string Start, string End, string Name, long Ranges, long AnonymousKb, long LargeBeforeKb,
    IReadOnlyDictionary<int, long> FoliosMadeByOrder, long AddedKb, string Visited, string Lists);

internal sealed record LeftJson(string Result, string? Entry, long Ranges, long Kb, string First, int Pid);
