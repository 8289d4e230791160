using KhugepagedSpec.Cli.Pictures;

namespace KhugepagedSpec.Regressions;

/// <summary>Pages as files, without a browser.</summary>
[Trait("Coverage", "Slow")]
[Collection("console")]
public sealed class PageTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("khugepaged-spec").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("explain", "x*512")]
    [InlineData("diff", "v19", "linux-7.2", "s x*511", "--enabled", "9")]
    [InlineData("check", "--count", "20", "--model", "v12")]
    [InlineData("explore", "--actors", "fault")]
    [InlineData("threads", "39", "40")]
    [InlineData("validate", "RACE", "--attempt", "1")]
    public void A_page_names_nothing_that_would_have_to_be_loaded(params string[] args)
    {
        string file = Path.Combine(_folder, "page.html");
        Cli.Run([.. args.Select(word => word == "RACE" ? RecordedRaceTests.Path : word), "--html", file]);
        string text = File.ReadAllText(file);
        Assert.DoesNotMatch("(?i)https?:|src=|href=|@import|url\\(", text);
        Assert.Contains("default-src 'none'", text, StringComparison.Ordinal);
        Assert.Equal(["page.html"], Directory.GetFiles(_folder).Select(Path.GetFileName));
    }

    [Fact]
    public void The_page_comes_beside_the_usual_output()
    {
        string file = Path.Combine(_folder, "page.html");
        Assert.Equal(Cli.Run("explain", "x*512"), Cli.Run("explain", "x*512", "--html", file));
        Assert.Equal(Cli.Run("explain", "x*512", "--json"), Cli.Run("explain", "x*512", "--json", "--html", file));
    }

    [Fact]
    public void No_data_can_end_the_script_that_it_lies_in()
    {
        string page = new HtmlPage("<b>\"title\"</b>", "explore", [], "\"</script><script>alert(1)</script><!--\"").ToString();
        Assert.Equal(2, page.Split("</script>").Length - 1);
        Assert.DoesNotContain("<b>", page, StringComparison.Ordinal);
        Assert.Contains("\\u003c/script>", page, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--html nowhere/page.html: no such folder: expected a file in one that is there", "explain", "x*512", "--html",
        "nowhere/page.html")]
    [InlineData("--html .: that is a folder: expected a file", "diff", "v19", "linux-7.2", "x*512", "--html", ".")]
    [InlineData("--html: no name: expected a file", "check", "--count", "1", "--html", "")]
    [InlineData("--html contradicts --all: expected two versions", "diff", "--all", "--html", "page.html")]
    [InlineData("--html contradicts --promela, which searches nothing: expected one of them", "explore", "--actors", "fault", "--promela",
        "a.pml", "--html", "page.html")]
    [InlineData("--html contradicts --json: expected one of them", "threads", "39", "--json", "--html", "page.html")]
    [InlineData("--html contradicts --exhaustive: expected one of them", "check", "--exhaustive", "--html", "page.html")]
    public void A_page_that_cannot_be_is_one_line_and_exit_code_2(string message, params string[] args) =>
        Assert.Equal((2, "", $"khugepaged-spec: {message}\n"), Cli.Run(args));

    [Fact]
    public void A_file_that_cannot_be_written_stays_as_it_was()
    {
        string file = Path.Combine(_folder, "page.html"), folder = Path.Combine(_folder, "page.html.d");
        File.WriteAllText(file, "before");
        Directory.CreateDirectory(folder);
        var (code, _, error) = Cli.Run("explain", "x*512", "--html", Path.Combine(file, "page.html"));
        Assert.Equal(2, code);
        Assert.Equal(1, error.Count(letter => letter == '\n'));
        Assert.Equal("before", File.ReadAllText(file));
    }
}
