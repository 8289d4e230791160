using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec policies</c>: what a version can be put together of.</summary>
internal static class PoliciesCommand
{
    public static Command Create()
    {
        var names = new Argument<string[]>("NAME")
        {
            Arity = ArgumentArity.ZeroOrMore,
            Description = "Only this policy, or those whose names begin so.",
            CompletionSources = { PolicyTable.All.Select(policy => policy.Name).ToArray() },
        };
        var model = ModelOption.Create();
        var protocol = new Option<bool>("--protocol") { Description = "List the switches of explore --model instead." };
        var json = new Option<bool>("--json") { Description = "Print the policies as JSON." };
        var command = new Verb(
            "policies",
            "List the policies that a version is put together of, with their values: what --with changes.",
            """
            Of each policy: what it decides, where; its values, that of the model marked, each as it stands after "with", and where it
            was posted or feared. --with POLICY=VALUE changes one beside --model; a file does it under a name of its own, and is
            named as --model ./my-patch.json:

              {"base": "linux-7.2", "name": "my-patch", "with": {"none-limit": "scaled"}}

            It is held to the claims of its base, whose known exceptions are known of it. Keys that may be there: source, a text; claims,
            another version whose claims it is held to; exceptions, an object of invariants, each with the reason why it breaks.

            Examples:
              khugepaged-spec policies
              khugepaged-spec policies none-limit retry.page
              khugepaged-spec policies --model v12 --json
              khugepaged-spec check --model linux-7.2 --with none-limit=scaled
            """)
        { names, model, protocol, json };
        var with = WithOption.AddTo(command);
        command.SetAction(parsed =>
        {
            string[] words = parsed.GetValue(names) ?? [];
            if (parsed.GetValue(protocol))
            {
                if (parsed.GetValue(json) || words.Length > 0 || with.IsGiven(parsed) || parsed.GetResult(model) is { Implicit: false })
                    throw new UsageException("--protocol: expected nothing beside it");
                return PoliciesText.PrintSwitches();
            }
            var version = with.Change(parsed, ModelOption.Get(parsed, model));
            ImmutableArray<VersionPolicy> policies = words.Length == 0 ? PolicyTable.All
                : [.. PolicyTable.All.Where(policy => words.Any(word => IsNamed(policy, word)))];
            if (words.FirstOrDefault(word => !policies.Any(policy => IsNamed(policy, word))) is { } unknown)
                throw new UsageException(
                    $"no policy is called '{unknown}': expected {Nearest.Joined(unknown, PolicyTable.All.Select(policy => policy.Name))}");
            if (parsed.GetValue(json))
                Console.WriteLine(JsonSerializer.Serialize(PoliciesText.ToJson(version, policies), CliJson.Readable.PoliciesJson));
            else
                PoliciesText.Print(version, policies);
            return ExitCode.Agree;
        });
        return command;
    }

    private static bool IsNamed(VersionPolicy policy, string word) => policy.Name.StartsWith(word, StringComparison.Ordinal);
}
