using System.Collections.Immutable;
using System.Text.Json.Serialization;
using KhugepagedSpec.Scenarios;
using ModelChecker.Exploration;

namespace KhugepagedSpec.Races;

/// <summary>What is to be searched: a protocol beside every combination of so many.</summary>
/// <param name="Protocol">The protocol.</param>
/// <param name="Entries">PTEs of the table.</param>
/// <param name="Beside">Processes beside khugepaged, at most.</param>
/// <param name="Judged">The property that is judged; "all" for all that it is to have.</param>
/// <param name="Unreduced">Nothing is left out.</param>
/// <param name="Combinations">How many there are.</param>
public sealed record ExplorePlan(string Protocol, int Entries, int Beside, string Judged, bool Unreduced, int Combinations);

/// <summary>What one search came to.</summary>
/// <param name="Unit">The combination's number, from 0.</param>
/// <param name="Actors">Who ran beside khugepaged, separated by commas.</param>
/// <param name="Table">The table.</param>
/// <param name="Ending">How it ended.</param>
/// <param name="Generated">States generated.</param>
/// <param name="Distinct">Distinct ones.</param>
/// <param name="Left">States left on the queue.</param>
/// <param name="Depth">The longest way.</param>
/// <param name="Seconds">How long it took.</param>
/// <param name="Broken">The property that is broken; null for none.</param>
/// <param name="Steps">In how many steps.</param>
public sealed record UnitResult(
    int Unit, string Actors, string Table, Ending Ending, long Generated, long Distinct, long Left, int Depth, double Seconds,
        string? Broken, int Steps)
{
    /// <summary>From a search.</summary>
    public static UnitResult Of(int unit, SearchResult result) => new(
        unit, string.Join(',', result.Actors), result.Table, result.Found.Ending, result.Found.Extent.Generated,
            result.Found.Extent.Distinct, result.Found.Extent.Left,
        result.Found.Extent.Depth, result.Found.Time.TotalSeconds, result.Broken?.Name, result.Found.Counterexample?.Actions.Length ?? 0);

    /// <summary>The chance that two different states had one fingerprint, at most.</summary>
    [JsonIgnore]
    public double CollisionOdds => new Extent(Generated, Distinct, Left, Depth).CollisionOdds;
}

/// <summary>Results of searches as a file: the plan, then one line a search. A combination is written when all its tables are
/// done.</summary>
public static class ExploreFile
{
    private static readonly JournalFile<ExplorePlan, ImmutableArray<UnitResult>[]> Journal = new(
        ExploreFileJson.Default.ExplorePlan, ExploreFileJson.Default.ImmutableArrayUnitResultArray,
            "the plan of searches, as khugepaged-spec explore --out writes it", "the searches of one combination");

    /// <summary>True if a file holds such results, or begins as if it did.</summary>
    public static bool IsOne(string path) =>
        !InputFile.IsStandard(path)
            && InputFile.Lines(path, "results of shards").FirstOrDefault().Text?.Contains("\"beside\"", StringComparison.Ordinal) == true;

    /// <summary>Reads a file.</summary>
    /// <returns>The plan and the combinations done, each with a result a table.</returns>
    /// <exception cref="FormatException">It is no such file; the message is one line and names it.</exception>
    public static (ExplorePlan Plan, List<ImmutableArray<UnitResult>> Done) Read(string path)
    {
        var (plan, done) = Journal.Read(path);
        ImmutableArray<UnitResult>[] combinations = [.. done.SelectMany(each => each)];
        if (combinations.FirstOrDefault(each => each.IsEmpty
            || each.Any(result => result.Unit != each[0].Unit || result.Unit < 0
            || result.Unit >= plan.Combinations)) is { IsDefault: false } odd)
            throw new FormatException(
                $"{InputFile.NameOf(path)}: {(odd.IsEmpty ? "a combination without a search" : $"unit {odd[0].Unit}")}: expected the searches of one combination a line, units 0 to {plan.Combinations - 1}");
        if (combinations.GroupBy(each => each[0].Unit).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new FormatException($"{InputFile.NameOf(path)}: unit {twice.Key} twice: expected it once");
        return (plan, [.. combinations]);
    }

    /// <summary>Begins a file anew with what is done already, in one step: a reader sees the old file or the new.</summary>
    public static StreamWriter Begin(string path, ExplorePlan plan, IEnumerable<ImmutableArray<UnitResult>> done) =>
        Journal.Begin(path, plan, done.Select(each => new[] { each }));

    /// <summary>Begins with what is done already, to be read by somebody else.</summary>
    public static void Begin(TextWriter writer, ExplorePlan plan, IEnumerable<ImmutableArray<UnitResult>> done) =>
        Journal.Begin(writer, plan, done.Select(each => new[] { each }));

    /// <summary>Adds a combination.</summary>
    public static void Append(TextWriter writer, ImmutableArray<UnitResult> results) => Journal.Append(writer, [results]);
}

[JsonSerializable(typeof(ExplorePlan))]
[JsonSerializable(typeof(ImmutableArray<UnitResult>[]))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true, UseStringEnumConverter = true)]
internal sealed partial class ExploreFileJson : JsonSerializerContext;
