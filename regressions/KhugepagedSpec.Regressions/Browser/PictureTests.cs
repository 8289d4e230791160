using KhugepagedSpec.Checking;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Races;
using KhugepagedSpec.Results;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Versions;
using Microsoft.Playwright;
using ModelChecker.Guarded;

namespace KhugepagedSpec.Regressions.Browser;

/// <summary>Each kind of page in a headless browser, beside the run that it shows.</summary>
[Trait("Coverage", "Slow")]
public sealed class PictureTests(Chromium browser) : IClassFixture<Chromium>, IDisposable
{
    private const string Table = "x*16 .*4 x*8 f4[8+3] s x*200 .*80 f6 z*16 h*5 .*115";

    private readonly CaptureFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_walk_is_stepped_through_by_keyboard_and_shows_each_step_of_the_run()
    {
        string file = Written(0, "explain", Table, "--enabled", "2,3,4,6", "--max-ptes-none", "0", "--passes", "2");
        await using var page = await browser.OpenAsync(file);
        var explained = Explained.Of(Given(Table, 2, 3, 4, 6), Catalogue.Linux72, 2);
        var all = Enumerable.Range(0, 2).SelectMany(pass => ExplainStep.Of(explained, pass, everyStep: false).Select(step => (pass, step)))
            .ToList();
        Assert.InRange(all.Count(one => one.step.Label == "walk"), 50, 200);
        for (int i = 0; i < all.Count; i++)
        {
            var (pass, step) = all[i];
            Assert.Equal($"step {i + 1} of {all.Count}", await page.Text("#step-count"));
            Assert.Equal(step.Whole, await page.Text("#reason"));
            var windows = step.Line is { } line ? line.Steps : [];
            Assert.Equal(windows.Select(window => $"{window.Offset}/{window.Order}").Order(StringComparer.Ordinal), (await Marked(page))
                .Order(StringComparer.Ordinal));
            bool isLast = i + 1 == all.Count || all[i + 1].pass != pass;
            var collapsed = all.Take(i + 1).Where(one => one.pass == pass).Select(one => one.step.Line?.Attempt).OfType<Attempt>()
                .Where(attempt => attempt.Status == ScanResult.Succeed).ToList();
            Assert.Equal(Symbols(pass == 0 ? explained.Before : explained.Passes[0].Run.After, explained.Passes[pass].Run.After, collapsed,
                isLast), await Cells(page));
            await page.Press(i % 2 == 0 ? "ArrowRight" : "j");
        }
        await page.Press("Home");
        Assert.Equal($"step 1 of {all.Count}", await page.Text("#step-count"));
        await page.Press("End");
        await page.Press("ArrowLeft");
        Assert.Equal(all[^2].step.Whole, await page.Text("#reason"));
    }

    [Fact]
    public async Task A_walk_is_stepped_through_by_clicks_on_lines_windows_and_buttons()
    {
        string file = Written(0, "explain", Table, "--enabled", "2,3,4,6", "--max-ptes-none", "0");
        await using var page = await browser.OpenAsync(file, fragment: "#step=3");
        Assert.StartsWith("step 3 of ", await page.Text("#step-count"), StringComparison.Ordinal);
        await page.Page.ClickAsync("#next");
        Assert.StartsWith("16/4 ", await page.Text("#reason"), StringComparison.Ordinal);
        await page.Page.ClickAsync(".chart [data-window='128/6']");
        Assert.Equal("128/6     64 pages: tried, SCAN_SUCCEED (0 none, 64 referenced), on", await page.Text("#reason"));
        Assert.Equal(["128+64"],
            await page.Page.Locator(".outlines div").EvaluateAllAsync<string[]>(
            "all => [...new Set(all.map(one => `${one.dataset.from}+${one.dataset.pages}`))]"));
        await page.Page.Locator(".list button", new PageLocatorOptions { HasTextString = "392/2" }).ClickAsync();
        Assert.StartsWith("392/2     4 pages: tried, SCAN_EXCEED_SHARED_PTE", await page.Text("#reason"), StringComparison.Ordinal);
        Assert.Equal(["392/2"], await Marked(page));
        await page.Page.ClickAsync("#back");
        Assert.StartsWith("392/3 ", await page.Text("#reason"), StringComparison.Ordinal);
        await page.Page.HoverAsync("[data-pte='31']");
        Assert.Equal("PTE 31: s swap entry", await page.Text(".words"));
    }

    [Fact]
    public async Task A_page_of_512_entries_opens_within_a_second_and_is_small_and_asks_for_nothing()
    {
        string file = Written(0, "explain", string.Concat(Enumerable.Repeat("x . z h ", 128)), "--enabled", "2,3,4,5,6,7,8,9",
            "--max-ptes-none", "511", "--passes", "2", "--all");
        Assert.InRange(new FileInfo(file).Length, 10_000, 500_000);
        await using var page = await browser.OpenAsync(file);
        double milliseconds = await page.Page.EvaluateAsync<double>("performance.getEntriesByType('navigation')[0].duration");
        Assert.InRange(milliseconds, 1, 1000);
    }

    [Theory]
    [InlineData(13, 8192)]
    [InlineData(2, 4)]
    public async Task Every_geometry_has_a_cell_a_pte(int order, int ptes)
    {
        string file = Written(0, "explain", $"x*{ptes / 2} .*{ptes - ptes / 2}", "--pmd-order", $"{order}", "--enabled", "2",
            "--max-ptes-none", "0");
        await using var page = await browser.OpenAsync(file);
        Assert.Equal(ptes, await page.Page.Locator("[data-pte]").CountAsync());
        await page.Press("End");
        Assert.StartsWith("SCAN_", await page.Text("#reason"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Light_and_dark_differ_and_print_shows_every_step_without_controls()
    {
        string file = Written(0, "explain", Table, "--enabled", "2,3,4,6", "--max-ptes-none", "0");
        const string background = "getComputedStyle(document.body).backgroundColor";
        await using var light = await browser.OpenAsync(file);
        await using var dark = await browser.OpenAsync(file, ColorScheme.Dark);
        Assert.NotEqual(await light.Page.EvaluateAsync<string>(background), await dark.Page.EvaluateAsync<string>(background));
        await dark.Page.EmulateMediaAsync(new PageEmulateMediaOptions { Media = Media.Print });
        Assert.Equal("rgb(255, 255, 255)", await dark.Page.EvaluateAsync<string>(background));
        Assert.False(await dark.Page.Locator(".controls").IsVisibleAsync());
        Assert.True(await dark.Page.Locator(".list").EvaluateAsync<bool>("list => list.scrollHeight <= list.clientHeight + 1"));
    }

    [Fact]
    public async Task Two_versions_stand_side_by_side_with_the_first_difference_marked()
    {
        string file = Written(1, "diff", "v19", "linux-7.2", "s x*511", "--enabled", "9", "--max-ptes-none", "0");
        await using var page = await browser.OpenAsync(file);
        var difference = VersionDiff.On(Given("s x*511", 9), Catalogue.Find("v19")!, Catalogue.Linux72)!;
        var rows = difference.Rows;
        Assert.Equal($"step {difference.DiffersAt + 1} of {rows.Length}", await page.Text("#step-count"));
        Assert.Equal($"{difference.DiffersAt}", await page.Page.Locator("tr.first").GetAttributeAsync("data-step"));
        await page.Press("Home");
        foreach (var (first, second) in rows)
        {
            string[] sides = [first?.Text ?? "\u2013", second?.Text ?? "\u2013"];
            Assert.Equal(sides, await page.Page.Locator("tr[aria-current] td:not(.mark)").AllInnerTextsAsync());
            Assert.Equal(sides[0] != sides[1], await page.Page.Locator("tr.differs[aria-current]").CountAsync() == 1);
            foreach (var (line, side) in new[] { (first, 0), (second, 1) }.Where(one => one.Item1 is not null))
                Assert.Equal(TableDrawing.Of(line!.Table).Symbols,
                    string.Concat(await page.Page.Locator($"[data-side='{side}'] [data-pte]").AllInnerTextsAsync()));
            await page.Press("ArrowRight");
        }
        await page.Page.ClickAsync("tr[data-step='2']");
        Assert.StartsWith("v19: nothing; linux-7.2: 0/9:succeeded", await page.Text("#reason"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Versions_that_do_the_same_say_so()
    {
        string file = Written(0, "diff", "v19", "linux-7.2", "x*512", "--enabled", "9");
        await using var page = await browser.OpenAsync(file);
        Assert.Equal("v19 and linux-7.2 do the same", await page.Text(".verdict"));
    }

    [Fact]
    public async Task A_verdict_opens_its_counterexample_as_a_walk()
    {
        string file = Written(0, "check", "--count", "60", "--model", "v12", "--model", "linux-7.2", "--model", "limits-unscaled");
        Assert.InRange(new FileInfo(file).Length, 10_000, 500_000);
        await using var page = await browser.OpenAsync(file);
        var cells = page.Page.Locator("tr[data-invariant='no-none-creep'] td");
        Assert.Equal(["x", ".", "."], await cells.AllInnerTextsAsync());
        await page.Page.ClickAsync("tr[data-invariant='no-none-creep'] button");
        Assert.StartsWith("v12 breaks no-none-creep: ", await page.Text("#counterexample > h2"), StringComparison.Ordinal);
        Assert.Equal("true", await page.Page.GetAttributeAsync("tr[data-invariant='no-none-creep'] button", "aria-expanded"));
        string explain = await page.Text("#counterexample pre");
        Assert.StartsWith("khugepaged-spec explain '", explain, StringComparison.Ordinal);
        await page.Press("ArrowRight");
        Assert.StartsWith("step 2 of ", await page.Text("#step-count"), StringComparison.Ordinal);
        await page.Page.Locator("tr[data-variant='limits-unscaled'] button").FocusAsync();
        await page.Press("Enter");
        Assert.StartsWith("limits-unscaled breaks ", await page.Text("#counterexample > h2"), StringComparison.Ordinal);
        Assert.Equal(1, await page.Page.Locator("#step-count").CountAsync());
    }

    [Fact]
    public async Task A_claim_opens_to_its_run_and_the_run_to_its_walk()
    {
        string file = Written(0, "threads", "--thread", "uffd", "--verdict", "false");
        Assert.InRange(new FileInfo(file).Length, 10_000, 500_000);
        await using var page = await browser.OpenAsync(file);
        Assert.Equal(1, await page.Page.Locator("section[data-thread='uffd']").CountAsync());
        Assert.All(await page.Page.Locator("details.claim").EvaluateAllAsync<string[]>("all => all.map(one => one.dataset.verdict)"),
            verdict => Assert.Equal("false", verdict));
        Assert.False(await page.Page.Locator("#claim-39 pre").First.IsVisibleAsync());
        await page.Page.ClickAsync("#claim-39 > summary");
        Assert.StartsWith("$ khugepaged-spec explain 'x*8 .*8'", await page.Text("#claim-39 pre"), StringComparison.Ordinal);
        await page.Page.ClickAsync("#claim-39 button[data-walk]");
        await page.Press("ArrowRight");
        Assert.StartsWith("step 2 of ", await page.Text("#claim-39 #step-count"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_interleaving_has_a_lane_a_process_and_the_state_of_each_step()
    {
        string file = Written(1, "explore", "--model", "tlbs-not-flushed");
        await using var page = await browser.OpenAsync(file);
        var space = new ProtocolSpace(Protocols.All.Single(one => one.Name == "tlbs-not-flushed"), Shape.Four, null);
        string replay = await page.Page.InnerTextAsync("[data-field='replay']");
        var way = Interleaving.Of(space.Beside([Actor.All.Single(actor => actor.Name == "writer")], Reductions.None, "xxxx"), replay);

        // Which property is broken is the page's own verdict: it looks for those that are true of 7.2, the space here for all.
        const string verdict = "broken";
        Assert.Equal(["khugepaged", "writer breaks it"], (await page.Page.Locator(".lanes thead th").AllInnerTextsAsync()).Skip(1));
        var state = way.Start.ToDictionary(one => one.Variable, one => one.Value);
        for (int i = 0; i < way.Steps.Length; i++)
        {
            var step = way.Steps[i];
            foreach (var (variable, value) in step.Changes)
                state[variable] = value;
            Assert.Equal($"step {i + 1} of {way.Steps.Length}", await page.Text("#step-count"));
            Assert.Equal($"{step.Process}  {step.Step.Function}  {step.Step.Says}{(i == way.Steps.Length - 1 ? ": no-write-lost is broken" : "")}",
                await page.Page.TextContentAsync("#reason"));
            Assert.Equal(step.Process == "khugepaged" ? "0"
                : "1", await page.Page.GetAttributeAsync("tr[aria-current] [data-lane]", "data-lane"));
            Assert.Equal(step.Changes.Select(change => change.Variable).Where(variable => variable != verdict),
                await page.Page.Locator(".state tr.now").EvaluateAllAsync<string[]>("all => all.map(row => row.dataset.variable)"));
            Assert.Equal(
                state.Where(one => one.Key != verdict).Select(one => $"{one.Key}={one.Value}").Order(StringComparer.Ordinal),
                (await page.Page.Locator(".state tr").EvaluateAllAsync<string[]>(
                    "all => all.map(row => `${row.dataset.variable}=${row.lastChild.textContent}`)"))
                    .Where(shown => !shown.StartsWith($"{verdict}=", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
            await page.Press("ArrowRight");
        }
        await page.Page.ClickAsync("tr[data-step='4']");
        Assert.StartsWith("step 5 of ", await page.Text("#step-count"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_link_to_a_step_leads_to_where_it_can_be_seen()
    {
        string file = Written(1, "explore", "--model", "tlbs-not-flushed");
        await using var page = await browser.OpenAsync(file, fragment: "#step=40");
        await page.Page.WaitForFunctionAsync("() => { const at = document.querySelector('tr[aria-current]').getBoundingClientRect(); return at.top > 90 && at.bottom <= innerHeight; }", null, new PageWaitForFunctionOptions { Timeout = 5000 });
        Assert.Equal("40", await page.Text("tr[aria-current] td:first-child"));
    }

    [Fact]
    public async Task A_search_without_counterexample_shows_what_was_searched()
    {
        string file = Written(0, "explore", "--actors", "fault");
        await using var page = await browser.OpenAsync(file);
        Assert.Equal("exhausted: no property is broken", await page.Text("[data-field='verdict']"));
        Assert.Equal(2, await page.Page.Locator(".results tbody tr").CountAsync());
    }

    [Fact]
    public async Task A_what_if_shows_each_case_and_its_vmas_by_keyboard_and_clicks()
    {
        string capture = _folder.SavedProcess();
        string file = Written(0, "whatif", capture, "--always", "64k", "--max-ptes-none", "0");
        await using var page = await browser.OpenAsync(file);
        Assert.Equal("step 2 of 20", await page.Text("#step-count"));
        Assert.StartsWith("linux-7.2, as asked: 64kB always; global madvise; max_ptes_none 0", await page.Text("#reason"),
            StringComparison.Ordinal);
        Assert.Equal(["64 kB", "63", "4,032 kB"], (await page.Page.Locator("[data-order='4'] > *").AllInnerTextsAsync())
            .Select(text => text.Trim()));
        await page.Press("ArrowLeft");
        Assert.Equal("linux-7.2, present", await page.Text("#detail h2"));
        var row = page.Page.Locator(".cases tr", new PageLocatorOptions { HasTextString = "2048kB, none 511" });
        await row.ClickAsync();
        Assert.Equal("linux-7.2, 2048kB, none 511", await page.Text("#detail h2"));
        Assert.Contains("SCAN_PTE_UFFD_WP", await page.Text("#detail"), StringComparison.Ordinal);
        Assert.Contains("uffd-wp", await page.Text("#detail"), StringComparison.Ordinal);
        Assert.Contains("2 x 2048 kB", await row.InnerTextAsync(), StringComparison.Ordinal);
    }

    private static Scenario Given(string table, params int[] orders)
    {
        var scenario = Scenario.Of(PageTable.Parse(table, Geometry.X86));
        var set = orders.Aggregate(OrderSet.Empty, (all, order) => all.With(order));
        return scenario with { Settings = scenario.Settings.WithSizes(set, SizeEnabled.Madvise) with { MaxPtesNone = 0 } };
    }

    private string Written(int code, params string[] args)
    {
        string file = _folder["page.html"];
        Assert.Equal(code, Regressions.Cli.Run([.. args, "--html", file]).Code);
        return file;
    }

    // The cells as of a step: a window that collapsed shows the table after the pass, the rest the one before.
    private static string Symbols(PageTable before, PageTable after, List<Attempt> collapsed, bool isLast)
    {
        char[] cells = TableDrawing.Of(isLast ? after : before).Symbols.ToCharArray();
        string end = TableDrawing.Of(after).Symbols;
        foreach (var attempt in collapsed)
            end.AsSpan(attempt.Offset, 1 << attempt.Order).CopyTo(cells.AsSpan(attempt.Offset));
        return new string(cells);
    }

    private static async Task<string> Cells(OpenPage page) =>
        await page.Page.Locator(".cells").EvaluateAsync<string>(
            "grid => [...grid.querySelectorAll('[data-pte]')].map(cell => cell.textContent).join('')");

    private static Task<string[]> Marked(OpenPage page) =>
        page.Page.Locator(".chart").EvaluateAsync<string[]>(
            "chart => [...chart.querySelectorAll('[aria-current]')].map(block => block.dataset.window)");
}
