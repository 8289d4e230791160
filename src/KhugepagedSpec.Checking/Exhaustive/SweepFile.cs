using System.Text.Json.Serialization;
using KhugepagedSpec.Scenarios;

namespace KhugepagedSpec.Checking.Exhaustive;

/// <summary>Results of a sweep as a file: the plan, then one line a unit. A unit whose line was cut off is done again.</summary>
public static class SweepFile
{
    private static readonly JournalFile<SweepPlan, SweepResult> Journal = new(
        SweepJson.Default.SweepPlan, SweepJson.Default.SweepResult,
            "the plan of a sweep, as khugepaged-spec check --exhaustive --out writes it", "the result of one unit");

    /// <summary>Reads a file.</summary>
    /// <returns>The plan and the units done.</returns>
    /// <exception cref="FormatException">It is no such file; the message is one line and names it.</exception>
    public static (SweepPlan Plan, List<SweepResult> Done) Read(string path)
    {
        var (plan, done) = Journal.Read(path);
        string name = InputFile.NameOf(path);
        if (plan.FindError() is { } error)
            throw new FormatException($"{name}, line 1: {error}");
        var units = new HashSet<long>();
        foreach (var result in done)
        {
            if (result.Unit < 0 || result.Unit >= plan.UnitCount)
                throw new FormatException($"{name}: unit {result.Unit}: expected 0 to {plan.UnitCount - 1}");
            if (!units.Add(result.Unit))
                throw new FormatException($"{name}: unit {result.Unit} twice: expected it once");
        }
        return (plan, done);
    }

    /// <summary>Begins a file anew with what is done already, in one step: a reader sees the old file or the new.</summary>
    public static StreamWriter Begin(string path, SweepPlan plan, IEnumerable<SweepResult> done) => Journal.Begin(path, plan, done);

    /// <summary>Begins with what is done already, to be read by somebody else.</summary>
    public static void Begin(TextWriter writer, SweepPlan plan, IEnumerable<SweepResult> done) => Journal.Begin(writer, plan, done);

    /// <summary>Adds a unit.</summary>
    public static void Append(TextWriter writer, SweepResult result) => Journal.Append(writer, result);
}

[JsonSerializable(typeof(SweepPlan))]
[JsonSerializable(typeof(SweepResult))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
internal sealed partial class SweepJson : JsonSerializerContext;
