using System.Collections.Immutable;
using System.Text.Json;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Scenarios;

namespace KhugepagedSpec.Checking;

/// <summary>A counterexample that someone approved: it is replayed before anything new, always.</summary>
/// <param name="File">Its file's name.</param>
/// <param name="Invariant">The invariant it was found to break.</param>
/// <param name="Version">The version that broke it.</param>
/// <param name="Scenario">The scenario.</param>
public sealed record KeptCounterexample(string File, string Invariant, string Version, Scenario Scenario);

/// <summary>
/// A folder of counterexamples. A failing property leaves its own as <c>*.received.json</c>; renamed to <c>*.verified.json</c>
/// (<c>khugepaged-spec approve</c>) it is kept.
/// </summary>
/// <param name="folder">The folder; made when the first one is received.</param>
public sealed class Corpus(string folder)
{
    private const string Received = ".received.json", Verified = ".verified.json";

    private ImmutableArray<KeptCounterexample>? _approved;

    /// <summary>The approved ones, by name, as they were when they were first asked for.</summary>
    /// <exception cref="FormatException">A file cannot be read; the message is one line and names it.</exception>
    public ImmutableArray<KeptCounterexample> Approved() => _approved ??=
        Directory.Exists(folder) ? [.. Directory.GetFiles(folder, "*" + Verified).Order(StringComparer.Ordinal).Select(Read)] : [];

    /// <summary>Writes a counterexample for someone to approve. The same one has the same name.</summary>
    /// <param name="found">The counterexample.</param>
    /// <param name="version">The version that breaks the invariant.</param>
    /// <returns>The file.</returns>
    public string Receive(Counterexample found, KhugepagedVersion version)
    {
        Directory.CreateDirectory(folder);
        string explain = CounterexampleText.Command(found, version);
        string path = Path.Combine(folder, $"{found.Invariant.Name}.{version.Name}.{Fingerprint(explain):x8}{Received}");
        File.WriteAllText(path, Text(found, version, explain));
        return path;
    }

    /// <summary>The text of a counterexample's file.</summary>
    public static string Text(Counterexample found, KhugepagedVersion version, string explain) => JsonSerializer.Serialize(
        new CounterexampleJson(found.Invariant.Name, version.Name, found.Violation.ToString(), explain, ScenarioJson.Of(found.Scenario)),
        CheckingJson.Readable.CounterexampleJson) + "\n";

    /// <summary>Reads the text of a counterexample's file.</summary>
    /// <param name="text">The text.</param>
    /// <param name="file">The file's name, for messages.</param>
    /// <exception cref="FormatException">It cannot be read; the message is one line and names the file.</exception>
    public static KeptCounterexample Parse(string text, string file)
    {
        try
        {
            var json = JsonShape.Read(text, CheckingJson.Readable.CounterexampleJson);
            return new KeptCounterexample(file, json.Invariant, json.Version, json.Scenario.ToScenario());
        }
        catch (JsonShapeException error)
        {
            throw new FormatException($"{file}: line {error.Line}: {error.Message}", error);
        }
        catch (FormatException error)
        {
            throw new FormatException($"{file}: {OneLine.Of(error.Message)}", error);
        }
    }

    private static KeptCounterexample Read(string path) => Parse(File.ReadAllText(path), Path.GetFileName(path));

    // FNV-1a: the same for everyone, on every run.
    private static uint Fingerprint(string text)
    {
        uint hash = 2166136261;
        foreach (char c in text)
            hash = (hash ^ c) * 16777619;
        return hash;
    }
}
