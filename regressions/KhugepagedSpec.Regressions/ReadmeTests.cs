using System.Text.RegularExpressions;

namespace KhugepagedSpec.Regressions;

/// <summary>The README shows what the program prints: every command in it is run, every output in it compared.</summary>
[Collection("console")]
public sealed partial class ReadmeTests
{
    public static TheoryData<string, string> Commands()
    {
        var data = new TheoryData<string, string>();
        string readme = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "README.md"));
        foreach (Match block in ConsoleBlock().Matches(readme))
            foreach (string part in block.Groups[1].Value.Split("$ khugepaged-spec ", StringSplitOptions.RemoveEmptyEntries))
            {
                string[] halves = part.Split('\n', 2);
                data.Add(halves[0], halves[1].TrimEnd('\n'));
            }
        return data;
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public void The_readme_shows_what_the_command_prints(string command, string shown)
    {
        string[] args = [.. Argument().Matches(command.Split(" | ")[0]).Select(match => match.Groups[1].Success ? match.Groups[1].Value : match.Value)];
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
            Assert.True(found >= 0 && found < printed.Count && printed[found] == line.TrimEnd(), $"README shows\n{line}\nbut line {at + 1} of the output is\n{(at < printed.Count ? printed[at] : "missing")}");
            at = found + 1;
            skip = false;
        }
        Assert.True(skip || at == printed.Count || shown.Length == 0, $"README stops before\n{(at < printed.Count ? printed[at] : "")}");
    }

    [GeneratedRegex("```console\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex ConsoleBlock();

    [GeneratedRegex(@"'([^']*)'|\S+")]
    private static partial Regex Argument();
}
