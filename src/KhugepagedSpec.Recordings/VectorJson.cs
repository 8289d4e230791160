using System.Text.Json;
using KhugepagedSpec.Scenarios;

namespace KhugepagedSpec.Recordings;

/// <summary>Members of a vector's JSON; what is wrong with one is said by its key, what was there and what was expected.</summary>
internal static class VectorJson
{
    /// <summary>A member that must be there.</summary>
    public static JsonElement Member(JsonElement parent, string key) =>
        parent.TryGetProperty(key, out var member) ? member : throw new FormatException($"no key '{key}': expected a recorded vector");

    /// <summary>Text.</summary>
    public static string Text(JsonElement parent, string key) => Text(Member(parent, key), key, "text");

    /// <summary>The text of an item of a list.</summary>
    public static string Text(JsonElement item, string key, string expected)
    {
        try
        {
            return (item.ValueKind == JsonValueKind.String ? item.GetString() : null) ?? throw Wrong(item, key, expected);
        }
        catch (InvalidOperationException)
        {
            // Half of a surrogate pair.
            throw Wrong(item, key, expected);
        }
    }

    /// <summary>A whole number from a range.</summary>
    public static long Whole(JsonElement parent, string key, long least, long most) => Whole(Member(parent, key), key, (least, most));

    /// <summary>A whole number of 64 bits.</summary>
    public static long Whole(JsonElement value, string key) => Whole(value, key, (long.MinValue, long.MaxValue));

    /// <summary>The same of a member that need not be there.</summary>
    public static long? WholeIfThere(JsonElement parent, string key, long least, long most) =>
        parent.TryGetProperty(key, out var member) ? Whole(member, key, (least, most)) : null;

    /// <summary>True or false, of a member that need not be there.</summary>
    public static bool? FlagIfThere(JsonElement parent, string key) =>
        !parent.TryGetProperty(key, out var member) ? null
        : member.ValueKind is JsonValueKind.True or JsonValueKind.False ? member.GetBoolean()
        : throw Wrong(member, key, "true or false");

    /// <summary>The items of a list.</summary>
    public static IEnumerable<JsonElement> Items(JsonElement parent, string key) =>
        Member(parent, key) is { ValueKind: JsonValueKind.Array } list ? list.EnumerateArray()
            : throw Wrong(Member(parent, key), key, "a list");

    /// <summary>The members of an object, each once.</summary>
    public static IEnumerable<(string Name, JsonElement Value)> Members(JsonElement parent, string key)
    {
        var value = Object(Member(parent, key), key);
        var names = new HashSet<string>();
        foreach (var member in value.EnumerateObject())
            yield return names.Add(Name(member, key)) ? (member.Name, member.Value)
                : throw new FormatException($"key '{key}.{member.Name}' twice: expected it once");
    }

    /// <summary>The value, if it is an object.</summary>
    public static JsonElement Object(JsonElement value, string key) =>
        value.ValueKind == JsonValueKind.Object ? value : throw Wrong(value, key, "an object");

    /// <summary>What stands somewhere, for messages.</summary>
    public static string There(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        _ => JsonShape.Shown(value.GetRawText()),
    };

    private static string Name(JsonProperty member, string key)
    {
        try
        {
            return member.Name;
        }
        catch (InvalidOperationException)
        {
            throw new FormatException($"key '{key}': a name that is no text: expected names of counters");
        }
    }

    private static long Whole(JsonElement value, string key, (long Least, long Most) range) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out long number) && number >= range.Least && number <= range.Most
            ? number
            : throw Wrong(value, key, range == (long.MinValue, long.MaxValue) ? "a whole number of 64 bits"
                : $"a whole number from {range.Least} to {range.Most}");

    private static FormatException Wrong(JsonElement value, string key, string expected) =>
        new($"key '{key}': {There(value)}: expected {expected}");
}
