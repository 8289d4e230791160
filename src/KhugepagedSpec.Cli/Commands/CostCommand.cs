using System.Collections.Immutable;
using System.CommandLine;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec cost</c>: what versions gain and spend on the same tables.</summary>
internal static class CostCommand
{
    public static Command Create()
    {
        var models = new Argument<string[]>("MODEL")
        {
            Arity = ArgumentArity.ZeroOrMore,
            Description = "The khugepageds to compare (linux-7.1 and linux-7.2).",
            HelpName = "MODEL",
            CompletionSources = { ModelOption.Names },
        };
        var tables = new CostTables(usualCount: 2000);
        var json = new Option<bool>("--json") { Description = "Print the figures as JSON." };
        var command = new Verb(
            "cost",
            "Count what versions gain and spend on the same random tables: allocations, locks, flushes, copies.",
            """
            A pass is a full scan. pages: PTEs mapped by large folios that were made; failed: allocations given back unused; locks: the mmap
            lock held for writing; flushes: the PMD entry cleared and flushed, an interrupt to every CPU that runs the process. Nothing here
            is time: kernel diff measures that on guests, kernel cost counts the same on a kernel.

            Examples:
              khugepaged-spec cost linux-7.1 linux-7.2 --max-ptes-none 0
              khugepaged-spec cost uffd-at-scan uffd-remembered linux-7.2 --uffd
              khugepaged-spec cost linux-7.2 --with none-limit=scaled --enabled 4,9
            """)
        { models };
        tables.AddTo(command);
        command.Add(json);
        var with = WithOption.AddTo(command, "the last MODEL");
        command.SetAction(parsed =>
        {
            string[] names = parsed.GetValue(models) is { Length: > 0 } given ? given : [Catalogue.Linux71.Name, Catalogue.Linux72.Name];
            var versions = names.Select(name => ModelOption.Find(name, "MODEL: ")).ToImmutableArray();
            if (with.IsGiven(parsed))
                versions = with.ChangeLast(parsed, names.Length == 1 ? [versions[0], versions[0]] : versions);
            var asked = tables.Get(parsed);
            var sums = new CostSurvey[versions.Length];
            TerminalProgress.Steps("tables", asked.Count, advance =>
            {
                object all = new();
                Parallel.ForEach(asked.Scenarios().Take(asked.Count), (scenario, state) =>
                {
                    if (Interrupt.OfTheRun.IsCancellationRequested)
                    {
                        state.Stop();
                        return;
                    }
                    var costs = versions.Select(version => CostSurvey.Of(version, scenario, asked.Passes)).ToList();
                    lock (all)
                        for (int i = 0; i < sums.Length; i++)
                            sums[i] += costs[i];
                    advance();
                });
            });
            if (Interrupt.OfTheRun.IsCancellationRequested)
                throw new InterruptedException("not all tables were counted");
            CostText.Print(asked, asked.Count, [.. versions.Zip(sums, (version, sum) => new CostRow(version.Name, sum.Pages, sum.Cost))],
                parsed.GetValue(json));
            return ExitCode.Agree;
        });
        return command;
    }
}

/// <summary>The random tables that costs are counted on, and the options that say which.</summary>
/// <param name="usualCount">How many, unless told.</param>
internal sealed class CostTables(int usualCount)
{
    private readonly Option<int?> _count = Options.Number("--count", $"Tables ({usualCount}).");
    private readonly Option<int?> _seed = Options.Number("--seed", "Their seed (1).");
    private readonly Option<int?> _passes = Options.Number("--passes", "Full scans of each (3).");
    private readonly Option<bool> _uffd = new("--uffd") { Description = "userfaultfd has armed the VMAs for missing pages." };
    private readonly SettingsOptions _settings = new("all sizes madvise");

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _count, _seed, _passes, _uffd })
            command.Add(option);
        foreach (var option in _settings.All)
            command.Add(option);
    }

    /// <summary>What was asked for.</summary>
    /// <exception cref="UsageException">A number is out of range, or the kernel would refuse a setting.</exception>
    public CostRequest Get(ParseResult parsed)
    {
        var (count, passes, seed) = (parsed.GetValue(_count) ?? usualCount, parsed.GetValue(_passes) ?? 3, parsed.GetValue(_seed) ?? 1);
        if (count < 1)
            throw new UsageException($"--count {count}: expected 1 or more");
        if (passes < 1)
            throw new UsageException($"--passes {passes}: expected 1 or more");
        if (seed < 0)
            throw new UsageException($"--seed {seed}: expected 0 or more");
        var usual = ThpSettings.Defaults(Geometry.X86).WithSizes(Geometry.X86.AnonOrders, SizeEnabled.Madvise);
        return new(count, passes, (ulong)seed, parsed.GetValue(_uffd),
            _settings.Settings(parsed, usual, ScenarioOptions.PageKb(Geometry.X86)));
    }
}
