namespace KhugepagedSpec.Regressions.Browser;

/// <summary>What stands beside what, in a narrow window and in a wide one.</summary>
[Trait("Coverage", "Slow")]
public sealed class RowTests(Chromium browser, CaptureFolder folder) : IClassFixture<Chromium>, IClassFixture<CaptureFolder>
{
    // Of each row the texts of both sides, if both can be seen beside each other and within the window.
    private const string Rows = """
        all => all.map(row => {
          const [a, b] = [...row.querySelectorAll("td:not(.mark)")], [one, other] = [a, b].map(cell => cell.getBoundingClientRect());
          const isBeside = one.top === other.top && one.right <= other.left + 1 && one.left >= 0 && other.right <= innerWidth;
          return isBeside ? `${a.textContent} | ${b.textContent}` : "not beside each other";
        })
        """;

    [Theory]
    [InlineData(400)]
    [InlineData(1280)]
    public async Task Attempts_of_one_place_stand_beside_each_other_and_one_alone_beside_nothing(int width)
    {
        string file = Written("diff", "linux-7.1", "linux-7.2", "x*16 .*496", "--enabled", "2,4,9", "--max-ptes-none", "0");
        await using var page = await browser.OpenAsync(file, width: width);
        Assert.Equal(
            [
                "pass 1 | pass 1", "scan exceed_none_pte | scan succeeded", "\u2013 | 0/4:succeeded:n0:r16",
                "result exceed_none_pte | result succeeded", "table x*16 .*496 | table F4 .*496",
                "counts exceed_none_pte.9=1 | counts alloc.4=1", "pass 2 | pass 2", "scan exceed_none_pte | scan succeeded",
                "\u2013 | 0/4:pte_mapped_hugepage:n0:r0", "result exceed_none_pte | result failed",
                "table x*16 .*496 | table f4 .*496", "counts exceed_none_pte.9=1 | counts alloc.4=1",
            ],
            await page.Page.Locator(".compared tbody tr").EvaluateAllAsync<string[]>(Rows));

        // At what one alone has, the other's map stays, and no window is marked in it.
        await page.Page.ClickAsync("tr[data-step='8']");
        Assert.Equal("linux-7.1: nothing; linux-7.2: 0/4:pte_mapped_hugepage:n0:r0", await page.Text("#reason"));
        Assert.Equal(0, await page.Page.Locator("[data-side='0'] .outlines div").CountAsync());
        Assert.InRange(await page.Page.Locator("[data-side='1'] .outlines div").CountAsync(), 1, 9);
    }

    [Theory]
    [InlineData(400)]
    [InlineData(1280)]
    public async Task The_lane_that_breaks_a_property_is_marked_with_what_is_there_what_was_expected_and_its_locks(int width)
    {
        await using var page = await browser.OpenAsync(Written("explore", "--model", "tlbs-not-flushed"), width: width);
        Assert.Equal(["khugepaged", "writer breaks it"], (await page.Page.Locator(".lanes thead th").AllInnerTextsAsync()).Skip(1));
        int steps = await page.Page.Locator("tr[data-step]").CountAsync();
        Assert.Equal(steps, await page.Page.Locator("tr[data-step] td:nth-child(3).blamed").CountAsync());
        Assert.Equal(0, await page.Page.Locator("tr[data-step] td:nth-child(2).blamed").CountAsync());
        Assert.Equal("no-write-lost is broken", await page.Text("tr.breaks .verdict"));
        Assert.Equal(
            [
                "entry 0 maps the page \"collapsed\", which holds old (copied at step 41, khugepaged); written was put there last (step 58, writer)",
                "Every address reads what was written there last.", "writer holds no lock",
            ],
            await page.Page.Locator("tr.breaks dd").AllInnerTextsAsync());
        Assert.True(await page.Page.Locator("tr.breaks td:last-child").EvaluateAsync<bool>(
            "cell => cell.getBoundingClientRect().right <= innerWidth && cell.scrollWidth <= cell.clientWidth"));
        await page.Press("End");
        Assert.EndsWith(": no-write-lost is broken", await page.Text("#reason"), StringComparison.Ordinal);
        await page.Press("ArrowLeft");
        Assert.DoesNotContain("is broken", await page.Text("#reason"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(400)]
    [InlineData(1280)]
    public async Task Of_a_deadlock_each_lane_that_waits_is_marked(int width)
    {
        await using var page = await browser.OpenAsync(Written("explore", "--model", "anon-vma-before-mmap"), width: width);
        Assert.Equal(["khugepaged waits", "munmap waits"], (await page.Page.Locator(".lanes thead th").AllInnerTextsAsync()).Skip(1));
        string locks = await page.Text("tr.breaks dd:last-of-type");
        Assert.Contains("khugepaged holds anon_vma lock", locks, StringComparison.Ordinal);
        Assert.Contains("munmap holds mmap lock", locks, StringComparison.Ordinal);
    }

    // A way that was given is judged where it ends; one that was cut short breaks nothing yet.
    [Theory]
    [InlineData("0*18 1*2 0 1 0*35 1", 1)]
    [InlineData("0*18 1*2 0 1 0*35", 0)]
    [InlineData("0*18 1*2", 0)]
    public async Task A_way_that_is_replayed_is_marked_if_it_breaks_something_in_the_end(string way, int marked)
    {
        await using var page = await browser.OpenAsync(
            Written("explore", "--model", "tlbs-not-flushed", "--actors", "writer", "--entries", "4", "--table", "xxxx", "--replay", way));
        Assert.Equal(marked, await page.Page.Locator("tr.breaks").CountAsync());
        Assert.Equal(marked, await page.Page.Locator("thead .blamed").CountAsync());
    }

    [Theory]
    [InlineData(400)]
    [InlineData(1280)]
    public async Task The_task_at_which_a_race_is_refused_is_marked_with_what_was_seen_and_what_the_model_had(int width)
    {
        string file = Written("validate", RecordedRaceTests.Path, "--model", "pmd-not-rechecked", "--attempt", "1");
        await using var page = await browser.OpenAsync(file, width: width);
        Assert.Equal("0 paths, 1 refused, 0 not judged; 0 invariants broken", await page.Text("[data-field='verdict']"));
        Assert.Equal(["khugepaged-42 is refused", "race-T-116", "race-f-119", "race-f-120"],
            (await page.Page.Locator(".lanes thead th").AllInnerTextsAsync()).Skip(1));
        Assert.Equal(["pmdchk result=1", "anon_vma_lock_write: takes the anon_vma lock"],
            await page.Page.Locator("tr.breaks dd").AllInnerTextsAsync());
        Assert.False(await page.Page.Locator(".state").IsVisibleAsync());
        await page.Press("End");
        Assert.Equal("khugepaged-42  pmdchk  258565  result=1: no path of pmd-not-rechecked", await page.Page.TextContentAsync("#reason"));
        Assert.True(await page.Page.Locator("tr.breaks td:last-child").EvaluateAsync<bool>(
            "cell => cell.getBoundingClientRect().right <= innerWidth && cell.scrollWidth <= cell.clientWidth"));
    }

    [Theory]
    [InlineData("vma-writers-are-alone", "From vma_start_write to the end of the mmap lock nobody gets the VMA's lock.", "race-f-119 breaks it")]
    [InlineData("isolation-counts-what-it-saw", "Isolation counts the empty entries that it looked at.", "khugepaged-42 breaks it")]
    public async Task An_invariant_that_a_race_breaks_is_marked_where_it_does(string invariant, string expected, string lane)
    {
        string race = folder["race.trace"];
        await File.WriteAllLinesAsync(race, RecordedRaceTests.Edited(invariant));
        await using var page = await browser.OpenAsync(Written("validate", race));
        Assert.Equal(invariant, await page.Text("[data-field='broken']"));
        Assert.Equal(expected, await page.Text("[data-field='expected']"));
        Assert.Contains(lane, await page.Page.Locator(".lanes thead th").AllInnerTextsAsync());
        Assert.Equal($"{invariant} is broken", await page.Text("tr.breaks .verdict"));
    }

    [Fact]
    public async Task An_attempt_that_is_a_path_has_its_lanes_and_no_mark()
    {
        await using var page = await browser.OpenAsync(Written("validate", RecordedRaceTests.Path, "--attempt", "1"));
        Assert.Equal(0, await page.Page.Locator(".blamed, .breaks").CountAsync());
        Assert.InRange(await page.Page.Locator("tr[data-step]").CountAsync(), 30, 1000);
    }

    private string Written(params string[] args)
    {
        string file = folder["page.html"];
        Regressions.Cli.Run([.. args, "--html", file]);
        return file;
    }
}
