using System.Text.Json.Serialization;
using KhugepagedSpec.Scenarios;

namespace KhugepagedSpec.Guests.Live;

/// <summary>What a comparison is: two with the same plan are the same.</summary>
/// <param name="Kernel">The kernel's release.</param>
/// <param name="Model">The version held against it.</param>
/// <param name="Seed">The scenarios' seed.</param>
public sealed record LivePlan(string Kernel, string Model, ulong Seed);

/// <summary>A comparison under way as a file: the plan, then one line a batch. A batch in which something was wrong is done
/// again.</summary>
public static class LiveJournal
{
    private const string Expected = "what khugepaged-spec kernel compare --out writes";

    private static readonly JournalFile<LivePlan,
        BatchResult> Journal = new(LiveJson.Default.LivePlan, LiveJson.Default.BatchResult, Expected, Expected);

    /// <summary>Reads a file.</summary>
    /// <returns>The batches that need not be done again.</returns>
    /// <exception cref="FormatException">It is no such file, or of another plan; the message is one line and names it.</exception>
    public static List<BatchResult> Read(string path, LivePlan plan)
    {
        var (earlier, done) = Journal.Read(path);
        if (earlier != plan)
            throw new FormatException(OneLine.Of($"{path}: another comparison ({Named(earlier)}): expected {Named(plan)}, or another file"));
        List<BatchResult> fine = [.. done.Where(batch => batch.IsFine)];
        if (fine.Find(batch => batch.Number < 0) is { } negative)
            throw new FormatException($"{path}: key 'number': {negative.Number}: expected 0 or more");
        return fine.GroupBy(batch => batch.Number).FirstOrDefault(same => same.Count() > 1) is { } twice
            ? throw new FormatException($"{path}: batch {twice.Key} twice: expected it once")
            : fine;

        static string Named(LivePlan plan) => $"{plan.Kernel}, {plan.Model}, seed {plan.Seed}";
    }

    /// <summary>Reads a file whatever comparison it is of.</summary>
    /// <returns>Which it is, and all batches, the last of each number.</returns>
    /// <exception cref="FormatException">It is no such file; the message is one line and names it.</exception>
    public static (LivePlan Plan, List<BatchResult> Batches) ReadAll(string path)
    {
        var (plan, done) = Journal.Read(path);
        return (plan, [.. done.GroupBy(batch => batch.Number).Select(same => same.Last())]);
    }

    /// <summary>A file begins as these do, with a plan.</summary>
    public static bool IsOne(string path)
    {
        try
        {
            return InputFile.Lines(path, Expected).FirstOrDefault() is { Text: { } first }
                && JsonShape.Read(first, LiveJson.Default.LivePlan) is not null;
        }
        catch (FormatException)
        {
            return false;
        }
    }

    /// <summary>Begins a file anew with what is done already, in one step.</summary>
    public static StreamWriter Begin(string path, LivePlan plan, IEnumerable<BatchResult> done) => Journal.Begin(path, plan, done);

    /// <summary>Begins with what is done already, to be read by somebody else.</summary>
    public static void Begin(TextWriter writer, LivePlan plan, IEnumerable<BatchResult> done) => Journal.Begin(writer, plan, done);

    /// <summary>Adds a batch.</summary>
    public static void Append(TextWriter writer, BatchResult batch) => Journal.Append(writer, batch);
}

[JsonSerializable(typeof(LivePlan))]
[JsonSerializable(typeof(BatchResult))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true, IgnoreReadOnlyProperties = true)]
internal sealed partial class LiveJson : JsonSerializerContext;
