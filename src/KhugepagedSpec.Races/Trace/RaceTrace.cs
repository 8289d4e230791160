using System.Collections.Immutable;
using System.Globalization;
using KhugepagedSpec.Scenarios;

namespace KhugepagedSpec.Races.Trace;

/// <summary>
/// A recorded race: ftrace's text of all CPUs, merged, behind sections that begin with <c>== NAME</c> and tell the settings, the tasks,
/// the probes and what each CPU's buffer lost.
/// </summary>
public sealed class RaceTrace
{
    private const string Begin = "== ", Events = "trace", End = "end", Written = "entries-in-buffer/entries-written:";

    private static readonly string[] Losses = ["overrun", "commit overrun", "dropped events"];

    private RaceTrace(ImmutableArray<TraceEvent> all, Dictionary<string, ImmutableArray<string>> sections, string? loss) =>
        (All, Sections, Loss) = (all, sections, loss);

    /// <summary>All events, in order.</summary>
    public ImmutableArray<TraceEvent> All { get; }

    /// <summary>The lines of each section but that of the events; those before the first under the empty name.</summary>
    public IReadOnlyDictionary<string, ImmutableArray<string>> Sections { get; }

    /// <summary>What was lost, or that nothing says that nothing was; null if all is there. A trace with loss shows nothing.</summary>
    public string? Loss { get; }

    /// <summary>Why nothing of the trace is judged; null if it can be.</summary>
    public string? NotJudged => Loss is not null ? "the trace has loss" : null;

    /// <summary>Who each thread is, by its id: those of the process, and khugepaged; children are not among them.</summary>
    public IReadOnlyDictionary<int, string> Threads => field ??= !Sections.TryGetValue("threads", out var lines)
        ? ImmutableDictionary<int, string>.Empty
        : lines.Select(line => line.Split(' '))
            .Where(words => words.Length == 2 && int.TryParse(words[1], CultureInfo.InvariantCulture, out _))
            .ToDictionary(words => int.Parse(words[1], CultureInfo.InvariantCulture), words => words[0]);

    /// <summary>A thread of the process has that role.</summary>
    internal bool HasRole(string role) => Threads.Values.Contains(role);

    internal AddressSpaces Spaces => field ??= new AddressSpaces(this);

    /// <summary>A line of the section of settings, behind its first word; null if there is none.</summary>
    public string? Setting(string name) => !Sections.TryGetValue("settings", out var lines) ? null
        : lines.FirstOrDefault(line => line.StartsWith(name + " ", StringComparison.Ordinal))?[(name.Length + 1)..];

    /// <summary>
    /// The probes that were set: those of the section <c>probes</c>; without it those that fired. What no probe looks at may happen at any
    /// time.
    /// </summary>
    public IReadOnlySet<string> Probes => field ??= Sections.TryGetValue("probes", out var lines)
        ? lines.Select(NameOfProbe).Concat(All.Select(each => each.Name)).ToHashSet(StringComparer.Ordinal)
        : All.Select(each => each.Name).ToHashSet(StringComparer.Ordinal);

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file, or <c>-</c>.</param>
    /// <exception cref="FormatException">It is no such trace; the message is one line: where, what, what was expected.</exception>
    public static RaceTrace Read(string path)
    {
        try
        {
            return Of(InputFile.Lines(path, "a recorded race").Select(line => line.Text));
        }
        catch (FormatException error) when (!error.Message.StartsWith(InputFile.NameOf(path), StringComparison.Ordinal))
        {
            throw new FormatException($"{InputFile.NameOf(path)}: {error.Message}");
        }
    }

    /// <summary>Reads its lines.</summary>
    /// <exception cref="FormatException">It is no such trace; the message is one line: where, what, what was expected.</exception>
    public static RaceTrace Of(IEnumerable<string> text)
    {
        var events = ImmutableArray.CreateBuilder<TraceEvent>();
        var sections = new Dictionary<string, ImmutableArray<string>>(StringComparer.Ordinal);
        var lines = new List<string>();
        string section = "";
        string? loss = null;
        int number = 0;
        bool hasEvents = false, hasEnd = false;
        foreach (string line in text)
        {
            number++;
            if (line.StartsWith(Begin, StringComparison.Ordinal))
            {
                Close();
                section = line[Begin.Length..].Trim();
                hasEvents |= section == Events;
                hasEnd |= section == End;
            }
            else if (section != Events)
                lines.Add(line);
            else if (line.StartsWith("CPU:", StringComparison.Ordinal) && line.Contains("LOST", StringComparison.Ordinal))
                loss ??= $"line {number}: {line}";
            else if (line.StartsWith('#'))
                loss ??= NotAllThere(line, number);
            else if (line.Length > 0)
                Add(TraceEvent.Of(line, number));
        }
        Close();
        if (!hasEvents)
            throw new FormatException($"no section '{Begin}{Events}': expected the text of a recorded race");
        if (!hasEnd)
            loss ??= $"the file ends without '{Begin}{End}': it was cut off";
        return new RaceTrace(events.ToImmutable(), sections, LossOf(sections) ?? loss);

        void Close()
        {
            if (section != Events)
                sections[section] = [.. sections.TryGetValue(section, out var before) ? before : [], .. lines];
            lines.Clear();
        }

        void Add(TraceEvent one)
        {
            if (events.Count > 0 && one.Time < events[^1].Time)
                throw new FormatException($"line {number}: time {one.Time} behind {events[^1].Time}: expected events in order of time");
            events.Add(one);
        }
    }

    private static string NameOfProbe(string line)
    {
        // p:GROUP/NAME FUNCTION VALUES
        int slash = line.IndexOf('/', StringComparison.Ordinal), space = line.IndexOf(' ', StringComparison.Ordinal);
        return slash >= 0 && (space < 0 || slash < space) ? line[(slash + 1)..(space < 0 ? line.Length : space)] : line.Trim();
    }

    private static string? NotAllThere(string line, int number)
    {
        int at = line.IndexOf(Written, StringComparison.Ordinal);
        string[] counts = at < 0 ? [] : line[(at + Written.Length)..].Trim().Split(' ')[0].Split('/');
        return counts.Length == 2 && counts[0] != counts[1] ? $"line {number}: {counts[1]} events were written, {counts[0]} are there"
            : null;
    }

    private static string? LossOf(Dictionary<string, ImmutableArray<string>> sections)
    {
        var cpus = sections.Where(each => each.Key.StartsWith("cpu", StringComparison.Ordinal)).OrderBy(each => each.Key,
            StringComparer.Ordinal).ToList();
        if (cpus.Count == 0)
            return $"no section '{Begin}cpu0': expected what each CPU's buffer lost";
        foreach (var (cpu, lines) in cpus)
            foreach (string counter in Losses)
            {
                string? line = lines.FirstOrDefault(each => each.StartsWith(counter + ":", StringComparison.Ordinal));
                if (line is null)
                    return $"{cpu}: no counter '{counter}'";
                if (!long.TryParse(line.AsSpan(counter.Length + 1), NumberStyles.Integer, CultureInfo.InvariantCulture, out long lost))
                    throw new FormatException($"{cpu}: {line}: expected a number");
                if (lost != 0)
                    return $"{cpu}: {counter}: {lost}";
            }
        return null;
    }
}
