using ArchUnitNET.Fluent.Slices;
using ArchUnitNET.Loader;
using ArchUnitNET.xUnit;

namespace KhugepagedSpec.Regressions;

/// <summary>
/// The rooms of the house: inside a project no namespace uses another in a circle, the model checker knows nothing of khugepaged, and no
/// file is too long to be read at once.
/// </summary>
[Trait("Coverage", "Slow")]
public sealed class RoomsTests
{
    private static readonly ArchUnitNET.Domain.Architecture House = new ArchLoader().LoadAssemblies(
        typeof(PageTables.PageTable).Assembly, typeof(Scenarios.Shrinker).Assembly, typeof(Checking.Checker).Assembly,
        typeof(Races.CollapseProtocol).Assembly, typeof(ModelChecker.Exploration.Explorer<,,>).Assembly,
        typeof(global::KhugepagedSpec.Recordings.Replay).Assembly, typeof(Processes.CaptureFile).Assembly,
        typeof(Guests.Live.LiveComparison).Assembly, typeof(global::KhugepagedSpec.Cli.Shell.Verb).Assembly).Build();

    [Theory]
    [InlineData("KhugepagedSpec.(*)")]
    public void No_namespace_uses_another_in_a_circle(string slices) =>
        SliceRuleDefinition.Slices().Matching(slices).Should().BeFreeOfCycles().Check(House);

    [Fact]
    public void No_file_has_more_than_three_hundred_lines_but_the_notation()
    {
        string[] files = [.. Sources()];
        Assert.InRange(files.Length, 300, int.MaxValue);
        Assert.Equal(["TableNotation.cs"], files.Where(file => File.ReadLines(file).Count() > 300).Select(Path.GetFileName));
    }

    // A string that is long stands on a line of its own where the line would be longer still.
    [Fact]
    public void No_line_has_more_than_140_columns_but_for_a_string()
    {
        var longer = Sources()
            .SelectMany(file => File.ReadLines(file).Select((line, i) => (File: Path.GetFileName(file), Number: i + 1, Text: line)))
            .Where(line => line.Text.Length > 140).ToList();
        Assert.InRange(longer.Count, 1, 150);
        Assert.All(longer.Where(line => line.File is not ("TraceReaderTests.cs" or "CaptureCommand.cs")),
            line => Assert.True(line.Text.Contains('"', StringComparison.Ordinal), $"{line.File}:{line.Number}: {line.Text.Length} columns"));
    }

    // .ci/run asks for the long forms by this trait.
    [Fact]
    public void Tests_with_a_long_form_say_so() => Say("[Trait(\"Form\", \"Long\")]", least: 7,
        SourcesWith("Long.", "[LongFact]").Where(file => !Path.GetFileName(file).StartsWith("Long", StringComparison.Ordinal)));

    // A program that another test starts meanwhile would not be found.
    [Fact]
    public void Tests_that_change_what_the_process_has_one_of_run_alone() =>
        Say("[Collection(\"environment\")]", least: 4, SourcesWith("SetEnvironmentVariable", "SetCurrentDirectory"));

    private static void Say(string attribute, int least, IEnumerable<string> files)
    {
        string[] all = [.. files];
        Assert.InRange(all.Length, least, int.MaxValue);
        Assert.All(all, file => Assert.Contains(attribute, File.ReadAllText(file), StringComparison.Ordinal));
    }

    // But this one, which names what is looked for.
    private static IEnumerable<string> SourcesWith(params string[] words) =>
        Sources().Where(file => Path.GetFileName(file) != "RoomsTests.cs" && File.ReadAllText(file) is var text
            && words.Any(word => text.Contains(word, StringComparison.Ordinal)));

    private static IEnumerable<string> Sources() =>
        new[] { "src", "properties", "regressions" }
            .SelectMany(folder => Directory.EnumerateFiles(Repository.At(folder), "*.cs", SearchOption.AllDirectories))
            .Where(file => !Path.GetRelativePath(Repository.Folder, file).Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj"));
}
