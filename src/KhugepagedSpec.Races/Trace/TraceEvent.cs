using System.Globalization;

namespace KhugepagedSpec.Races.Trace;

/// <summary>One event of a recorded race.</summary>
/// <param name="Line">Its line in the file, from 1.</param>
/// <param name="Task">The name of the task.</param>
/// <param name="Pid">Its thread id.</param>
/// <param name="Cpu">The CPU.</param>
/// <param name="Time">When: a number of the counter that all CPUs share.</param>
/// <param name="Name">The probe or tracepoint.</param>
/// <param name="Text">What it prints, values as <c>name=value</c>.</param>
public sealed record TraceEvent(int Line, string Task, int Pid, int Cpu, long Time, string Name, string Text)
{
    /// <summary>A value as text; null if the event has none of that name.</summary>
    public string? Value(string name)
    {
        for (int at = 0; (at = Text.IndexOf(name, at, StringComparison.Ordinal)) >= 0; at += name.Length)
        {
            int start = at + name.Length + 1;
            if ((at > 0 && Text[at - 1] is not (' ' or ',')) || start > Text.Length || Text[start - 1] != '=')
                continue;
            int end = Text.AsSpan(start).IndexOfAny(' ', ',');
            return end < 0 ? Text[start..] : Text.Substring(start, end);
        }
        return null;
    }

    /// <summary>A value as a number: decimal, hexadecimal behind 0x, or a kernel pointer without it.</summary>
    /// <exception cref="FormatException">There is no such value, or it is no number.</exception>
    public long Number(string name)
    {
        string text = Value(name) ?? throw new FormatException($"line {Line}: {Name}: no value {name}: expected {name}=NUMBER");
        bool isHex = text.StartsWith("0x", StringComparison.Ordinal) || text.Length == 16;
        if (isHex && ulong.TryParse(text.AsSpan(text.StartsWith("0x", StringComparison.Ordinal) ? 2 : 0), NumberStyles.AllowHexSpecifier,
            CultureInfo.InvariantCulture, out ulong hex))
            return unchecked((long)hex);
        return long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number) ? number
            : throw new FormatException($"line {Line}: {Name}: {name}={text}: expected a number");
    }

    /// <summary>A value is <c>true</c>.</summary>
    public bool Is(string name) => Value(name) == "true";

    /// <summary>It happened inside this function: the place that a probe prints.</summary>
    public bool IsIn(string function) => Text.StartsWith('(' + function, StringComparison.Ordinal);

    /// <summary>Reads one line of ftrace's text.</summary>
    /// <exception cref="FormatException">It is none; the message says what was expected.</exception>
    public static TraceEvent Of(string line, int number) => Read(line, number, out string why) ?? throw new FormatException(why);

    /// <summary>The same where other lines stand between.</summary>
    /// <param name="line">The line.</param>
    /// <param name="number">Which it is, from 1.</param>
    /// <param name="why">Why it is none, and what was expected.</param>
    /// <returns>Null if it is none.</returns>
    public static TraceEvent? Read(string line, int number, out string why)
    {
        int cpu = line.IndexOf(" [", StringComparison.Ordinal), cpuEnd = cpu < 0 ? -1 : line.IndexOf(']', cpu);
        string head = cpu < 0 ? "" : line[..cpu].Trim();
        int dash = head.LastIndexOf('-');
        int colon = cpuEnd < 0 ? -1 : line.IndexOf(": ", cpuEnd, StringComparison.Ordinal);
        why = $"line {number}: no event: expected TASK-PID [CPU] FLAGS TIME: NAME: VALUES, as ftrace prints it";
        if (colon < 0 || dash <= 0
            || !int.TryParse(head.AsSpan(dash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int pid)
            || !int.TryParse(line.AsSpan(cpu + 2, cpuEnd - cpu - 2), NumberStyles.None, CultureInfo.InvariantCulture, out int onCpu))
            return null;
        int second = line.IndexOf(": ", colon + 2, StringComparison.Ordinal);
        string name = second < 0 ? line[(colon + 2)..].TrimEnd(' ', ':') : line[(colon + 2)..second];
        string stamp = line[..colon][(line.LastIndexOf(' ', colon) + 1)..];
        why = $"line {number}: time {stamp}: expected a whole number, as trace_clock=counter gives";
        return long.TryParse(stamp, NumberStyles.None, CultureInfo.InvariantCulture, out long time)
            ? new TraceEvent(number, head[..dash], pid, onCpu, time, name, second < 0 ? "" : line[(second + 2)..]) : null;
    }
}
