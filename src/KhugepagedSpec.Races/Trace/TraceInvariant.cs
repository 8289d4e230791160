using System.Collections.Immutable;

namespace KhugepagedSpec.Races.Trace;

/// <summary>Something that is true of every recorded race, whatever the model.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Says">What it says, in a sentence.</param>
/// <param name="Needs">The probes without which it cannot be judged.</param>
/// <param name="Holds">Where it is broken.</param>
public sealed record TraceInvariant(string Name, string Says, ImmutableArray<string> Needs,
    Func<RaceTrace, IReadOnlyList<CollapseAttempt>, IEnumerable<BrokenInvariant>> Holds)
{
    /// <summary>All of them.</summary>
    public static ImmutableArray<TraceInvariant> All { get; } =
    [
        new("each-clear-has-its-fill", "A PMD entry that an attempt empties is filled before the attempt drops the mmap lock.",
            ["pcf_r", "pmdpop", "mmap_lock_released"], PmdInvariants.ClearsAreFilled),
        new("nobody-else-while-out", "Between clear and fill nobody but the collapser changes a PTE of the range.",
            ["pcf_r", "pmdpop", "rmrm", "newrm", "mappte"], PmdInvariants.NobodyElseWhileOut),
        new("no-lock-in-a-detached-table", "Nobody but the collapser gets the lock of a table that was taken out.",
            ["pcf_r", "pmdpop", "poml_r"], PmdInvariants.NoLockInDetachedTable),
        new("writers-are-alone", "While one has the mmap lock for writing nobody else gets it.",
            ["mmap_lock_acquire_returned", "mmap_lock_released"], LockInvariants.WritersAreAlone),
        new("vma-writers-are-alone", "From vma_start_write to the end of the mmap lock nobody gets the VMA's lock.",
            ["vsw", "vsw_r", "lvma_r", "mmap_lock_released"], LockInvariants.VmaWritersAreAlone),
        new("results-agree",
            "An attempt ends as its steps did: what revalidation, the look at the PMD entry and isolation said, and what was filled.",
            ["reval_r", "pmdchk", "pcf_r", "pmdpop", "mm_collapse_huge_page"], ResultInvariants.ResultsAgree),
        new("isolation-counts-what-it-saw", "Isolation counts the empty entries that it looked at.",
            ["iso", "mm_collapse_huge_page_isolate"], ResultInvariants.IsolationCounts),
    ];

    /// <summary>Judges all of them.</summary>
    /// <returns>Where they are broken, and those that could not be judged, for want of a probe.</returns>
    public static (ImmutableArray<BrokenInvariant> Broken, ImmutableArray<(TraceInvariant Invariant, string Probe)> NotJudged) Judge(
        RaceTrace trace, IReadOnlyList<CollapseAttempt> attempts)
    {
        var judged = All.ToLookup(each => each.Needs.FirstOrDefault(probe => !trace.Probes.Contains(probe)));
        return ([.. judged[null].SelectMany(each => each.Holds(trace, attempts).Select(one => one with { Invariant = each.Name }))],
            [.. judged.Where(group => group.Key is not null).SelectMany(group => group.Select(each => (each, group.Key!)))]);
    }
}

/// <summary>A place where a trace breaks an invariant.</summary>
/// <param name="Attempt">The attempt it is about; null if none.</param>
/// <param name="At">The event that breaks it.</param>
/// <param name="Says">What is wrong, in a sentence.</param>
public sealed record BrokenInvariant(CollapseAttempt? Attempt, TraceEvent At, string Says)
{
    /// <summary>Its name.</summary>
    public string Invariant { get; init; } = "";
}
