using System.Collections.Immutable;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Races;
using KhugepagedSpec.Versions;
using static KhugepagedSpec.Cli.Shell.Printing;

namespace KhugepagedSpec.Cli.Text;

/// <summary>What <c>policies</c> prints.</summary>
internal static class PoliciesText
{
    public static void Print(KhugepagedVersion version, ImmutableArray<VersionPolicy> policies)
    {
        Line($"{version.Name}: {Whole(version)}");
        foreach (var policy in policies)
        {
            Line($"\n{policy.Name}: {policy.Meaning} ({policy.Source})");
            foreach (var value in policy.Values)
            {
                string source = value.Source is null ? "" : $" ({value.Source})";
                Line($"  {(policy.Of(version) == value ? '*' : ' ')} {value.Name,-22} {value.Meaning}{source}");
            }
        }
    }

    public static PoliciesJson ToJson(KhugepagedVersion version, ImmutableArray<VersionPolicy> policies) => new(
        version.Name, Base(version).Name,
        Composition.Changes(Base(version), version).ToDictionary(change => change.Policy.Name, change => change.Value.Name),
        [.. policies.Select(policy => new PolicyJson(policy.Name, policy.Of(version)?.Name, policy.Meaning, policy.Source,
            [.. policy.Values.Select(value => new PolicyValueJson(value.Name, value.Meaning, value.Source))]))]);

    /// <summary>The switches of the interleavings.</summary>
    public static int PrintSwitches()
    {
        foreach (var one in Protocols.Switches)
        {
            Line($"{one.Name}: {one.Source}");
            Line($"    {(one.Breaks is { } broken ? $"breaks {broken.Name}: {broken.Statement}" : $"breaks nothing: {one.Says}")}");
        }
        Line($"\nkhugepaged-spec explore --model A,B puts several together; with a version before them, as v18,A, they are upon that one");
        return ExitCode.Agree;
    }

    // What is known by what it is a variant of is shown against that, all else against Linux 7.2.
    private static KhugepagedVersion Base(KhugepagedVersion version) =>
        Catalogue.Find(version.HeldToClaimsOf) is { } held && held.Name != version.Name ? held : Catalogue.Linux72;

    private static string Whole(KhugepagedVersion version) =>
        Base(version) is var from && from.Name == version.Name ? "the base of all others"
        : Composition.Changes(from, version).IsEmpty ? $"as {from.Name} in every policy"
        : Composition.Text(from, version);
}

/// <summary>What <c>policies --json</c> prints.</summary>
internal sealed record PoliciesJson(string Model, string Base, IReadOnlyDictionary<string, string> With,
    IReadOnlyList<PolicyJson> Policies);

/// <summary>A policy; its value is null where parts of it have values of their own.</summary>
internal sealed record PolicyJson(string Name, string? Value, string Meaning, string Source, IReadOnlyList<PolicyValueJson> Values);

/// <summary>A value.</summary>
internal sealed record PolicyValueJson(string Name, string Meaning, string? Source);
