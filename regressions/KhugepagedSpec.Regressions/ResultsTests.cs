using System.Text.Json;
using KhugepagedSpec.Policies;
using KhugepagedSpec.Results;

namespace KhugepagedSpec.Regressions;

/// <summary>The glossary of the SCAN_ results.</summary>
[Collection("console")]
public sealed class ResultsTests
{
    [Fact]
    public async Task The_glossary_of_results()
    {
        var (code, output, error) = Cli.Run("results");
        Assert.Equal((0, ""), (code, error));
        await Verifier.Verify(output);
    }

    [Fact]
    public void Every_result_is_in_it_once()
    {
        Assert.Equal(Enum.GetValues<ScanResult>().Order(), ResultGlossary.Entries.Select(entry => entry.Result).Order());
        Assert.All(ResultGlossary.Entries, entry => Assert.EndsWith(".", entry.Meaning, StringComparison.Ordinal));
        Assert.Equal(ResultGlossary.Entries.Length, ResultGlossary.Entries.Select(entry => entry.Meaning).Distinct().Count());
    }

    [Fact]
    public void What_the_retry_table_knows_comes_of_attempts()
    {
        foreach (var entry in ResultGlossary.Entries)
            Assert.True(entry.Next is not null || RetryTable.Linux72.For(entry.Result) == WalkVerdict.Stop, entry.Result.KernelName());
    }

    [Fact]
    public void As_JSON_it_has_the_same_results()
    {
        var (code, output, error) = Cli.Run("results", "--json");
        Assert.Equal((0, ""), (code, error));
        var all = JsonDocument.Parse(output).RootElement.EnumerateArray().ToList();
        Assert.Equal(ResultGlossary.Entries.Select(entry => entry.Result.KernelName()),
            all.Select(one => one.GetProperty("name").GetString()));
        var locked = all.Single(one => one.GetProperty("name").GetString() == "SCAN_PAGE_LOCK");
        Assert.Equal(("lower", true), (locked.GetProperty("walk").GetString(), locked.GetProperty("endsScan").GetBoolean()));
    }
}
