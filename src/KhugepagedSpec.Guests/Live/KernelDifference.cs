using System.Collections.Immutable;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;

namespace KhugepagedSpec.Guests.Live;

/// <summary>What two kernels can differ in.</summary>
public enum DifferenceClass
{
    /// <summary>Scans and attempts, what the call returned.</summary>
    Attempts,

    /// <summary>The page table, AnonHugePages, contents.</summary>
    Table,

    /// <summary>Per-size statistics, vmstat, pages_collapsed, the gauges.</summary>
    Counters,

    /// <summary>The tracepoints' lines, where attempts are the same.</summary>
    Traces,

    /// <summary>What a kernel logged of itself.</summary>
    Log,
}

/// <summary>Where two kernels part, in one class.</summary>
/// <param name="Class">In what.</param>
/// <param name="Pass">The pass, from 1.</param>
/// <param name="What">What differs.</param>
/// <param name="Base">What the first does.</param>
/// <param name="Patched">What the second does.</param>
public sealed record KernelDifference(DifferenceClass Class, int Pass, string What, string Base, string Patched)
{
    /// <summary>The first difference of each class between what two kernels did with the same scenario.</summary>
    internal static ImmutableArray<KernelDifference> Between(RecordedVector one, RecordedVector other)
    {
        var found = ImmutableArray.CreateBuilder<KernelDifference>();
        for (int pass = 1; pass <= one.Passes.Length; pass++)
        {
            var (a, b) = (one.Passes[pass - 1], other.Passes[pass - 1]);
            if (a.IsTraced && b.IsTraced)
            {
                Add(DifferenceClass.Attempts, pass, "scans", Text(a.Scans), Text(b.Scans));
                Add(DifferenceClass.Attempts, pass, "attempts", Text(a.Attempts.Select(Known)), Text(b.Attempts.Select(Known)));
            }
            Add(DifferenceClass.Attempts, pass, "return", $"{a.Return} {a.Errno}", $"{b.Return} {b.Errno}");
            Add(DifferenceClass.Table, pass, "table", Text(a.After), Text(b.After));
            Add(DifferenceClass.Table, pass, "AnonHugePages", $"{a.PmdMappedKb} kB", $"{b.PmdMappedKb} kB");
            if (a.Trace is { } ours && b.Trace is { } theirs)
                Add(DifferenceClass.Traces, pass, "trace lines", Text(ours), Text(theirs));
        }
        Add(DifferenceClass.Table, one.Passes.Length, "pages with wrong contents", $"{one.WrongPages}", $"{other.WrongPages}");
        return found.ToImmutable();

        // Where one has no probe nothing says where an attempt stood.
        Attempt Known(Attempt attempt) =>
            one.Passes.Concat(other.Passes).Any(pass => pass.Attempts.Any(each => each.Offset == Attempt.UnknownOffset))
                ? attempt with { Offset = Attempt.UnknownOffset } : attempt;

        void Add(DifferenceClass @class, int pass, string what, string ours, string theirs)
        {
            if (ours != theirs && found.All(each => each.Class != @class))
                found.Add(new KernelDifference(@class, pass, what, ours, theirs));
        }
    }

    /// <summary>The first difference between the counters of two kernels' passes over the same scenarios; null if there is none.</summary>
    internal static KernelDifference? OfCounters(RecordedVector one, RecordedVector other)
    {
        for (int pass = 1; pass <= one.Passes.Length; pass++)
        {
            var (a, b) = (one.Passes[pass - 1].Counters, other.Passes[pass - 1].Counters);
            foreach (var (what, ours, theirs) in new[]
            {
                ("statistics", Text(a.Statistics), Text(b.Statistics)), ("vmstat", Text(a.Events), Text(b.Events)),
                ("gauges", Text(a.Gauges), Text(b.Gauges)), ("pages_collapsed", $"{a.PagesCollapsed}", $"{b.PagesCollapsed}"),
                ("full_scans", $"{a.FullScans}", $"{b.FullScans}"),
                ("memory.stat thp_collapse_alloc", $"{a.CgroupCollapseAllocs}", $"{b.CgroupCollapseAllocs}"),
            })
                if (ours is not null && theirs is not null && ours != theirs)
                    return new KernelDifference(DifferenceClass.Counters, pass, what, ours, theirs);
        }
        return null;
    }

    /// <summary>Both were given the same table.</summary>
    internal static bool BeginsEqual(RecordedVector one, RecordedVector other) => Text(one.Before) == Text(other.Before);

    // Which slots a swap device gives is its own affair.
    private static string Text(PageTable table) => TableNotation.WriteRecorded(TableNotation.WithSlots(table, _ => 0));

    private static string Text<T>(IEnumerable<T> all) => string.Join("; ", all);

    private static string? Text<T>(ImmutableArray<T>? all) => all is { } some ? string.Join(' ', some) : null;
}
