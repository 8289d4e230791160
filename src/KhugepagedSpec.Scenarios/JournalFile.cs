using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace KhugepagedSpec.Scenarios;

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
public sealed class JournalFile<TPlan,
    TItem>(JsonTypeInfo<TPlan> planType, JsonTypeInfo<TItem> itemType, string expectedPlan, string expectedItem)
    where TPlan : class
    where TItem : class
{
    /// <summary>Reads a file.</summary>
    /// <returns>The plan and the items done.</returns>
    /// <exception cref="FormatException">It is no such file; the message is one line and names file, line and key.</exception>
    public (TPlan Plan, List<TItem> Done) Read(string path)
    {
        TPlan? plan = null;
        var done = new List<TItem>();
        int number = 0;
        foreach (var line in InputFile.Lines(path, expectedPlan))
        {
            number++;
            if (plan is null)
                plan = Line(line.Text, planType, expectedPlan);
            // What stands after the last newline was cut off.
            else if (line.IsWhole)
                done.Add(Line(line.Text, itemType, expectedItem));
        }
        return (plan ?? throw new FormatException($"{InputFile.NameOf(path)}: it is empty: expected {expectedPlan}"), done);

        T Line<T>(string text, JsonTypeInfo<T> type, string expected)
        {
            try
            {
                return JsonShape.Read(text, type);
            }
            catch (JsonShapeException error)
            {
                throw new FormatException($"{InputFile.NameOf(path)}, line {number}: {error.Message} ({expected})", error);
            }
        }
    }

    /// <summary>Begins a file anew with what is done already, in one step: a reader sees the old file or the new.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public StreamWriter Begin(string path, TPlan plan, IEnumerable<TItem> done)
    {
        string fresh = path + ".new";
        try
        {
            using var writer = new StreamWriter(fresh);
            Begin(writer, plan, done);
        }
        catch
        {
            File.Delete(fresh);
            throw;
        }
        File.Move(fresh, path, overwrite: true);
        return new StreamWriter(path, append: true) { AutoFlush = true };
    }

    /// <summary>Begins with what is done already, to be read by somebody else.</summary>
    public void Begin(TextWriter writer, TPlan plan, IEnumerable<TItem> done)
    {
        writer.Write(JsonSerializer.Serialize(plan, planType) + "\n");
        foreach (var item in done)
            Append(writer, item);
    }

    /// <summary>Adds an item.</summary>
    public void Append(TextWriter writer, TItem item) => writer.Write(JsonSerializer.Serialize(item, itemType) + "\n");
}
