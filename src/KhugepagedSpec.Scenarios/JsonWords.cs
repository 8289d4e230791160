using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace KhugepagedSpec.Scenarios;

/// <summary>What values of JSON are called, and which of them a type can be.</summary>
internal static class JsonWords
{
    /// <summary>What is expected where a type stands.</summary>
    public static string Of(JsonTypeInfo type) => Of(Nullable.GetUnderlyingType(type.Type) ?? type.Type, type);

    /// <summary>The keys of an object.</summary>
    public static string KeysOf(JsonTypeInfo type) => string.Join(", ", type.Properties.Where(IsRead).Select(property => property.Name));

    /// <summary>The type of what a list or a dictionary holds.</summary>
    public static JsonTypeInfo ItemsOf(JsonTypeInfo type) => type.Options.GetTypeInfo(type.ElementType!);

    /// <summary>True if the key must be there.</summary>
    public static bool IsRequired(JsonPropertyInfo property) =>
        property.IsRequired || IsList(property.PropertyType)
            || (property.Options.RespectRequiredConstructorParameters
            && property.AssociatedParameter is { HasDefaultValue: false, IsMemberInitializer: false });

    /// <summary>True if null may stand there.</summary>
    public static bool MayBeNull(JsonPropertyInfo property) =>
        Nullable.GetUnderlyingType(property.PropertyType) is not null
        || (!property.PropertyType.IsValueType && (property.AssociatedParameter?.IsNullable ?? property.IsSetNullable));

    /// <summary>True if the value under the reader is one of a type that is neither object nor list.</summary>
    public static bool Fits(ref Utf8JsonReader reader, Type type) =>
        type == typeof(string) ? reader.TokenType == JsonTokenType.String && IsText(reader)
        : type == typeof(bool) ? reader.TokenType is JsonTokenType.True or JsonTokenType.False
        : type == typeof(int) ? reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out _)
        : type == typeof(long) ? reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out _)
        : type == typeof(ulong) ? reader.TokenType == JsonTokenType.Number && reader.TryGetUInt64(out _)
        : type == typeof(double) ? reader.TokenType == JsonTokenType.Number && reader.TryGetDouble(out double number)
            && double.IsFinite(number)
        : type == typeof(DateTimeOffset) ? reader.TokenType == JsonTokenType.String && reader.TryGetDateTimeOffset(out _)
        : type.IsEnum && (reader.TokenType == JsonTokenType.String ? IsName(reader, type) : reader.TokenType == JsonTokenType.Number
            && IsNumber(reader, type));

    // One that is left out would be no list at all, not an empty one.
    private static bool IsList(Type type) => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(ImmutableArray<>);

    private static bool IsRead(JsonPropertyInfo property) => property.Set is not null || property.AssociatedParameter is not null;

    private static string Of(Type type, JsonTypeInfo info) =>
        type == typeof(string) ? "text"
        : type == typeof(bool) ? "true or false"
        : type == typeof(int) ? string.Create(CultureInfo.InvariantCulture, $"a whole number from {int.MinValue} to {int.MaxValue}")
        : type == typeof(long) || type == typeof(ulong) ? "a whole number of 64 bits"
        : type == typeof(double) ? "a number"
        : type == typeof(DateTimeOffset) ? "a time, as 2026-11-26T12:00:00+00:00"
        : type.IsEnum ? $"{(IsFlags(type) ? "some" : "one")} of {string.Join(", ", Enum.GetNames(type))}"
        : info.Kind == JsonTypeInfoKind.Enumerable ? "a list"
        : info.Kind == JsonTypeInfoKind.Dictionary ? "an object"
        : $"an object with {KeysOf(info)}";

    // Half of a surrogate pair is no text.
    private static bool IsText(Utf8JsonReader reader)
    {
        try
        {
            return reader.GetString() is not null;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    private static bool IsName(Utf8JsonReader reader, Type type) =>
        IsText(reader) && reader.GetString() is { Length: > 0 } text && !text.Any(char.IsAsciiDigit)
            && !text.Contains('-', StringComparison.Ordinal)
        && (IsFlags(type) || !text.Contains(',', StringComparison.Ordinal))
        && text == text.Trim() && Enum.TryParse(type, text, ignoreCase: false, out _);

    private static bool IsNumber(Utf8JsonReader reader, Type type) =>
        reader.TryGetInt32(out int value)
        && (IsFlags(type) ? (value & ~Enum.GetValuesAsUnderlyingType(type).Cast<object>()
            .Aggregate(0, (all, one) => all | Convert.ToInt32(one, CultureInfo.InvariantCulture))) == 0
            : Enum.GetValuesAsUnderlyingType(type).Cast<object>().Any(one => Convert.ToInt32(one, CultureInfo.InvariantCulture) == value));

    private static bool IsFlags(Type type) => type.IsDefined(typeof(FlagsAttribute), false);
}
