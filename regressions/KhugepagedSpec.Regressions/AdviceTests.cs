using System.Globalization;
using System.Text.RegularExpressions;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Processes;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Settings;
using KhugepagedSpec.UserSpace;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Regressions;

/// <summary>What page faults would do, and what to set.</summary>
[Collection("console")]
public sealed class AdviceTests(CaptureFolder folder) : IClassFixture<CaptureFolder>
{
    // The three shapes that were tried by hand: every second page, one in 64, a heap that grew; and what a generator makes.
    [Theory]
    [InlineData("touched two apart", 2, 512)]
    [InlineData("one page in 64", 64, 512)]
    [InlineData("a grown heap", 1, 300)]
    public void The_bound_of_faults_is_what_the_models_own_faults_make_in_any_order(string shape, int step, int end)
    {
        int[] touched = [.. Enumerable.Range(0, end).Where(page => page % step == 0)];
        foreach (int order in new[] { 2, 4, 7, 9 })
            Assert.True(Made(touched, order, seed: order) == Bound(touched, order), $"{shape}, order {order}");
    }

    [Fact]
    public void The_bound_of_faults_is_what_the_models_own_faults_make_of_random_pages()
    {
        var random = new RandomChoices(3);
        long added = 0;
        for (int i = 0; i < 100; i++)
        {
            int share = 1 + random.Below(40), order = 2 + random.Below(8);
            int[] touched = [.. Enumerable.Range(0, 512).Where(_ => random.OneIn(share))];
            if (touched.Length == 0)
                continue;
            Assert.Equal(Made(touched, order, i), Bound(touched, order));
            added += Bound(touched, order);
        }
        Assert.InRange(added, 1, long.MaxValue);
    }

    [Fact]
    public void Nothing_is_added_at_faults_where_no_size_is_for_the_VMA()
    {
        Assert.Equal(0, FaultBound.Of(Capture([5], HugePage: false), Madvised(4)).Added);
        Assert.Equal(15, FaultBound.Of(Capture([5], HugePage: true), Madvised(4)).Added);
        Assert.Equal(0, FaultBound.Of(Capture([5], HugePage: true), Madvised(4)).Added
            - FaultBound.Of(Capture([5, 6, 7], HugePage: true), Madvised(4)).Added - 2);
    }

    [Fact]
    public void Pages_that_lie_in_no_whole_range_are_bounded_by_the_room_there_is()
    {
        var capture = Capture([], HugePage: true);
        var vma = capture.Vmas[0];
        var ends = vma with
        {
            Vma = vma.Vma with { Start = -100, End = 612 },
            Outside = new PageCounts(10, 0, 0, 0),
        };
        Assert.Equal(150, FaultBound.Of(capture with { Vmas = [ends] }, Madvised(4)).Added);
        Assert.Equal(190, FaultBound.Of(capture with { Vmas = [ends] }, Madvised(8)).Added);
        Assert.Equal(0, FaultBound.Of(capture with { Vmas = [ends] }, Madvised(9)).Added);
    }

    // As a heap's last pages: nothing is added, and yet large folios map them.
    [Fact]
    public void Pages_that_fill_what_is_no_whole_range_may_all_lie_in_large_folios()
    {
        var capture = Capture([], HugePage: true);
        var ends = capture.Vmas[0] with { Vma = capture.Vmas[0].Vma with { End = 612 }, Outside = new PageCounts(100, 0, 0, 0) };
        Assert.Equal(new FaultBound(0, 100), FaultBound.Of(capture with { Vmas = [ends] }, Madvised(4)));
    }

    [Theory]
    [InlineData("memory", "advice (memory, at most 0 kB added): ")]
    [InlineData("tlb", "advice (tlb, whatever it adds): ")]
    [InlineData("balanced", "advice (balanced, at most 404 kB added): ")]
    public void An_aim_gets_a_case_its_price_and_the_lines_to_set_it(string aim, string start)
    {
        var (code, output, error) = Cli.Run("whatif", folder.SavedProcess(), "--aim", aim);
        Assert.Equal((0, ""), (code, error));
        Assert.Contains(start, output, StringComparison.Ordinal);
        string[] lines = output.Split('\n');
        var map = Regex.Match(lines.Single(line => line.StartsWith("  large folios map ", StringComparison.Ordinal)),
            "map ([0-9,]+) of ([0-9,]+) kB in the end; khugepaged adds ([0-9,]+) kB");
        long Figure(int group) => long.Parse(map.Groups[group].ValueSpan, NumberStyles.AllowThousands, CultureInfo.InvariantCulture);
        Assert.InRange(Figure(1), 1, Figure(2));
        Assert.Equal(8124 + Figure(3), Figure(2));
        if (lines.Contains("  nothing has to be set"))
            return;
        Assert.Equal(9, lines.Count(line => line.StartsWith("    echo ", StringComparison.Ordinal)));
        Assert.Equal(9, lines.Count(line => line.StartsWith("    w /sys/kernel/mm/transparent_hugepage/", StringComparison.Ordinal)));
        string why = lines.Single(line => line.StartsWith("  why: khugepaged-spec whatif ", StringComparison.Ordinal));
        Assert.Equal(0, Cli.Run(why["  why: khugepaged-spec ".Length..].Split(' ')).Code);
    }

    [Fact]
    public void A_case_is_taken_only_within_what_may_be_added_and_the_front_rises_with_its_price()
    {
        var reports = Cases(0, 5, 9);
        Assert.Equal([0L, 5, 9], Advice.Of(reports, 100, Aim.Memory, null).Front.Select(Advice.Price));
        Assert.Equal(0, Advice.Price(Advice.Of(reports, 100, Aim.Memory, null).Taken!));
        Assert.Equal(9, Advice.Price(Advice.Of(reports, 100, Aim.Tlb, null).Taken!));
        Assert.Equal(5, Advice.Price(Advice.Of(reports, 100, Aim.Balanced, null).Taken!));
        Assert.Equal(0, Advice.Price(Advice.Of(reports, 100, Aim.Tlb, 4).Taken!));
        Assert.Null(Advice.Of(Cases(5, 9), 100, Aim.Tlb, 1).Taken);
    }

    // khugepaged fills nothing here, and faults do: the larger of the two is the price, or 0 would be read as free.
    [Fact]
    public void What_faults_add_is_a_price_where_khugepaged_adds_nothing()
    {
        var report = Cases(0)[0] with { AtFaults = new FaultBound(7, 70) };
        Assert.Equal(7, Advice.Price(report));
    }

    private static List<WhatIfReport> Cases(params long[] added) =>
        [.. added.Select(pages => new WhatIfReport(new WhatIfCase($"{pages}", Catalogue.Linux72, Madvised(4)), 1,
            System.Collections.Immutable.ImmutableSortedDictionary<int, long>.Empty, 10 + pages, pages, 0, 1, 0, 0, 1, true, 1, [], []))];

    private static ThpSettings Madvised(int order) =>
        ThpSettings.Defaults(Geometry.X86).WithSizes(OrderSet.Of(order), SizeEnabled.Madvise);

    private static long Bound(int[] touched, int order) => FaultBound.Of(Capture(touched, HugePage: true), Madvised(order)).Added;

    private static long Made(int[] touched, int order, long seed)
    {
        int[] shuffled = [.. touched];
        var random = new RandomChoices((ulong)seed);
        for (int i = shuffled.Length - 1; i > 0; i--)
        {
            int other = random.Below(i + 1);
            (shuffled[i], shuffled[other]) = (shuffled[other], shuffled[i]);
        }
        string program = $"mmap, madvise, {string.Join(", ", shuffled.Select(page => $"touch {page}+1"))}";
        var scenario = Scenario.Of(ProgramStep.Parse(program, Geometry.X86), Geometry.X86) with { Settings = Madvised(order) };
        var table = new RunningScenario(scenario, Catalogue.Linux72).Table;
        return (table.Pmd == PmdState.Huge ? 512 : table.Cells.LongCount(cell => cell.Kind == PteKind.Page)) - touched.Length;
    }

    private static ProcessCapture Capture(int[] touched, bool HugePage)
    {
        var cells = Enumerable.Repeat(Cell.None, 512).ToArray();
        foreach (int page in touched)
            cells[page] = Cell.Plain;
        var flags = VmaFlags.Anonymous | VmaFlags.Write | (HugePage ? VmaFlags.HugePage : 0);
        var range = new CapturedRange(0, 1, new PageTable(Geometry.X86, [.. cells]), Changed: false);
        var vma = new CapturedVma(new Vma(0, 512, flags, HasAnonVma: true), "rw-p", "", [range], default, default, default, UsedPages.All,
            Changed: false);
        return new ProcessCapture(
            new CaptureHead(1, "a", "7.2.13", DateTimeOffset.UnixEpoch, 4096, Madvised(4), ThpDisable.No), [vma],
            new CaptureEnd(CaptureEnding.Complete, 1, 1, []));
    }
}
