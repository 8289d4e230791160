using KhugepagedSpec.Processes;
using static KhugepagedSpec.Regressions.CaptureTests;

namespace KhugepagedSpec.Regressions;

/// <summary>What is read of a process that changes or ends meanwhile, or of which the reading ends.</summary>
public sealed class CaptureOfChangeTests
{
    [Fact]
    public void A_range_that_changes_each_time_it_is_read_is_marked()
    {
        var proc = new FakeProc();
        proc.Vma(First, 1024, Figures(anonymous: 8, rss: 8, referenced: 8));
        proc.Page(First);
        proc.Page(First + 512);
        proc.OnLook = () => proc.Page(First);
        var capture = Capture(proc);
        Assert.Equal([true, false], capture.Vmas[0].Ranges.Select(range => range.Changed));
        Assert.Equal(1, capture.ChangedRanges);
    }

    [Fact]
    public void A_range_that_changed_once_is_read_again()
    {
        var proc = new FakeProc();
        proc.Vma(First, 512, Figures(anonymous: 8, rss: 8, referenced: 8));
        proc.Page(First);
        proc.OnLook = () =>
        {
            if (proc.Looks == 2)
                proc.Page(First + 9);
        };
        var range = Capture(proc).Vmas[0].Ranges.Single();
        Assert.Equal((false, "x .*8 x .*502"), (range.Changed, range.Table.ToString()));
    }

    [Fact]
    public void A_vma_whose_figures_change_is_not_held_against_smaps_and_one_that_stood_still_is()
    {
        var proc = new FakeProc();
        proc.Vma(First, 512, Figures(anonymous: 8, rss: 8, referenced: 8));
        proc.Page(First);
        Assert.Single(Capture(proc).Disagreeing);

        proc.OnLook = () =>
            proc.Files["/proc/42/smaps"] = proc.Files["/proc/42/smaps"].Replace("Anonymous: 8", "Anonymous: 4", StringComparison.Ordinal);
        var capture = Capture(proc);
        Assert.Empty(capture.Disagreeing);
        Assert.Equal(First, capture.End.ChangedVmas.Single());
    }

    [Fact]
    public void A_vma_that_grew_or_merged_while_smaps_was_read_counts_once_as_it_was_told_last()
    {
        var proc = new FakeProc();
        proc.Vma(First, 512, Figures(anonymous: 4, rss: 4));
        proc.Vma(First + 512, 512, Figures(anonymous: 4, rss: 4));
        proc.Vma(First, 1536, Figures(anonymous: 8, rss: 8));
        proc.Vma(First + 1024, 1024, Figures());
        proc.Page(First);
        proc.Page(First + 512);
        var capture = Capture(proc);
        Assert.Equal([(First, First + 1024), (First + 1024, First + 2048)], capture.Vmas.Select(vma => (vma.Vma.Start, vma.Vma.End)));
        Assert.Equal(2, capture.Vmas.Sum(vma => vma.Pages.Anonymous));
        Assert.Empty(capture.Disagreeing);
    }

    [Fact]
    public void A_process_that_ends_leaves_the_vmas_that_were_read_before()
    {
        var proc = new FakeProc();
        for (int i = 0; i < 4; i++)
        {
            proc.Vma(First + i * 1024, 512, Figures(anonymous: 4, rss: 4, referenced: 4));
            proc.Page(First + i * 1024);
        }
        proc.EndsAfter = 7;
        var capture = Capture(proc);
        Assert.Equal((CaptureEnding.ProcessEnded, 2, 4), (capture.End.Ending, capture.End.Vmas, capture.End.Of));
        Assert.Equal(["x .*511", "x .*511"], capture.Vmas.Select(vma => vma.Ranges.Single().Table.ToString()));
        Assert.True(capture.IsPartial);
    }

    [Fact]
    public void An_interruption_keeps_what_was_read_of_the_vma_under_way()
    {
        var proc = new FakeProc();
        using var interrupt = new CancellationTokenSource();
        proc.Vma(First, 2048, Figures(anonymous: 16, rss: 16, referenced: 16));
        for (int i = 0; i < 4; i++)
            proc.Page(First + i * 512 + i);
        proc.OnLook = () =>
        {
            if (proc.Looks == 3)
                interrupt.Cancel();
        };
        var capture = Capture(proc, interrupt.Token);
        Assert.Equal(CaptureEnding.Interrupted, capture.End.Ending);
        Assert.Equal(["x .*511", ". x .*510"], capture.Vmas.Single().Ranges.Select(range => range.Table.ToString()));
        Assert.Empty(capture.Disagreeing);
    }
}
