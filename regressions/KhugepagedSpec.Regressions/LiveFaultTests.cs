using System.Collections.Immutable;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.Guests.Packages;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Processes;
using KhugepagedSpec.Settings;
using Xunit.Abstractions;

namespace KhugepagedSpec.Regressions;

/// <summary>What page faults of a running kernel make of memory, held against the bound.</summary>
[Collection("console")]
public sealed class LiveFaultTests(ITestOutputHelper output)
{
    private static readonly ThpSettings Never = ThpSettings.Defaults(Geometry.X86).WithSizes(OrderSet.Empty, SizeEnabled.Always);

    private static readonly TouchedMemory Full = TouchedMemory.Heap(3, pages: 701, touched: 701);

    private static readonly TouchedMemory[] Touched =
    [
        TouchedMemory.EachOf(2, ranges: 6), TouchedMemory.EachOf(64, ranges: 12), TouchedMemory.Heap(60, pages: 33, touched: 25),
        TouchedMemory.Heap(4, pages: 1403, touched: 1001), Full,
    ];

    private static readonly (string Name, ThpSettings Settings, bool IsAdvised)[] Tried =
    [
        ("16k always", Sizes(SizeEnabled.Always, 2), false),
        ("64k always", Sizes(SizeEnabled.Always, 4), false),
        ("2M always", Sizes(SizeEnabled.Always, 9), false),
        ("16k, 64k, 2M always", Sizes(SizeEnabled.Always, 2, 4, 9), false),
        ("64k madvise", Sizes(SizeEnabled.Madvise, 4), false),
        ("64k madvise, advised", Sizes(SizeEnabled.Madvise, 4), true),
    ];

    private static readonly Lazy<ImmutableArray<Trial>> Trials = new(Run);

    /// <summary>The same memory touched by two processes, one without large folios.</summary>
    private sealed record Trial(TouchedMemory Memory, string Name, ThpSettings Settings, ProcessCapture Without, ProcessCapture With)
    {
        public FaultBound Bound => FaultBound.Of(Without, Settings);

        public FaultBound Seen => new(With.Pages.Anonymous - Without.Pages.Anonymous, With.Pages.Large);

        public bool IsWithin(FaultBound bound) => Seen.Added >= 0 && Seen.Added <= bound.Added && Seen.Large <= bound.Large;

        public override string ToString() => FormattableString.Invariant(
            $"{Memory.Name}; {Name}: {Without.Pages.Anonymous} touched, {Seen.Added} added, {Bound.Added} at most; {Seen.Large} in large folios, {Bound.Large} at most; AnonHugePages {With.Smaps.PmdMapped}");
    }

    [LiveFact]
    public void Faults_of_a_process_that_begins_anew_stay_within_the_bound()
    {
        foreach (var trial in Trials.Value)
            output.WriteLine($"{trial}");
        Assert.All(Trials.Value, trial => Assert.True(trial.IsWithin(trial.Bound), $"{trial}"));
        Assert.All(Trials.Value, trial => Assert.Empty(trial.Without.Disagreeing.Concat(trial.With.Disagreeing)));
        Assert.All(Trials.Value, trial => Assert.Equal(0, trial.Without.Pages.Large));
        foreach (var memory in Touched)
            Assert.Contains(Trials.Value, trial => trial.Memory == memory && trial.Seen.Large > 0
                && (trial.Seen.Added > 0 || memory == Full));
    }

    // Memory was free, and the VMA was there as a whole before the first touch.
    [LiveFact]
    public void In_whole_ranges_of_a_VMA_that_does_not_grow_they_come_to_the_bound_itself()
    {
        foreach (var trial in Trials.Value.Where(trial => !trial.Memory.IsHeap))
        {
            var whole = trial with { Without = WithoutEnds(trial.Without), With = WithoutEnds(trial.With) };
            Assert.Equal(whole.Bound, whole.Seen);
        }
    }

    [LiveFact]
    public void Bounds_that_are_wrong_are_refuted()
    {
        Refuted(trial => new(0, trial.Without.Pages.Anonymous), "of what is touched, not of whole folios");
        Refuted(trial => FaultBound.Of(trial.Without, trial.Settings.WithSizes(Lowest(trial.Settings.Always), SizeEnabled.Always)),
            "of the smallest size that fits");
        Refuted(trial => FaultBound.Of(WithoutEnds(trial.Without), trial.Settings), "without what lies in no whole range");
        Refuted(trial => FaultBound.Of(Unadvised(trial.Without), trial.Settings), "whatever is advised");

        static void Refuted(Func<Trial, FaultBound> bound, string what) =>
            Assert.False(Trials.Value.All(trial => trial.IsWithin(bound(trial))), what);

        static OrderSet Lowest(OrderSet orders) => orders.IsEmpty ? orders : OrderSet.Of(orders.Orders().Min());
    }

    private static ProcessCapture WithoutEnds(ProcessCapture capture) => capture with
    {
        Vmas = [.. capture.Vmas.Select(vma => vma with { Pages = vma.Pages - vma.Outside, Outside = default })],
    };

    private static ProcessCapture Unadvised(ProcessCapture capture) => capture with
    {
        Vmas = [.. capture.Vmas.Select(vma => vma with { Vma = vma.Vma with { Flags = vma.Vma.Flags & ~VmaFlags.HugePage } })],
    };

    private static ImmutableArray<Trial> Run()
    {
        var image = KernelCache.Find("7.2") ?? throw new InvalidOperationException("expected khugepaged-spec kernel fetch 7.2 before");
        using var kernel = LiveKernel.Boot(image);
        var proc = new GuestProc(kernel);
        var trials = ImmutableArray.CreateBuilder<Trial>();
        foreach (var memory in Touched)
            foreach (var alike in Tried.GroupBy(tried => tried.IsAdvised && !memory.IsHeap))
            {
                var without = Capture(memory, Never, alike.Key);
                foreach (var (name, settings, _) in alike)
                    trials.Add(new(memory, name, settings, without, Capture(memory, settings, alike.Key)));
            }
        return trials.ToImmutable();

        ProcessCapture Capture(TouchedMemory memory, ThpSettings settings, bool isAdvised) =>
            memory.Of(proc.Capture(memory.Touch(kernel, settings, isAdvised)));
    }

    private static ThpSettings Sizes(SizeEnabled enabled, params int[] orders) =>
        Never.WithSizes(orders.Aggregate(OrderSet.Empty, (all, order) => all | OrderSet.Of(order)), enabled);
}
