using System.Collections.Immutable;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Results;

namespace KhugepagedSpec.Versions;

/// <summary>A policy with a value: what one version does otherwise than another.</summary>
/// <param name="Policy">The policy.</param>
/// <param name="Value">Its value.</param>
public readonly record struct PolicyChange(VersionPolicy Policy, PolicyValue Value)
{
    private const string List = "khugepaged-spec policies lists them";

    /// <summary>As it is typed: <c>retry.page_lock=done</c>.</summary>
    public override string ToString() => $"{Policy.Name}={Value.Name}";

    /// <summary>Reads <c>POLICY=VALUE</c>.</summary>
    /// <exception cref="FormatException">It is none; the message is one line and names what is nearest.</exception>
    public static PolicyChange Parse(string text)
    {
        int equals = text.IndexOf('=', StringComparison.Ordinal);
        return equals > 0 ? Of(text[..equals], text[(equals + 1)..])
            : throw new FormatException($"'{text}': expected POLICY=VALUE; {List}");
    }

    /// <summary>The change of a policy to a value, both by name.</summary>
    /// <exception cref="FormatException">There is none such; the message is one line and names what is nearest.</exception>
    public static PolicyChange Of(string policy, string value)
    {
        var named = PolicyTable.Find(policy) ?? throw new FormatException(
            $"no policy is called '{policy}': expected {Nearest.Joined(policy, PolicyTable.All.Select(one => one.Name))}; {List}");
        return new PolicyChange(named, named.Find(value) ?? throw new FormatException(
            $"{policy}={value}: expected {string.Join(", ", named.Values.Select(one => one.Name))}"));
    }
}

/// <summary>Versions put together: a base and what is changed of it.</summary>
public static class Composition
{
    /// <summary>A version with changes, and the name that says them. Its claims are those of the base.</summary>
    /// <param name="version">The base.</param>
    /// <param name="changes">What is changed; what all at once says of several policies comes before what one of them says.</param>
    /// <returns>The base itself where nothing changes.</returns>
    /// <exception cref="FormatException">A policy is given two values, or the whole is none; the message is one line.</exception>
    public static KhugepagedVersion Of(KhugepagedVersion version, params IEnumerable<PolicyChange> changes)
    {
        var asked = Ordered(changes);
        var changed = Apply(version, asked);
        ImmutableArray<PolicyChange> real = [.. asked.Where(change => IsNews(change, version, asked))];
        if (real.IsEmpty)
            return version;
        return Refusal(changed) is { } why ? throw new FormatException($"{version.Name} with {string.Join(", ", real)}: {why}")
            : changed with
            {
                Name = $"{version.Name} with {string.Join(", ", real)}",
                AskedAs = $"{version.AskedAs}{string.Concat(real.Select(change => $" --with {change}"))}",
                PutTogether = version.PutTogether is { } whole
                    ? $"{whole}{(whole.Contains(" with ", StringComparison.Ordinal) ? "," : " with")} {string.Join(", ", real)}" : null,
                Source = $"{version.Name} with {string.Join(", ", real.Select(change => change.Value.Meaning))}",
                VariantOf = version.HeldToClaimsOf,
                MadeFor = null,
                Releases = null,
            };
    }

    /// <summary>The changes that make nothing else of <paramref name="version"/>.</summary>
    public static ImmutableArray<PolicyChange> WithoutEffect(KhugepagedVersion version, IEnumerable<PolicyChange> changes)
    {
        var asked = Ordered(changes);
        return [.. asked.Where(change => !IsNews(change, version, asked))];
    }

    /// <summary>What makes one version behave as another: the fewest changes.</summary>
    /// <param name="from">The one that is changed.</param>
    /// <param name="to">What it is to become.</param>
    public static ImmutableArray<PolicyChange> Changes(KhugepagedVersion from, KhugepagedVersion to)
    {
        var best = Single(from, to);
        foreach (var group in PolicyTable.All.Where(policy => policy.IsGroup))
            foreach (var value in group.Values)
            {
                var whole = new PolicyChange(group, value);
                var changes = Single(group.With(from, value), to).Insert(0, whole);
                if (changes.Length < best.Length)
                    best = Ordered(changes);
            }
        return best;
    }

    /// <summary>Both have the same value of every policy.</summary>
    public static bool AreSame(KhugepagedVersion one, KhugepagedVersion other) => Single(one, other).IsEmpty;

    /// <summary>A version as a base and what is changed of it: <c>linux-7.2 with walk=stack</c>.</summary>
    public static string Text(KhugepagedVersion from, KhugepagedVersion to) =>
        Changes(from, to) is { IsEmpty: false } changes ? $"{from.Name} with {string.Join(", ", changes)}" : from.Name;

    /// <summary>Changes applied one after the other, under the base's name.</summary>
    internal static KhugepagedVersion Apply(KhugepagedVersion version, IEnumerable<PolicyChange> changes) =>
        changes.Aggregate(version, (so, change) => change.Policy.With(so, change.Value));

    /// <summary>Why policies do not go together; null if they do.</summary>
    public static string? Refusal(KhugepagedVersion version) =>
        version.HasLazyFreeRule && version.Trace.NumberOf(ScanResult.PageLazyFree) < 0
            ? "the traces have no SCAN_PAGE_LAZYFREE, which lazyfree=left-alone ends in: expected lazyfree=collapsed, or trace=7.1 on"
        : version.NeedsWritablePte && version.Trace.NumberOf(ScanResult.PageRo) < 0
            ? "the traces have no SCAN_PAGE_RO, which writable-pte=needed ends in: expected trace=6.17 and lazyfree=collapsed too"
        : version.Scan.OccupancyIsByChunk != version.Candidate.IsChunkThreshold
            ? "the scan notes one unit and a window counts the other: expected scan.occupancy=chunks and window.unit=chunks, or neither"
        : null;

    private static ImmutableArray<PolicyChange> Single(KhugepagedVersion from, KhugepagedVersion to) =>
        [.. PolicyTable.All.Where(policy => !policy.IsGroup && policy.Of(from) != policy.Of(to))
            .Select(policy => new PolicyChange(policy, policy.Of(to)!))];

    // In the table's order, which has groups before their parts.
    private static ImmutableArray<PolicyChange> Ordered(IEnumerable<PolicyChange> changes)
    {
        PolicyChange[] distinct = [.. changes.Distinct().OrderBy(change => PolicyTable.All.IndexOf(change.Policy))];
        return distinct.GroupBy(change => change.Policy).FirstOrDefault(same => same.Count() > 1) is { } twice
            ? throw new FormatException($"{string.Join(" contradicts ", twice)}: expected one of them")
            : [.. distinct];
    }

    // Without it something else would come out.
    private static bool IsNews(PolicyChange change, KhugepagedVersion version, ImmutableArray<PolicyChange> all) =>
        !AreSame(Apply(version, all), Apply(version, all.Remove(change)));
}
