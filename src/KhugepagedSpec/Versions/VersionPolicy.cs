using System.Collections.Immutable;
using KhugepagedSpec.Machines;

namespace KhugepagedSpec.Versions;

/// <summary>One value that a policy can have.</summary>
/// <param name="Name">What stands after the <c>=</c> on a command line.</param>
/// <param name="Meaning">What a version with it does, as it stands after "with".</param>
public sealed record PolicyValue(string Name, string Meaning)
{
    /// <summary>Where this value was posted, asked or named; null where the policy's own source says it.</summary>
    public string? Source { get; init; }
}

/// <summary>
/// One thing that versions do otherwise, by name: what <see cref="KhugepagedVersion"/> says by members, for those who write no C#.
/// A value says all of the policy, and nothing of another.
/// </summary>
public sealed class VersionPolicy
{
    private readonly Func<KhugepagedVersion, int> _indexOf;
    private readonly Func<KhugepagedVersion, int, KhugepagedVersion> _with;

    private VersionPolicy(string name, string member, string meaning, string source, ImmutableArray<PolicyValue> values,
        Func<KhugepagedVersion, int> indexOf, Func<KhugepagedVersion, int, KhugepagedVersion> with)
    {
        (Name, Member, Meaning, Source, Values) = (name, member, meaning, source, values);
        (_indexOf, _with) = (indexOf, with);
    }

    /// <summary>The name: words, and a dot behind what it is a part of.</summary>
    public string Name { get; }

    /// <summary>The member of <see cref="KhugepagedVersion"/> that it says, or the part of it.</summary>
    public string Member { get; }

    /// <summary>What is decided, in one line.</summary>
    public string Meaning { get; }

    /// <summary>The kernel's file and function, or who asked for it.</summary>
    public string Source { get; }

    /// <summary>All values.</summary>
    public ImmutableArray<PolicyValue> Values { get; }

    /// <summary>It says several other policies at once, which may be said after it.</summary>
    public bool IsGroup { get; private init; }

    /// <summary>The value of <paramref name="version"/>; of a group null if its parts have the values of none.</summary>
    public PolicyValue? Of(KhugepagedVersion version) => _indexOf(version) is >= 0 and var index ? Values[index] : null;

    /// <summary>The version with another value of this, and all else as it was.</summary>
    /// <param name="version">The version.</param>
    /// <param name="value">One of <see cref="Values"/>.</param>
    public KhugepagedVersion With(KhugepagedVersion version, PolicyValue value) => _with(version, Values.IndexOf(value));

    /// <summary>The value of that name; null if there is none.</summary>
    public PolicyValue? Find(string name) => Values.FirstOrDefault(value => value.Name == name);

    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <summary>A policy that is one member, or a part of one.</summary>
    internal static VersionPolicy Of<T>(string name, string member, string meaning, string source, Func<KhugepagedVersion, T> get,
        Func<KhugepagedVersion, T, KhugepagedVersion> set, params ReadOnlySpan<(T Value, PolicyValue Named)> values)
    {
        var (all, named) = Apart(values);
        return new VersionPolicy(name, member, meaning, source, named,
            version => Array.IndexOf(all, get(version)) is >= 0 and var index ? index
                : throw new ArgumentException($"{version.Name} has a {name} of no name", nameof(version)),
            (version, index) => set(version, all[index]));
    }

    /// <summary>A policy that is a part of others: with a value, they have those of <paramref name="whole"/>.</summary>
    internal static VersionPolicy Group<T>(string name, string member, string meaning, string source, Func<KhugepagedVersion, T> get,
        Func<KhugepagedVersion, T, KhugepagedVersion> set, Func<T, T, bool> areSame,
        params ReadOnlySpan<(T Value, PolicyValue Named)> whole)
    {
        var (all, named) = Apart(whole);
        return new VersionPolicy(name, member, meaning, source, named,
            version => Array.FindIndex(all, one => areSame(one, get(version))), (version, index) => set(version, all[index]))
        { IsGroup = true };
    }

    private static (T[] Values, ImmutableArray<PolicyValue> Named) Apart<T>(ReadOnlySpan<(T Value, PolicyValue Named)> pairs)
    {
        var (values, named) = (new T[pairs.Length], ImmutableArray.CreateBuilder<PolicyValue>(pairs.Length));
        for (int i = 0; i < pairs.Length; i++)
        {
            values[i] = pairs[i].Value;
            named.Add(pairs[i].Named);
        }
        return (values, named.MoveToImmutable());
    }
}
