using System.Collections.Immutable;
using System.Text.RegularExpressions;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Checking;

/// <summary>A version as JSON: what somebody's patch makes of another.</summary>
/// <param name="Base">The version that is changed.</param>
/// <param name="Name">What to call it.</param>
/// <param name="With">Its policies that are not those of the base, by name.</param>
public sealed record VersionJson(string Base, string Name, Dictionary<string, string> With)
{
    /// <summary>What it is, or where it was posted.</summary>
    public string? Source { get; init; }

    /// <summary>The version whose claims it is held to; null: the base.</summary>
    public string? Claims { get; init; }

    /// <summary>Invariants that it is known to break besides, each with the reason.</summary>
    public Dictionary<string, string>? Exceptions { get; init; }
}

/// <summary>Reads a version from a file.</summary>
public static partial class VersionFile
{
    /// <summary>What such a file should be, for messages.</summary>
    public const string Expected = "a version: an object with base, name and with";

    private const string List = "khugepaged-spec versions lists them";

    /// <summary>Reads it.</summary>
    /// <param name="path">The file, or <c>-</c>.</param>
    /// <returns>The version, and what it changes without effect.</returns>
    /// <exception cref="FormatException">It is none; the message is one line and names file, line and key.</exception>
    public static (KhugepagedVersion Version, ImmutableArray<PolicyChange> WithoutEffect) Read(string path)
    {
        string text = InputFile.All(path, Expected);
        VersionJson json;
        try
        {
            json = JsonShape.Read(text, CheckingJson.Readable.VersionJson);
        }
        catch (JsonShapeException error)
        {
            throw new FormatException($"{InputFile.NameOf(path)}, line {error.Line}: {error.Message} ({Expected})", error);
        }
        var known = Named(json.Base, "base");
        var claims = json.Claims is { } other ? Named(other, "claims") : known;
        if (!Word().IsMatch(json.Name))
            throw Wrong($"'{JsonShape.Shown(json.Name)}': expected letters, digits, '.', '_' and '-'", "name");
        if (Catalogue.Find(json.Name) is not null)
            throw Wrong($"'{json.Name}' is another version: expected a name of its own", "name");
        ImmutableArray<PolicyChange> changes = [.. json.With.Select(pair => Change(pair.Key, pair.Value))];
        foreach (string invariant in json.Exceptions?.Keys ?? Enumerable.Empty<string>())
            if (Contract.Find(invariant) is not { } found)
                throw Wrong(
                    $"no invariant is called so: expected {Nearest.Joined(invariant, Contract.Invariants.Select(one => one.Name))}",
                    "exceptions", invariant);
            else if (found.ExceptionFor(claims) is { } why)
                throw Wrong($"{claims.Name} is known to break it already ({why}): expected others", "exceptions", invariant);
        try
        {
            var version = Composition.Of(known, changes);
            return (version with
            {
                Name = json.Name,
                PutTogether = version.Name,
                AskedAs = path,
                Source = json.Source is { } source ? OneLine.Of(source) : version.Source,
                VariantOf = claims.HeldToClaimsOf,
                MadeFor = null,
                Releases = null,
                KnownToBreak = (json.Exceptions ?? []).ToImmutableSortedDictionary(pair => pair.Key, pair => OneLine.Of(pair.Value),
                    StringComparer.Ordinal),
            }, Composition.WithoutEffect(known, changes));
        }
        catch (FormatException error)
        {
            throw Wrong(error.Message, "with");
        }

        KhugepagedVersion Named(string name, string key) => Catalogue.Find(name) ?? throw Wrong(
            $"'{JsonShape.Shown(name)}': expected {Nearest.Joined(name, Catalogue.All.Select(one => one.Name))}; {List}", key);

        PolicyChange Change(string policy, string value)
        {
            try
            {
                return PolicyChange.Of(policy, value);
            }
            catch (FormatException error)
            {
                throw Wrong(error.Message, "with", policy);
            }
        }

        FormatException Wrong(string what, params string[] keys) =>
            new($"{InputFile.NameOf(path)}, line {JsonShape.LineOf(text, keys)}: key '{JsonShape.Shown(string.Join('.', keys))}': {what}");
    }

    [GeneratedRegex("^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    private static partial Regex Word();
}
