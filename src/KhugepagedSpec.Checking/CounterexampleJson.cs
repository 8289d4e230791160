using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using KhugepagedSpec.Scenarios;

namespace KhugepagedSpec.Checking;

/// <summary>A kept counterexample as JSON.</summary>
/// <param name="Invariant">The invariant that was broken.</param>
/// <param name="Version">The version that broke it.</param>
/// <param name="Found">Where and why.</param>
/// <param name="Explain">The command that shows it.</param>
/// <param name="Scenario">The scenario.</param>
public sealed record CounterexampleJson(string Invariant, string Version, string Found, string Explain, ScenarioJson Scenario);

/// <summary>How they are written.</summary>
[JsonSerializable(typeof(CounterexampleJson))]
[JsonSerializable(typeof(VersionJson))]
[JsonSourceGenerationOptions(UseStringEnumConverter = true, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
internal sealed partial class CheckingJson : JsonSerializerContext
{
    /// <summary>Indented, quotes and '+' as they are.</summary>
    public static CheckingJson Readable => field ??= new(new JsonSerializerOptions(Default.Options)
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
