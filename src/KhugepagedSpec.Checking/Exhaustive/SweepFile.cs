using System.Text.Json;
using System.Text.Json.Serialization;

namespace KhugepagedSpec.Checking.Exhaustive;

/// <summary>
/// Results of a sweep as a file: the plan, then one line a unit, written when the unit is done. A line that was cut off when the
/// writer was killed is dropped, and its unit done again.
/// </summary>
public static class SweepFile
{
    /// <summary>Reads a file.</summary>
    /// <returns>The plan and the units done.</returns>
    /// <exception cref="FormatException">It is no such file; the message is one line and names it.</exception>
    public static (SweepPlan Plan, List<SweepResult> Done) Read(string path)
    {
        string[] lines = File.ReadAllText(path).Split('\n');
        SweepPlan plan;
        try
        {
            plan = JsonSerializer.Deserialize(lines[0], SweepJson.Default.SweepPlan) ?? throw new JsonException();
        }
        catch (JsonException)
        {
            throw new FormatException($"{path}, line 1: expected the plan of a sweep, as khugepaged-spec check --exhaustive --out writes it");
        }
        var done = new List<SweepResult>();
        // What stands behind the last newline was cut off.
        for (int i = 1; i < lines.Length - 1; i++)
        {
            try
            {
                done.Add(JsonSerializer.Deserialize(lines[i], SweepJson.Default.SweepResult) ?? throw new JsonException());
            }
            catch (JsonException)
            {
                throw new FormatException($"{path}, line {i + 1}: expected the result of one unit");
            }
        }
        return (plan, done);
    }

    /// <summary>Begins a file anew with what is done already, in one step: a reader sees the old file or the new.</summary>
    public static StreamWriter Begin(string path, SweepPlan plan, IEnumerable<SweepResult> done)
    {
        string fresh = path + ".new";
        using (var writer = new StreamWriter(fresh))
        {
            writer.Write(JsonSerializer.Serialize(plan, SweepJson.Default.SweepPlan) + "\n");
            foreach (var result in done)
                Append(writer, result);
        }
        File.Move(fresh, path, overwrite: true);
        return new StreamWriter(path, append: true) { AutoFlush = true };
    }

    /// <summary>Adds a unit.</summary>
    public static void Append(StreamWriter writer, SweepResult result) => writer.Write(JsonSerializer.Serialize(result, SweepJson.Default.SweepResult) + "\n");
}

[JsonSerializable(typeof(SweepPlan))]
[JsonSerializable(typeof(SweepResult))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectRequiredConstructorParameters = true)]
internal sealed partial class SweepJson : JsonSerializerContext;
