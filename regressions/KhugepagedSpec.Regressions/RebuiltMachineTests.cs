using System.Collections.Immutable;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.Guests.Packages;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Processes;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Versions;
using Xunit.Abstractions;

namespace KhugepagedSpec.Regressions;

/// <summary>Captured processes whose memory a guest is given.</summary>
[Collection("console")]
public sealed class RebuiltMachineTests(ITestOutputHelper output)
{
    private const long First = 1L << 30;

    private static readonly ThpSettings Present = ThpSettings.Defaults(Geometry.X86);

    private static readonly ThpSettings Advised =
        Present.WithSizes(OrderSet.Of(4) | OrderSet.Of(9), SizeEnabled.Always) with { MaxPtesNone = 0 };

    private static readonly (string Name, string Table, string? Why)[] Tables =
    [
        ("full", "x*512", null), ("every second", "x. x. x. x. x*504", null), ("zero pages", "Z*16 x*100 .*396", null),
        ("empty", ".*512", null), ("swap", "x*511 s", "swap entries"), ("large", "f4 x*496", "large folios"),
        ("huge", "m9", "large folios"),
        ("fork", "h*16 x*496", "pages shared after fork"), ("lazyfree", "l*16 x*496", "MADV_FREE"),
        ("guard", "g x*511", "non-swap entries"),
        ("uffd-wp", "w x*511", "KSM, a file's pages or userfaultfd"),
    ];

    [Fact]
    public void What_a_guest_cannot_be_given_by_touching_memory_is_left_out_by_name()
    {
        Assert.All(Tables, table =>
        {
            var rebuilt = RebuildableProcess.Of(Process(Vma(0, [table.Table, "x*3 .*509"])));
            Assert.Equal(table.Why is null ? [] : [KeyValuePair.Create(table.Why, 1L)], rebuilt.LeftOut);
            var (one, other) = (rebuilt.Process.Vmas[0].Ranges[0].Table, rebuilt.Process.Vmas[0].Ranges[1].Table);
            Assert.Equal(table.Why is null ? PageTable.Parse(table.Table, Geometry.X86) : PageTable.Empty(Geometry.X86), one);
            Assert.Equal(3 + SeenTable.Pages(one), rebuilt.Process.Pages.Anonymous);
            Assert.Equal(3, SeenTable.Pages(other));
        });
        var changed = Vma(0, ["x*512"]);
        changed = changed with { Ranges = [changed.Ranges[0] with { Changed = true }] };
        Assert.Equal("changed while it was read", Assert.Single(RebuildableProcess.Of(Process(changed)).LeftOut).Key);
        var armed = RebuildableProcess.Of(Process(Vma(0, ["x*512"], VmaFlags.UffdMissing), Vma(1, ["x*512"])));
        Assert.Equal(("VMA: UffdMissing", 512), (Assert.Single(armed.LeftOut).Key, armed.Process.Pages.Anonymous));
        var refusing = Process(Vma(0, ["x*512"]));
        refusing = refusing with { Head = refusing.Head with { ThpDisable = ThpDisable.Completely } };
        Assert.Empty(RebuildableProcess.Of(refusing).Process.Vmas);
    }

    [LiveFact]
    public void It_becomes_what_was_predicted_of_the_captures()
    {
        var cold = Vma(2, ["x*512", "x*256 .*256"], used: UsedPages.None);
        ImmutableArray<RebuildableProcess> processes =
        [
            RebuildableProcess.Of(Process(
                Vma(0, [.. Tables.Where(table => table.Why is null).Select(table => table.Table)]), cold,
                Vma(3, ["x*512"], VmaFlags.NoHugePage), Vma(4, ["x*512"], VmaFlags.HugePage))),
            RebuildableProcess.Of(Process(Vma(5, ["x*32 .*480", "x*512"]) with { Vma = Readable(5, 2) })),
        ];
        var image = KernelCache.Find("7.2") ?? throw new InvalidOperationException("expected khugepaged-spec kernel fetch 7.2 before");
        using var guest = new RebuiltMachine(image, null);
        var result = guest.Run(processes, Advised, () => { });
        Show(result);
        Assert.True(result.IsRight);

        // full, advised, read-only and in part: what is cold or refuses is left alone.
        Assert.Equal([512 + 496 + 112 + 512, 32 + 512], result.Processes.Select(process => process.LargeSeen));
        Assert.Equal([0, 0], result.Processes.Select(process => process.Result.AddedSeen));

        result = guest.Run(processes, Advised with { MaxPtesNone = 511 }, () => { });
        Show(result);
        Assert.True(result.IsRight);
        Assert.All(result.Processes, process => Assert.InRange(process.Result.AddedSeen, 100, 1000));

        // A capture that takes the cold for used, or was of something else, does not agree.
        var hot = processes[0].Process;
        hot = hot with { Vmas = hot.Vmas.Replace(hot.Vmas[1], Vma(2, ["x*512", "x*256 .*256"]) with { Used = UsedPages.None }) };
        Assert.False(guest.Run([processes[0] with { Process = hot }], Advised, () => { }).IsRight);
    }

    [LiveFact]
    public void Held_against_another_version_it_is_not()
    {
        var image = KernelCache.Find("7.2") ?? throw new InvalidOperationException("expected khugepaged-spec kernel fetch 7.2 before");
        using var guest = new RebuiltMachine(image, Catalogue.Find("linux-7.1"));
        var result = guest.Run([RebuildableProcess.Of(Process(Vma(0, ["x*32 .*480"])))], Advised, () => { });
        Show(result);
        Assert.False(result.IsRight);
        Assert.Equal(32, Assert.Single(result.Processes).LargeSeen);
    }

    private void Show(RebuiltResult result)
    {
        foreach (var process in result.Processes)
        {
            output.WriteLine($"{process.NotAsCaptured} ranges otherwise than captured; large {process.LargePredicted} predicted, {process.LargeSeen} seen");
            foreach (var wrong in process.Result.Wrong)
                output.WriteLine($"  {wrong.Address}: {wrong.Before}, {wrong.Predicted} predicted, {wrong.Seen} seen");
        }
        output.WriteLine($"{result.ScansPredicted} scans predicted, {result.ScansSeen} seen");
    }

    private static Vma Readable(int place, int ranges) =>
        new(PlaceAt(place), PlaceAt(place) + ranges * 512, VmaFlags.Anonymous, HasAnonVma: true);

    private static long PlaceAt(int place) => First + place * (1L << 20);

    private static CapturedVma Vma(int place, string[] tables, VmaFlags flags = 0, UsedPages used = UsedPages.All)
    {
        var vma = Readable(place, tables.Length);
        ImmutableArray<CapturedRange> ranges = [.. tables.Select((text, i) => new CapturedRange(vma.Start + i * 512, 1,
            Seen(PageTable.Parse(text, Geometry.X86), used), Changed: false))];
        var pages = new PageCounts(ranges.Sum(range => SeenTable.Pages(range.Table)), 0, 0, 0);
        vma = vma with { Flags = flags | vma.Flags | VmaFlags.Write };
        return new(vma, "rw-p", "", ranges, pages, default, pages, used, Changed: false);
    }

    private static PageTable Seen(PageTable table, UsedPages used) => used != UsedPages.None ? table : new(table.Geometry,
        [.. table.Cells.Select(cell => cell with { Flags = cell.Flags & ~CellFlags.Young })], table.Pmd);

    private static ProcessCapture Process(params ReadOnlySpan<CapturedVma> vmas) => new(
        new CaptureHead(1, "a", "7.2.13", DateTimeOffset.UnixEpoch, 4096, Present, ThpDisable.No), [.. vmas],
        new CaptureEnd(CaptureEnding.Complete, vmas.Length, vmas.Length, []));
}
