using System.Text.Json;
using System.Text.RegularExpressions;

namespace KhugepagedSpec.Regressions;

/// <summary>A policy changed on the command line or in a file: the same in every command, named wherever a model is.</summary>
[Collection("console")]
public sealed partial class WithOptionTests : IDisposable
{
    private const string Changed = "linux-7.2 with none-limit=scaled";

    private static readonly string[] Table = ["x*300 .*212", "--enabled", "64k", "--max-ptes-none", "300"];

    private readonly string _folder = Directory.CreateTempSubdirectory("khugepaged-spec").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_known_bad_variant_and_its_changes_do_the_same()
    {
        string asVariant = Good("explain", [.. Table, "--model", "limits-scaled"]);
        string asChanged = Good("explain", [.. Table, "--with", "none-limit=scaled"]);
        Assert.StartsWith($"{Changed}, khugepaged\n", asChanged, StringComparison.Ordinal);
        Assert.Equal(asVariant.Replace("limits-scaled,", $"{Changed},", StringComparison.Ordinal), asChanged);
        Assert.NotEqual(Good("explain", Table).Split('\n')[1..], asChanged.Split('\n')[1..]);
        Assert.Equal(asChanged, Good("explain", [.. Table, "--model", "linux-7.2", "--with", "none-limit=scaled"]));
        Assert.Equal(Changed, Json(Good("explain", [.. Table, "--with", "none-limit=scaled", "--json"])).GetProperty("model").GetString());
    }

    [Fact]
    public void What_changes_nothing_is_allowed_and_said()
    {
        var (code, output, error) = Cli.Run(["explain", .. Table, "--with", "walk=offset"]);
        Assert.Equal((0, Good("explain", Table)), (code, output));
        Assert.Equal("khugepaged-spec: walk=offset changes nothing of linux-7.2\n", error);
    }

    [Fact]
    public void All_at_once_comes_before_one_by_one_in_whatever_order_they_are_given()
    {
        string[] first = ["retry.page_lock=done", "retry=all-lower"], second = ["retry=all-lower", "retry.page_lock=done"];
        string one = Good("policies", ["retry", .. first.SelectMany(With)]);
        string other = Good("policies", ["retry", .. second.SelectMany(With)]);
        Assert.Equal(one, other);
        Assert.StartsWith("linux-7.2 with retry=all-lower, retry.page_lock=done: ", one, StringComparison.Ordinal);
    }

    [Fact]
    public void Diff_takes_them_for_the_second()
    {
        string[] scene = [.. Table, "--with", "none-limit=scaled"];
        var (code, output, error) = Cli.Run(["diff", "linux-7.2", "linux-7.2", .. scene]);
        Assert.Equal((1, ""), (code, error));
        Assert.Contains(Changed, output, StringComparison.Ordinal);
        Assert.Equal(1, Cli.Run(["diff", "limits-scaled", "linux-7.2", .. Table]).Code);
        Assert.Equal(0, Cli.Run(["diff", "limits-scaled", "linux-7.2", .. scene]).Code);
    }

    [Fact]
    public void Diff_of_one_version_searches_for_what_the_change_changes()
    {
        var (code, output, _) = Cli.Run("diff", "linux-7.2", "--with", "none-limit=scaled");
        Assert.Equal(1, code);
        Assert.Matches($@"\n  linux-7\.2 +{Regex.Escape(Changed)}\n", output);
    }

    [Fact]
    public void Check_judges_by_the_claims_of_the_base_says_whose_they_are_and_prints_commands_that_show_it()
    {
        var (code, output, error) = Cli.Run("check", "--count", "300", "--with", "none-limit=scaled", "--invariant", "holes-below-pmd",
            "--invariant", "no-second-attempt");
        Assert.Equal((1, ""), (code, error));
        Assert.Contains("claims inherited from linux-7.2, which is known to break no-second-attempt, nothing-left-behind\n", output,
            StringComparison.Ordinal);
        Assert.Contains($"UNEXPECTED: {Changed} breaks holes-below-pmd: claimed of linux-7.2, and so of it\n", output,
            StringComparison.Ordinal);
        Assert.Contains($"\n{Changed} breaks no-second-attempt: each scan allocates again", output, StringComparison.Ordinal);
        string command = output.Split('\n').First(line => line.Contains("--model linux-7.2 --with none-limit=scaled --passes",
            StringComparison.Ordinal));
        Assert.StartsWith($"{Changed}, khugepaged\n", Good("explain", [.. Words(command)[1..]]), StringComparison.Ordinal);
    }

    [Fact]
    public void A_version_in_a_file_is_run_like_any_other_under_its_name()
    {
        string file = Written("""
            {"base": "linux-7.2", "name": "mine", "with": {"none-limit": "scaled"}, "exceptions": {"holes-below-pmd": "meant"}}
            """);
        string explained = Good("explain", [.. Table, "--model", file]);
        Assert.Equal(Good("explain", [.. Table, "--model", "limits-scaled"]).Replace("limits-scaled,", "mine,", StringComparison.Ordinal),
            explained);
        var (code, output, _) = Cli.Run("check", "--count", "300", "--model", file, "--invariant", "holes-below-pmd");
        Assert.Equal(0, code);
        Assert.Contains($"  1 mine ({Changed})\n", output, StringComparison.Ordinal);
        Assert.Contains("; its own exceptions: holes-below-pmd\n", output, StringComparison.Ordinal);
        Assert.Contains($"mine breaks holes-below-pmd: meant\n", output, StringComparison.Ordinal);
        Assert.Contains($"--model {file} --passes 1\n", output, StringComparison.Ordinal);
        Assert.StartsWith("mine with walk=stack, khugepaged\n", Good("explain", [.. Table, "--model", file, "--with", "walk=stack"]),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Claims_may_be_those_of_another_version()
    {
        string file = Written("""{"base": "linux-7.2", "name": "mine", "with": {"none-limit": "scaled-capped"}, "claims": "v12"}""");
        var (code, output, _) = Cli.Run("check", "--count", "300", "--model", file, "--invariant", "holes-below-pmd");
        Assert.Equal(0, code);
        Assert.Contains("claims inherited from v12, which is known to break no-none-creep, holes-below-pmd,", output,
            StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_base_is_not_asked_its_patch_is_not_asked_either() =>
        Assert.Contains("buddy-tree                      -", Good("check", "--count", "20", "--model", "linux-7.1",
            "--invariant", "buddy-tree", "--with", "lazyfree=collapsed"), StringComparison.Ordinal);

    [Fact]
    public void Prove_decides_of_what_was_put_together()
    {
        var (code, output, error) = Cli.Run("prove", "--order", "4", "--with", "none-limit=scaled");
        Assert.Equal((1, ""), (code, error));
        Assert.StartsWith($"{Changed}, PMD order 4: ", output, StringComparison.Ordinal);
        Assert.Contains("\n  claims inherited from linux-7.2, which", output, StringComparison.Ordinal);
        Assert.Matches(@"REFUTED  no-none-creep", output);
    }

    [Fact]
    public void Replay_changes_the_model_of_each_file()
    {
        string recorded = Path.Combine(Recordings.Folder, "linux-7.2.13-swap.jsonl");
        var (code, output, error) = Cli.Run("replay", recorded, "--with", "visit=last-attempt");
        Assert.Equal((1, ""), (code, error));
        Assert.Contains("against linux-7.2 with visit=last-attempt", output, StringComparison.Ordinal);
        Assert.Equal(0, Cli.Run("replay", recorded, "--with", "walk=stack").Code);
    }

    private static IEnumerable<string> With(string change) => ["--with", change];

    private static JsonElement Json(string text) => JsonDocument.Parse(text).RootElement;

    private static string Good(string command, params string[] words)
    {
        var (code, output, error) = Cli.Run([command, .. words]);
        Assert.Equal((0, ""), (code, error));
        return output;
    }

    private static string[] Words(string line) =>
        [.. Word().Matches(line).Select(match => match.Groups[1].Success ? match.Groups[1].Value : match.Value)];

    private string Written(string text)
    {
        string file = Path.Combine(_folder, "mine.json");
        File.WriteAllText(file, text);
        return file;
    }

    [GeneratedRegex(@"'([^']*)'|\S+")]
    private static partial Regex Word();
}
