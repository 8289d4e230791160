using Microsoft.Playwright;

namespace KhugepagedSpec.Regressions.Browser;

/// <summary>Each kind of page at the width of a telephone and of a desk, light, dark and printed: all of it can be read.</summary>
[Trait("Coverage", "Slow")]
[Trait("Form", "Long")]
public sealed class LayoutTests(Chromium browser) : IClassFixture<Chromium>, IDisposable
{
    // Boxes that scroll by themselves on a screen, and none on paper or of what-if.
    private const string Outside = """
        isPrint => [...document.querySelectorAll("main *")].filter(one => {
          const box = one.getBoundingClientRect(), style = getComputedStyle(one);
          const isInside = !isPrint && one.closest(".scrolled, .scroller, .list") && document.body.dataset.view !== "whatif";
          return box.width > 1 && style.visibility !== "hidden" && !isInside && box.right > document.documentElement.clientWidth + 1;
        }).map(one => `${one.tagName}.${one.className} ${one.textContent.slice(0, 30)}`).slice(0, 3)
        """;

    private const string Clipped = """
        [...document.querySelectorAll(".cells .cell")].filter(cell =>
          cell.offsetParent && (cell.scrollWidth > cell.clientWidth || cell.clientWidth < 6)).length
        """;

    private const string Contrast = """
        () => {
          const linear = part => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
          const light = text => {
            const [r, g, b] = text.match(/\d+/g).map(part => linear(part / 255));
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const style = getComputedStyle(document.body);
          const both = [light(style.color), light(style.backgroundColor)].sort((a, b) => a - b);
          return (both[1] + 0.05) / (both[0] + 0.05);
        }
        """;

    private static readonly string[] Kinds = ["walk", "wide", "diff", "check", "explore", "validate", "threads", "whatif", "machine"];

    // A page says nothing of where what it was made of lay.
    private static readonly Dictionary<string, string> Made = [];

    private readonly CaptureFolder _folder = new();

    public static TheoryData<string, int> Pages()
    {
        var pages = new TheoryData<string, int>();
        foreach (string kind in Kinds)
            foreach (int width in new[] { 400, 1280 })
                if (width == 400 || Long.IsAsked)
                    pages.Add(kind, width);
        return pages;
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Pages))]
    public async Task A_page_can_be_read_without_scrolling_sideways_light_dark_and_printed(string kind, int width)
    {
        string file = Written(kind);
        foreach (var scheme in new[] { ColorScheme.Light, ColorScheme.Dark })
        {
            await using var page = await browser.OpenAsync(file, scheme, width: width);
            await Check(page, isPrint: false);
            await page.Page.EmulateMediaAsync(new PageEmulateMediaOptions { Media = Media.Print });
            await Check(page, isPrint: true);
        }
    }

    [Fact]
    public async Task A_walk_prints_the_map_before_and_after_each_pass_and_its_statistics()
    {
        await using var page = await browser.OpenAsync(Written("walk"), width: 400);
        Assert.Equal(0, await Shown(page, ".printed .letters"));
        Assert.Equal(0, await Shown(page, "details pre"));
        await page.Page.EmulateMediaAsync(new PageEmulateMediaOptions { Media = Media.Print });
        Assert.Equal(["before pass 1", "after pass 1", "after pass 2"],
            await page.Page.Locator(".printed h3").AllInnerTextsAsync());
        Assert.Equal(3, await Shown(page, ".printed .letters"));
        Assert.Equal(await page.Page.Locator("details pre").CountAsync(), await Shown(page, "details pre"));
        Assert.Contains("collapse_alloc.2=", await page.Text("details pre >> nth=0"), StringComparison.Ordinal);
        string letters = string.Concat((await page.Page.Locator(".printed .letters").First.Locator("div").AllInnerTextsAsync())
            .Select(row => row[6..]));
        Assert.Equal(512, letters.Length);
        Assert.StartsWith("xxxxxxxxxxxxxxxx....xxxxxxxx", letters, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_difference_prints_how_both_versions_began_and_ended()
    {
        await using var page = await browser.OpenAsync(Written("diff"));
        await page.Page.EmulateMediaAsync(new PageEmulateMediaOptions { Media = Media.Print });
        Assert.Equal(["v19, before", "v19, in the end", "linux-7.2, before", "linux-7.2, in the end"],
            await page.Page.Locator(".printed h3").AllInnerTextsAsync());
    }

    // What the tests above look for is found where it is: in a page without what keeps it from happening.
    [Fact]
    public async Task A_page_that_is_too_wide_and_letters_that_are_clipped_are_noticed()
    {
        await using var wide = await browser.OpenAsync(Written("whatif"), width: 400);
        await wide.Page.EvaluateAsync("document.querySelectorAll('.stacked').forEach(one => one.classList.remove('stacked'))");
        Assert.NotEmpty(await wide.Page.EvaluateAsync<string[]>(Outside, false));
        await using var clipped = await browser.OpenAsync(Written("diff"), width: 400);
        await clipped.Page.EvaluateAsync("document.querySelectorAll('.map').forEach(one => one.style.setProperty('--columns', 64))");
        Assert.InRange(await clipped.Page.EvaluateAsync<int>(Clipped), 100, int.MaxValue);
    }

    [Fact]
    public async Task A_map_has_half_the_columns_in_a_narrow_window_and_the_same_letters_and_windows()
    {
        await using var page = await browser.OpenAsync(Written("walk"), fragment: "#step=3");
        var before = await page.Page.Locator(".cells .cell").AllInnerTextsAsync();
        Assert.Equal(["0", "64"], (await page.Page.Locator(".map .numbers span").AllInnerTextsAsync()).Take(2));
        await page.Page.SetViewportSizeAsync(400, 900);
        Assert.Equal(["0", "32"], (await page.Page.Locator(".map .numbers span").AllInnerTextsAsync()).Take(2));
        Assert.Equal(before, await page.Page.Locator(".cells .cell").AllInnerTextsAsync());
        Assert.Equal("step 3 of", (await page.Text("#step-count"))[..9]);
    }

    [Fact]
    public async Task The_sweep_has_a_point_and_a_row_for_each_value_that_matters()
    {
        await using var page = await browser.OpenAsync(Written("whatif"));
        Assert.Equal(["2048kB 0", "2048kB 1", "2048kB 16", "2048kB 511", "all sizes 0", "all sizes 1", "all sizes 16", "all sizes 511"],
            await page.Page.Locator("[data-sweep]").EvaluateAllAsync<string[]>("all => all.map(one => one.dataset.sweep)"));
        Assert.Equal(8, await page.Page.Locator(".sweep circle").CountAsync());
        Assert.Equal(["1", "2048kB", "6,144 kB", "4 kB"],
            (await page.Page.Locator("[data-sweep='2048kB 1'] > *").AllInnerTextsAsync()).Select(text => text.Trim()));
    }

    [Fact]
    public async Task A_machine_is_shown_by_process_and_by_cgroup_with_what_was_left_out_and_warnings()
    {
        await using var page = await browser.OpenAsync(Written("machine"));
        Assert.Equal("what if: 2 processes (--unit db)", await page.Text("h1"));
        Assert.Equal(["11", "10"],
            (await page.Page.Locator("[data-process]").EvaluateAllAsync<string[]>("all => all.map(one => one.dataset.process)")).Take(2));
        Assert.Contains("12: no such process", await page.Text("[data-field='left out']"), StringComparison.Ordinal);
        Assert.InRange(await page.Page.Locator(".warnings li").CountAsync(), 1, 9);
    }

    [Fact]
    public async Task Bars_of_memory_share_a_scale()
    {
        await using var page = await browser.OpenAsync(Written("whatif"));
        string[] shares = await page.Page.Locator(
            ".cases td:nth-child(3), .cases td:nth-child(4), .cases td:nth-child(5)").EvaluateAllAsync<string[]>("""
            all => [...new Set(all.map(cell => {
              const kb = Number(cell.firstChild.textContent.replace(/\D/g, ""));
              const width = Number.parseFloat(cell.querySelector(".bars span").style.width);
              return kb === 0 ? null : (kb / width).toFixed(0);
            }).filter(share => share))]
            """);
        Assert.InRange(shares.Select(share => int.Parse(share, System.Globalization.CultureInfo.InvariantCulture)).Max(), 80, 83);
    }

    private static async Task Check(OpenPage page, bool isPrint)
    {
        Assert.Empty(await page.Page.EvaluateAsync<string[]>(Outside, isPrint));
        Assert.True(await page.Page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= document.documentElement.clientWidth"));
        Assert.Equal(0, await page.Page.EvaluateAsync<int>(Clipped));
        Assert.InRange(await page.Page.EvaluateAsync<double>(Contrast), 7, 21);
    }

    private static Task<int> Shown(OpenPage page, string selector) => page.Page.Locator(selector).EvaluateAllAsync<int>(
        "all => all.filter(one => one.checkVisibility({ contentVisibilityAuto: true }) && one.getBoundingClientRect().height > 1).length");

    private string Written(string kind)
    {
        string file = _folder["page.html"];
        if (Made.TryGetValue(kind, out string? text))
        {
            File.WriteAllText(file, text);
            return file;
        }
        string[] args = kind switch
        {
            "walk" => ["explain", "x*16 .*4 x*8 f4[8+3] s x*200 .*80 f6 z*16 h*5 .*115", "--enabled", "2,3,4,6", "--max-ptes-none", "0",
                "--passes", "2"],
            "wide" => ["explain", "x*4096 .*4096", "--pmd-order", "13", "--enabled", "2", "--max-ptes-none", "0"],
            "diff" => ["diff", "v19", "linux-7.2", "s x*511", "--enabled", "9", "--max-ptes-none", "0"],
            "check" => ["check", "--count", "60", "--model", "v12", "--model", "linux-7.2", "--model", "limits-unscaled"],
            "explore" => ["explore", "--model", "tlbs-not-flushed"],
            "validate" => ["validate", RecordedRaceTests.Path, "--model", "pmd-not-rechecked", "--attempt", "1"],
            "threads" => ["threads", "--thread", "uffd", "--verdict", "false"],
            "whatif" => ["whatif", _folder.SavedProcess(), "--always", "64k", "--max-ptes-none", "0"],
            _ => ["whatif", _folder.SavedMachine(), "--always", "2M"],
        };
        Regressions.Cli.Run([.. args, "--html", file]);
        Made[kind] = File.ReadAllText(file);
        return file;
    }
}
