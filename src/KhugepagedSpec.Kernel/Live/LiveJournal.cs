using System.Text.Json;
using System.Text.Json.Serialization;

namespace KhugepagedSpec.Kernel.Live;

/// <summary>What a comparison is: two with the same plan are the same.</summary>
/// <param name="Kernel">The kernel's release.</param>
/// <param name="Model">The version held against it.</param>
/// <param name="Seed">The scenarios' seed.</param>
public sealed record LivePlan(string Kernel, string Model, ulong Seed);

/// <summary>
/// A comparison under way as a file: the plan, then one line a batch, written when it is done. A line that was cut off is
/// dropped; a batch in which something was wrong is done again.
/// </summary>
public static class LiveJournal
{
    /// <summary>Reads a file.</summary>
    /// <exception cref="FormatException">It is no such file, or of another plan; the message is one line and names it.</exception>
    public static List<BatchResult> Read(string path, LivePlan plan)
    {
        string[] lines = File.ReadAllText(path).Split('\n');
        var done = new List<BatchResult>();
        int number = 1;
        try
        {
            var earlier = JsonSerializer.Deserialize(lines[0], LiveJson.Default.LivePlan);
            if (earlier != plan)
                throw new FormatException($"{path}: another comparison ({earlier?.Kernel}, {earlier?.Model}, seed {earlier?.Seed}): expected {plan.Kernel}, {plan.Model}, seed {plan.Seed}, or another file");

            // What stands behind the last newline was cut off.
            foreach (string line in lines.Skip(1).Take(lines.Length - 2))
            {
                number++;
                if (JsonSerializer.Deserialize(line, LiveJson.Default.BatchResult) is { IsFine: true } batch)
                    done.Add(batch);
            }
        }
        catch (JsonException)
        {
            throw new FormatException($"{path}, line {number}: expected what khugepaged-spec kernel compare --out writes");
        }
        return done;
    }

    /// <summary>Begins a file anew with what is done already, in one step.</summary>
    public static StreamWriter Begin(string path, LivePlan plan, IEnumerable<BatchResult> done)
    {
        string fresh = path + ".new";
        using (var writer = new StreamWriter(fresh))
        {
            writer.Write(JsonSerializer.Serialize(plan, LiveJson.Default.LivePlan) + "\n");
            foreach (var batch in done)
                Append(writer, batch);
        }
        File.Move(fresh, path, overwrite: true);
        return new StreamWriter(path, append: true) { AutoFlush = true };
    }

    /// <summary>Adds a batch.</summary>
    public static void Append(StreamWriter writer, BatchResult batch) => writer.Write(JsonSerializer.Serialize(batch, LiveJson.Default.BatchResult) + "\n");
}

[JsonSerializable(typeof(LivePlan))]
[JsonSerializable(typeof(BatchResult))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectRequiredConstructorParameters = true, IgnoreReadOnlyProperties = true)]
internal sealed partial class LiveJson : JsonSerializerContext;
