using KhugepagedSpec.Collapse;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Results;

namespace KhugepagedSpec.Regressions;

/// <summary>What two kernels differ in, without a kernel.</summary>
public sealed class KernelDifferenceTests
{
    [Fact]
    public void Kernels_that_do_the_same_differ_in_nothing()
    {
        var vector = Vector();
        Assert.Empty(KernelDifference.Between(vector, vector));
        Assert.Null(KernelDifference.OfCounters(vector, vector));
        Assert.True(KernelDifference.BeginsEqual(vector, vector));
    }

    [Fact]
    public void Each_class_of_what_two_kernels_do_is_told_from_the_others()
    {
        var vector = Vector();
        Assert.Equal(DifferenceClass.Attempts, Only(pass => pass with { Scans = [] }));
        Assert.Equal(DifferenceClass.Attempts, Only(pass => pass with { Attempts = [] }));
        Assert.Equal(DifferenceClass.Attempts, Only(pass => pass with { Errno = 5 }));
        Assert.Equal(DifferenceClass.Table, Only(pass => pass with { After = PageTable.Empty(Geometry.X86) }));
        Assert.Equal(DifferenceClass.Traces, Only(pass => pass with { Trace = ["another"] }));
        var counted = Changed(pass => pass with { Counters = pass.Counters with { PagesCollapsed = 7 } });
        Assert.Empty(KernelDifference.Between(vector, counted));
        Assert.Equal(("pages_collapsed", "1", "7"), KernelDifference.OfCounters(vector, counted) is { } found
            ? (found.What, found.Base, found.Patched) : default);

        DifferenceClass Only(Func<RecordedPass, RecordedPass> change) =>
            Assert.Single(KernelDifference.Between(vector, Changed(change))).Class;

        RecordedVector Changed(Func<RecordedPass, RecordedPass> change) => vector with { Passes = [change(vector.Passes[0])] };
    }

    // Where one of the kernels has no probe on attempts.
    [Fact]
    public void An_offset_that_one_kernel_does_not_tell_is_no_difference()
    {
        var vector = Vector();
        var blind = vector with
        {
            Passes = [vector.Passes[0] with
            {
                Attempts = [.. vector.Passes[0].Attempts.Select(attempt => attempt with { Offset = Attempt.UnknownOffset })],
            }],
        };
        Assert.Empty(KernelDifference.Between(vector, blind));
    }

    private static RecordedVector Vector()
    {
        var scenario = Scenario.Of(PageTable.Parse("x*512", Geometry.X86));
        return new RecordedVector
        {
            Input = LiveInput.Of("a", scenario, 1, beside: true),
            Before = scenario.Table,
            Passes =
            [
                new RecordedPass
                {
                    Counters = new PassCounters(1, 1, [("collapse_alloc", 9, 1)], []),
                    After = scenario.Table,
                    PmdMappedKb = 2048,
                    Attempts = [new Attempt(0, 9, ScanResult.Succeed, null, null)],
                    Scans = [new ScanLine(ScanResult.Succeed, 512, 0, 0)],
                    Trace = ["a line"],
                },
            ],
        };
    }
}
