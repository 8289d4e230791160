using System.Collections.Immutable;
using System.CommandLine;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Cli.Shell;

/// <summary><c>--with POLICY=VALUE</c>: what the khugepaged that is run does otherwise.</summary>
internal sealed class WithOption
{
    private const string Name = "--with";

    private readonly Option<string[]> _option;

    private WithOption(Option<string[]> option) => _option = option;

    /// <summary>Makes it an option of a command.</summary>
    /// <param name="command">The command.</param>
    /// <param name="which">Which version it changes, where there may be several.</param>
    public static WithOption AddTo(Command command, string which = "the model")
    {
        var option = new Option<string[]>(Name)
        {
            Description = $"Change a policy of {which}; may be given several times. khugepaged-spec policies lists them.",
            HelpName = "POLICY=VALUE",
            CompletionSources =
            {
                PolicyTable.All.SelectMany(policy => policy.Values.Select(value => $"{new PolicyChange(policy, value)}")).ToArray(),
            },
        };
        command.Options.Add(option);
        return new WithOption(option);
    }

    /// <summary>Something is to be changed.</summary>
    public bool IsGiven(ParseResult parsed) => parsed.GetValue(_option) is { Length: > 0 };

    /// <summary>The version with what is to be changed of it.</summary>
    /// <exception cref="UsageException">There is no such policy or value, or they do not go together.</exception>
    public KhugepagedVersion Change(ParseResult parsed, KhugepagedVersion version)
    {
        if (parsed.GetValue(_option) is not { Length: > 0 } words)
            return version;
        try
        {
            ImmutableArray<PolicyChange> changes = [.. words.Select(PolicyChange.Parse)];
            var changed = Composition.Of(version, changes);
            Say(Composition.WithoutEffect(version, changes), version);
            return changed;
        }
        catch (FormatException error)
        {
            throw new UsageException($"{Name}: {error.Message}");
        }
    }

    /// <summary>The versions, the last one changed.</summary>
    /// <exception cref="UsageException">There is no such policy or value, or they do not go together.</exception>
    public ImmutableArray<KhugepagedVersion> ChangeLast(ParseResult parsed, ImmutableArray<KhugepagedVersion> versions) =>
        [.. versions[..^1], Change(parsed, versions[^1])];

    /// <summary>Says what changes nothing.</summary>
    internal static void Say(ImmutableArray<PolicyChange> withoutEffect, KhugepagedVersion version)
    {
        foreach (var change in withoutEffect)
            Console.Error.WriteLine($"khugepaged-spec: {change} changes nothing of {version.PutTogether ?? version.Name}");
    }
}
