using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace KhugepagedSpec.Scenarios;

/// <summary>JSON that is not what it should be: the message says the key, what was there and what was expected.</summary>
/// <param name="message">One line.</param>
/// <param name="line">The line of the text, from 1.</param>
public sealed class JsonShapeException(string message, int line) : FormatException(message)
{
    /// <summary>The line of the text, from 1.</summary>
    public int Line { get; } = line;
}

/// <summary>Reads JSON into a type, and says in words of the text, not of the type, what is wrong with it.</summary>
public static class JsonShape
{
    private const int LongestShown = 40;

    /// <summary>Reads a text.</summary>
    /// <param name="text">One JSON value.</param>
    /// <param name="type">What it should be.</param>
    /// <exception cref="JsonShapeException">It is torn, no JSON, or of another shape.</exception>
    public static T Read<T>(string text, JsonTypeInfo<T> type)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        try
        {
            var reader = new Utf8JsonReader(utf8);
            reader.Read();
            new Shape(utf8, type.Options).Value(ref reader, type, "");
            while (reader.Read())
            {
                // What stands after the value is none of it: the reader refuses it.
            }
            return JsonSerializer.Deserialize(utf8, type)!;
        }
        catch (JsonException error)
        {
            throw new JsonShapeException(
                utf8.Length == 0 ? $"it is empty: expected {JsonWords.Of(type)}"
                    : $"torn or malformed JSON at byte {(error.BytePositionInLine ?? 0) + 1}: expected {JsonWords.Of(type)}",
                (int)(error.LineNumber ?? 0) + 1);
        }
        catch (InvalidOperationException)
        {
            // What the reader says of a name.
            throw new JsonShapeException($"half of a character in a key: expected {JsonWords.Of(type)}", 1);
        }
    }

    /// <summary>The line on which a key stands, from 1.</summary>
    /// <param name="text">A text that was read.</param>
    /// <param name="keys">The key, behind those of the objects around it.</param>
    public static int LineOf(string text, params ReadOnlySpan<string> keys)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        var reader = new Utf8JsonReader(utf8);
        int found = 0;
        while (found < keys.Length && reader.Read())
            if (reader.TokenType == JsonTokenType.PropertyName && reader.CurrentDepth == found + 1 && reader.ValueTextEquals(keys[found]))
                found++;
        return LineAt(utf8, reader);
    }

    private static int LineAt(byte[] utf8, in Utf8JsonReader reader) => 1 + utf8.AsSpan(0, (int)reader.TokenStartIndex).Count((byte)'\n');

    /// <summary>What stands somewhere, short enough for a message.</summary>
    public static string Shown(string text) => OneLine.Of(text.Length <= LongestShown ? text : text[..LongestShown] + "...");

    private readonly struct Shape(byte[] utf8, JsonSerializerOptions options)
    {
        public void Value(ref Utf8JsonReader reader, JsonTypeInfo type, string key)
        {
            if (Nullable.GetUnderlyingType(type.Type) is { } inner)
                type = options.GetTypeInfo(inner);
            switch (type.Kind)
            {
                case JsonTypeInfoKind.Object:
                    Expect(reader, JsonTokenType.StartObject, type, key);
                    Members(ref reader, type, key);
                    break;
                case JsonTypeInfoKind.Enumerable:
                    Expect(reader, JsonTokenType.StartArray, type, key);
                    var items = JsonWords.ItemsOf(type);
                    for (int i = 0; reader.Read() && reader.TokenType != JsonTokenType.EndArray; i++)
                        Value(ref reader, items, $"{key}[{i}]");
                    break;
                case JsonTypeInfoKind.Dictionary:
                    Expect(reader, JsonTokenType.StartObject, type, key);
                    var values = JsonWords.ItemsOf(type);
                    var seen = new HashSet<string>();
                    while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
                    {
                        string name = reader.GetString()!;
                        if (!seen.Add(name))
                            throw Error(reader, $"key '{Shown(Below(key, name))}' twice: expected it once");
                        reader.Read();
                        Value(ref reader, values, Below(key, name));
                    }
                    break;
                default:
                    if (!JsonWords.Fits(ref reader, type.Type))
                        throw Wrong(reader, key, JsonWords.Of(type));
                    break;
            }
        }

        private void Members(ref Utf8JsonReader reader, JsonTypeInfo type, string key)
        {
            var seen = new HashSet<string>();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                string name = reader.GetString()!;
                var property = type.Properties.FirstOrDefault(one => one.Name == name)
                    ?? throw Error(reader, $"unknown key '{Shown(Below(key, name))}': expected {JsonWords.KeysOf(type)}");
                if (!seen.Add(name))
                    throw Error(reader, $"key '{Below(key, name)}' twice: expected it once");
                reader.Read();
                if (reader.TokenType != JsonTokenType.Null || !JsonWords.MayBeNull(property))
                    Value(ref reader, options.GetTypeInfo(property.PropertyType), Below(key, name));
            }
            if (type.Properties.FirstOrDefault(one => JsonWords.IsRequired(one) && !seen.Contains(one.Name)) is { } missing)
                throw Error(reader,
                    $"no key '{Below(key, missing.Name)}': expected {JsonWords.Of(options.GetTypeInfo(missing.PropertyType))}");
        }

        private void Expect(in Utf8JsonReader reader, JsonTokenType token, JsonTypeInfo type, string key)
        {
            if (reader.TokenType != token)
                throw Wrong(reader, key, JsonWords.Of(type));
        }

        private JsonShapeException Wrong(in Utf8JsonReader reader, string key, string expected) =>
            Error(reader, $"{(key.Length > 0 ? $"key '{Shown(key)}': " : "")}{There(reader)}: expected {expected}");

        private JsonShapeException Error(in Utf8JsonReader reader, string message) =>
            new(OneLine.Of(message), LineAt(utf8, reader));

        private string There(in Utf8JsonReader reader) => reader.TokenType switch
        {
            JsonTokenType.StartObject => "an object",
            JsonTokenType.StartArray => "a list",
            JsonTokenType.Null => "null",
            _ => Shown(Encoding.UTF8.GetString(
                utf8.AsSpan((int)reader.TokenStartIndex, (int)(reader.BytesConsumed - reader.TokenStartIndex)))),
        };

        private static string Below(string key, string name) => key.Length > 0 ? $"{key}.{name}" : name;
    }
}
