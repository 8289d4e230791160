using System.CommandLine;
using System.Text.Json;
using KhugepagedSpec.Checking.Exact;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec creep</c>: which values of max_ptes_none creep.</summary>
internal static class CreepCommand
{
    public static Command Create()
    {
        var models = new Argument<string[]>("MODEL")
        {
            Arity = ArgumentArity.ZeroOrMore,
            Description = "The khugepageds to ask (linux-7.2).",
            HelpName = "MODEL",
            CompletionSources = { ModelOption.Names },
        };
        var order = Options.Number("--order", $"The PMD's order, up to {CreepProof.MostOrder} (9).");
        var enabled = new Option<string?>("--enabled")
        {
            Description = "Sizes or orders that may be enabled; every set of them is looked at (all).",
            HelpName = "LIST",
        };
        var json = new Option<bool>("--json") { Description = "Print the answers as JSON." };
        var command = new Verb(
            "creep",
            "Decide which values of max_ptes_none creep: collapse again and again what earlier passes filled.",
            """
            A value creeps if there are a table and a set of sizes of which a later pass collapses what the first one, all of whose attempts
            succeeded, left alone. Decided for every table of plain pages and empty PTEs, and shown by a table for the least value.
            Exit code 0: no value creeps; 1: some do; 2: bad input; 3: a model is not decided.

            Examples:
              khugepaged-spec creep
              khugepaged-spec creep v12 limits-scaled zero-filled-as-none
              khugepaged-spec creep linux-7.2 --with none-limit=scaled --order 4 --enabled 2,3
            """)
        { models, order, enabled, json };
        var with = WithOption.AddTo(command, "the last MODEL");
        command.SetAction(parsed =>
        {
            string[] names = parsed.GetValue(models) is { Length: > 0 } given ? given : [Catalogue.Linux72.Name];
            var versions = with.ChangeLast(parsed, [.. names.Select(name => ModelOption.Find(name, "MODEL: "))]);
            int pmdOrder = parsed.GetValue(order) ?? CreepProof.MostOrder;
            if (pmdOrder is <= Geometry.MinOrder or > CreepProof.MostOrder)
                throw new UsageException($"--order {pmdOrder}: expected {Geometry.MinOrder + 1} to {CreepProof.MostOrder}");
            var geometry = new Geometry(pmdOrder);
            var orders = parsed.GetValue(enabled) is { } list
                ? Sizes.Parse(list, "--enabled", geometry, ScenarioOptions.PageKb(geometry)) : geometry.AnonOrders;
            var answers = new List<(KhugepagedVersion Version, Creep Creep)>();
            foreach (var version in versions)
            {
                if (Interrupt.OfTheRun.IsCancellationRequested)
                    throw new InterruptedException($"{answers.Count} of {versions.Length} models were decided");
                answers.Add((version, CreepProof.Run(geometry, version, orders)));
            }
            if (parsed.GetValue(json))
                Console.WriteLine(JsonSerializer.Serialize(CreepText.ToJson(geometry, orders, answers), CliJson.Readable.CreepsJson));
            else
                CreepText.Print(geometry, orders, answers);
            return answers.Exists(one => !one.Creep.Values.IsEmpty) ? ExitCode.Differ
                : answers.Exists(one => one.Creep.Open is not null) ? ExitCode.NotExhausted : ExitCode.Agree;
        });
        return command;
    }
}
