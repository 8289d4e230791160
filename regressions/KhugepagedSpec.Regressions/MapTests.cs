using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace KhugepagedSpec.Regressions;

/// <summary>The map from the kernel's functions to the specification's files: somebody who knows mm/khugepaged.c finds any rule in two
/// steps.</summary>
public sealed partial class MapTests
{
    private static readonly string Root = Path.GetFullPath(Path.Combine(Here(), "..", ".."));
    private static readonly string Spec = Path.Combine(Root, "src", "KhugepagedSpec");
    private static readonly string Map = File.ReadAllText(Path.Combine(Spec, "README.md"));

    [Fact]
    public void Every_file_that_the_map_names_is_there_and_cites_the_functions_that_it_is_named_for()
    {
        string[] rows = [.. Map.Split('\n').Where(line => line.StartsWith("| ", StringComparison.Ordinal)).Skip(1)];
        Assert.InRange(rows.Length, 20, int.MaxValue);
        foreach (string row in rows)
        {
            string[] cells = row.Split('|');
            string text = string.Concat(Named().Matches(cells[2])
                .Select(match => File.ReadAllText(Path.Combine(Spec, match.Groups[1].Value))));
            Assert.NotEqual("", text);
            foreach (string function in cells[1].Split(','))
                Assert.True(IsCited(function.Trim(), text), $"{function.Trim()} is not cited in {cells[2].Trim()}");
        }
    }

    [Fact]
    public void Every_file_of_collapse_that_stands_for_a_function_is_on_the_map()
    {
        string[] functions = [.. Directory.GetFiles(Path.Combine(Spec, "Collapse"), "*.cs")
            .Where(file => File.ReadAllText(file).Contains("mm/khugepaged.c:", StringComparison.Ordinal))
            .Select(file => $"Collapse/{Path.GetFileName(file)}")];
        Assert.InRange(functions.Length, 10, int.MaxValue);
        Assert.All(functions.Except(["Collapse/PageTests.cs", "Collapse/Attempt.cs"]),
            file => Assert.Contains(file, Map, StringComparison.Ordinal));
    }

    // README, then the map, then the file: two steps.
    [Theory]
    [InlineData("max_ptes_none applied", "Collapse/CollapseHugePageIsolate.cs", "limits.None(order")]
    [InlineData("ends the walk", "Policies/RetryTable.cs", "any result in neither set ends the walk")]
    [InlineData("did v18 do differently", "Versions/Catalogue.cs", "KhugepagedVersion V18 { get; } = V18Fixup with")]
    [InlineData("LRU batch rule", "../../properties/KhugepagedSpec.Properties/CollapseFacts.cs",
        "void A_failed_isolation_poisons_lower_orders_through_the_lru_batch()")]
    public void Four_questions_are_answered_by_the_file_that_the_map_names(string question, string file, string answer)
    {
        Assert.Contains("(src/KhugepagedSpec/README.md)", File.ReadAllText(Path.Combine(Root, "README.md")), StringComparison.Ordinal);
        string section = Map[Map.IndexOf(question, StringComparison.Ordinal)..];
        section = section.Split("\n- ")[0];
        Assert.Contains(file.Replace("../../", "", StringComparison.Ordinal), section, StringComparison.Ordinal);
        Assert.Contains(answer, File.ReadAllText(Path.Combine(Spec, file)), StringComparison.Ordinal);
    }

    [Fact]
    public void The_algorithm_knows_of_mistakes_at_five_places_and_in_what_it_sees()
    {
        string[] files = Directory.GetFiles(Path.Combine(Spec, "Collapse"), "*.cs");
        string[] hooks = [.. files.SelectMany(file => Hook().Matches(File.ReadAllText(file)).Select(match => match.Groups[1].Value))
            .Order()];
        Assert.Equal(["AfterAttempt", "AfterCopy", "AfterInstall", "AfterReinstate", "AtCounter", "AtPagesCollapsed"], hooks);
        Assert.All(files, file => Assert.DoesNotContain("a mistake", File.ReadAllText(file), StringComparison.OrdinalIgnoreCase));
    }

    private static bool IsCited(string function, string text) =>
        text.Contains(function.Replace(" and its kin", "", StringComparison.Ordinal).Replace("trace_", "", StringComparison.Ordinal),
            StringComparison.Ordinal);

    private static string Here([CallerFilePath] string here = "") => Path.GetDirectoryName(here)!;

    [GeneratedRegex("`([A-Za-z]*/[A-Za-z]*\\.cs)`")]
    private static partial Regex Named();

    [GeneratedRegex(@"Sabotage\?\.(\w+)")]
    private static partial Regex Hook();
}
