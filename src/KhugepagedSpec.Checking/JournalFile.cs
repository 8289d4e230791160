using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace KhugepagedSpec.Checking;

/// <summary>
/// Work under way as a file: the plan, then one line an item, written when the item is done. A line that was cut off when the
/// writer was killed is dropped.
/// </summary>
/// <typeparam name="TPlan">What is to be done.</typeparam>
/// <typeparam name="TItem">What one part of it came to.</typeparam>
/// <param name="planType">How the plan is written.</param>
/// <param name="itemType">How an item is written.</param>
/// <param name="expectedPlan">What line 1 should be, for the message.</param>
/// <param name="expectedItem">What any other line should be, for the message.</param>
public sealed class JournalFile<TPlan, TItem>(JsonTypeInfo<TPlan> planType, JsonTypeInfo<TItem> itemType, string expectedPlan, string expectedItem)
    where TPlan : class
    where TItem : class
{
    /// <summary>Reads a file.</summary>
    /// <returns>The plan and the items done.</returns>
    /// <exception cref="FormatException">It is no such file; the message is one line and names it.</exception>
    public (TPlan Plan, List<TItem> Done) Read(string path)
    {
        string[] lines = File.ReadAllText(path).Split('\n');
        var plan = Line(0, planType, expectedPlan);
        var done = new List<TItem>();

        // What stands behind the last newline was cut off.
        for (int i = 1; i < lines.Length - 1; i++)
            done.Add(Line(i, itemType, expectedItem));
        return (plan, done);

        T Line<T>(int index, JsonTypeInfo<T> type, string expected)
        {
            try
            {
                return JsonSerializer.Deserialize(lines[index], type) ?? throw new JsonException();
            }
            catch (JsonException)
            {
                throw new FormatException($"{path}, line {index + 1}: expected {expected}");
            }
        }
    }

    /// <summary>Begins a file anew with what is done already, in one step: a reader sees the old file or the new.</summary>
    public StreamWriter Begin(string path, TPlan plan, IEnumerable<TItem> done)
    {
        string fresh = path + ".new";
        using (var writer = new StreamWriter(fresh))
        {
            writer.Write(JsonSerializer.Serialize(plan, planType) + "\n");
            foreach (var item in done)
                Append(writer, item);
        }
        File.Move(fresh, path, overwrite: true);
        return new StreamWriter(path, append: true) { AutoFlush = true };
    }

    /// <summary>Adds an item.</summary>
    public void Append(StreamWriter writer, TItem item) => writer.Write(JsonSerializer.Serialize(item, itemType) + "\n");
}
