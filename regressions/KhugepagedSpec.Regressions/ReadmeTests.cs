using System.Text.RegularExpressions;

namespace KhugepagedSpec.Regressions;

/// <summary>The READMEs show what the program prints: every command in them is run, every output in them compared.</summary>
[Trait("Form", "Long")]
[Trait("Coverage", "Slow")]
[Collection("console")]
public sealed partial class ReadmeTests
{
    private const string Prompt = "$ khugepaged-spec ", LongOne = "explore", LongCheck = "check --count 1000";

    public static TheoryData<string, string> Commands()
    {
        var data = new TheoryData<string, string>();
        foreach (var (command, shown) in Printed().Where(printed => printed.Command != LongCheck))
            data.Add(command, shown);
        return data;
    }

    private static IEnumerable<(string Command, string Shown)> Printed()
    {
        foreach (Match block in Readmes.SelectMany(readme => ConsoleBlock().Matches(readme)))
            foreach (string part in block.Groups[1].Value.Split("$ khugepaged-spec ", StringSplitOptions.RemoveEmptyEntries))
            {
                string[] halves = part.Split('\n', 2);
                yield return (halves[0], halves[1].TrimEnd('\n'));
            }
    }

    private static readonly string Top = File.ReadAllText(Repository.At("README.md"));

    private static readonly string[] Readmes =
    [
        Top,
        .. new[] { "src", "properties", "regressions" }
            .SelectMany(folder => Directory.EnumerateFiles(Repository.At(folder), "README.md", SearchOption.AllDirectories))
            .Where(path => !path.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj"))
            .Order(StringComparer.Ordinal)
            .Select(File.ReadAllText),
    ];

    // What begins the blocks that no command of these tests prints: a guest's, another machine's, a failing test's (FailureMessageFacts).
    private static readonly string[] Elsewhere =
    [
        "linux-7.2 on a table of 4, all interleavings, million states a second",
        "Label of failing property: larger-folio-demoted breaks no-demotion",
        "Label of failing property: the approved counterexample uffd-keeps-holes",
        "smallest: 1 PTEs that are not empty, found after 160 scenarios",
        "redis-server (19418), Linux 6.18.44-fc-v857, 4kB pages, 2026-11-26 13:26:07 UTC",
        "53 probes",
        "                        attempts  with company",
        "smallest: 64 PTEs that are not empty, found after 48 scenarios",
        "200 random tables, armed by userfaultfd, seed 1, 3 passes",
        "200 random tables, seed 1, on each kernel in turn, 5 times",
    ];

    /// <summary>Commands whose output has times in it.</summary>
    public static TheoryData<string, string> TimedCommands()
    {
        var data = new TheoryData<string, string>();
        foreach (var (command, shown) in Timed().Where(timed => timed.Command != LongOne))
            data.Add(command, shown);
        return data;
    }

    [Theory]
    [MemberData(nameof(TimedCommands))]
    public void The_readme_shows_what_the_command_prints_but_for_times(string command, string shown)
    {
        var (code, output, error) = Cli.Run(command.Split(' '));
        Assert.Equal((0, "", WithoutTimes(shown)), (code, error, WithoutTimes(output).TrimEnd()));
    }

    /// <summary>Every version and every known-bad variant.</summary>
    [LongFact]
    public void The_readme_shows_what_check_prints() =>
        The_readme_shows_what_the_command_prints(LongCheck, Printed().Single(printed => printed.Command == LongCheck).Shown);

    /// <summary>Every pair of actors, at 4 and at 8 entries.</summary>
    [LongFact]
    public void The_readme_shows_what_explore_prints_but_for_times() =>
        The_readme_shows_what_the_command_prints_but_for_times(LongOne, Timed().Single(timed => timed.Command == LongOne).Shown);

    [Fact]
    public void Every_text_in_the_readme_is_what_a_command_prints_or_is_known_to_come_from_elsewhere()
    {
        string[] others = [.. TextBlocks().Where(text => !text.StartsWith(Prompt, StringComparison.Ordinal))];
        Assert.All(others, text => Assert.Contains(Elsewhere, start => text.StartsWith(start, StringComparison.Ordinal)));
        Assert.All(Elsewhere, start => Assert.Contains(others, text => text.StartsWith(start, StringComparison.Ordinal)));
        Assert.NotEmpty(TimedCommands());
    }

    [Fact]
    public void The_first_readme_is_short_and_its_texts_are_the_beginnings_of_others()
    {
        Assert.InRange(Top.Split('\n').Length, 50, 150);
        string[] others = [.. Readmes.Skip(1).SelectMany(TextsOf)];
        Assert.All(TextsOf(Top), text => Assert.Contains(others, other => other.StartsWith(text, StringComparison.Ordinal)));
    }

    private static IEnumerable<(string Command, string Shown)> Timed() =>
        TextBlocks().Where(text => text.StartsWith(Prompt, StringComparison.Ordinal))
            .Select(text => text[Prompt.Length..].Split('\n', 2)).Select(parts => (parts[0], parts[1].TrimEnd('\n')));

    [Fact]
    public void Every_link_of_a_readme_leads_to_a_file_that_is_there()
    {
        var links = Link().Matches(Top).Select(match => match.Groups[1].Value.Split('#')[0]).ToList();
        Assert.InRange(links.Count, 8, int.MaxValue);
        Assert.All(links, link => Assert.True(File.Exists(Repository.At(link)), link));
    }

    [Fact]
    public void A_count_that_differs_is_no_time() =>
        Assert.NotEqual(WithoutTimes("  proved   settles   43,406 cases   0.030 s"),
            WithoutTimes("  proved   settles   43,407 cases   0.030 s"));

    private static IEnumerable<string> TextBlocks() => Readmes.SelectMany(TextsOf);

    private static IEnumerable<string> TextsOf(string readme) => TextBlock().Matches(readme).Select(block => block.Groups[1].Value);

    private static string WithoutTimes(string text) => Time().Replace(text, "TIME");

    [Theory]
    [MemberData(nameof(Commands))]
    public void The_readme_shows_what_the_command_prints(string command, string shown)
    {
        string[] args = [.. Argument().Matches(command.Split(" | ")[0])
            .Select(match => match.Groups[1].Success ? match.Groups[1].Value : match.Value)];
        var (code, output, error) = Cli.Run(args);
        Assert.Equal("", error);
        Assert.InRange(code, 0, 1);
        var printed = output.TrimEnd('\n').Split('\n').Select(line => line.TrimEnd()).ToList();
        // An ellipsis stands for any number of lines.
        int at = 0;
        bool skip = false;
        foreach (string line in shown.Split('\n'))
        {
            if (line.Trim() == "...")
            {
                skip = true;
                continue;
            }
            int found = skip ? printed.IndexOf(line.TrimEnd(), at) : at;
            Assert.True(found >= 0 && found < printed.Count
                && printed[found] == line.TrimEnd(),
                $"README shows\n{line}\nbut line {at + 1} of the output is\n{(at < printed.Count ? printed[at] : "missing")}");
            at = found + 1;
            skip = false;
        }
        Assert.True(skip || at == printed.Count || shown.Length == 0, $"README stops before\n{(at < printed.Count ? printed[at] : "")}");
    }

    [GeneratedRegex(@"\]\(([^)]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex("```text\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex TextBlock();

    [GeneratedRegex(@" +[\d.]+ s\b(, [\d,]+ states a second)?")]
    private static partial Regex Time();

    [GeneratedRegex("```console\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex ConsoleBlock();

    [GeneratedRegex(@"'([^']*)'|\S+")]
    private static partial Regex Argument();
}
