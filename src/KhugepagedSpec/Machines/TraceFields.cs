using System.Globalization;
using KhugepagedSpec.Results;

namespace KhugepagedSpec.Machines;

/// <summary>The fields of one trace line: <c>name: field=value, field=value field=value</c>.</summary>
internal readonly struct TraceFields
{
    private readonly string _line;
    private readonly Dictionary<string, string> _values;

    public TraceFields(string line)
    {
        _line = line;
        int colon = line.IndexOf(':', StringComparison.Ordinal);
        Name = colon < 0 ? line : line[..colon].Trim();
        _values = [];
        foreach (string field in line[(colon + 1)..].Split([' ', ','], StringSplitOptions.RemoveEmptyEntries))
            if (field.Split('=') is [var name, var value])
                _values[name] = value;
    }

    /// <summary>The tracepoint.</summary>
    public string Name { get; }

    public int Number(string field) =>
        int.TryParse(Value(field), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number) ? number
            : throw Unreadable(field, "a number");

    /// <summary>A frame or a process; -1 comes as all ones.</summary>
    public int Hex(string field)
    {
        string text = Value(field);
        return ulong.TryParse(text.StartsWith("0x", StringComparison.Ordinal) ? text[2..]
            : text, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong number)
            ? (int)(long)number
            : throw Unreadable(field, "a hexadecimal number");
    }

    public ScanResult Result(string field, TraceText text) =>
        text.TryParseTraceName(Value(field), out var result) ? result : throw Unreadable(field, "a result as the kernel prints it");

    private string Value(string field) => _values.GetValueOrDefault(field) ?? throw new FormatException($"no {field}= in '{_line}'");

    private FormatException Unreadable(string field, string expected) => new($"{field}={_values[field]} in '{_line}': expected {expected}");
}
