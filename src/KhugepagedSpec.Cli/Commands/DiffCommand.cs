using System.CommandLine;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Cli.Pictures;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Machines;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec diff</c>: where two versions part.</summary>
internal static class DiffCommand
{
    public static Command Create()
    {
        var first = new Argument<string?>("A")
        {
            Arity = ArgumentArity.ZeroOrOne,
            Description = "A version.",
            HelpName = "A",
            CompletionSources = { ModelOption.Names }
        };
        var second = new Argument<string?>("B")
        {
            Arity = ArgumentArity.ZeroOrOne,
            Description = "Another; without one, A as --with changes it.",
            HelpName = "B",
            CompletionSources = { ModelOption.Names }
        };
        var scenario = new ScenarioOptions();
        var kinds = KindsOption();
        var classes = new Option<bool>(
            "--classes")
        { Description = "Go through all: the classes of differences, and settings without any." };
        var all = new Option<bool>("--all") { Description = "Every pair of versions: the size of the smallest difference." };
        var json = new Option<bool>("--json") { Description = "Print what was found as JSON." };
        var html = HtmlOption.Create("both runs side by side");
        var command = new Verb(
            "diff",
            "Show where two versions part: on a given table, or on the smallest that tells them apart.",
            """
            Without TABLE it searches: every scenario of 8 and 16 PTEs made of aligned blocks, by number of non-empty PTEs, then by
            number of orders; then random ones at the real size. What it finds is shrunk. Settings that are given are not searched:
            the PMD's size (2M, 9) stands for that of every geometry, 0 and 511 for the least and the most. --classes counts for each
            class of settings how many scenarios differ, and how many of these undisturbed: a table, and nothing going wrong.
            Exit code 0: no difference; 1: they differ; 2: bad input; 3: --classes was interrupted.

            Examples:
              khugepaged-spec diff v19 linux-7.2
              khugepaged-spec diff v12 linux-7.2 'x .*511' --enabled 2,3,4
              khugepaged-spec diff v19 linux-7.2 's x*511' --enabled 9 --max-ptes-none 0 --html diff.html
              khugepaged-spec diff linux-7.1 linux-7.2 --enabled 2M --classes
              khugepaged-spec diff v18 v19 --in result
              khugepaged-spec diff linux-7.2 --with none-limit=scaled
              khugepaged-spec diff --all
            """)
        { first, second };
        scenario.AddTo(command);
        foreach (var option in new Option[] { kinds, classes, all, json, html })
            command.Add(option);
        var with = WithOption.AddTo(command, "B, or of A where that is the only one");
        command.SetAction(parsed =>
        {
            var page = HtmlOption.Get(parsed, html);
            var looksIn = (parsed.GetValue(kinds) ?? []) is { Length: > 0 } asked ? asked.Aggregate((a, b) => a | b)
                : DifferenceIn.Behaviour;
            bool isGiven = scenario.IsGiven(parsed), listsClasses = parsed.GetValue(classes), isJson = parsed.GetValue(json);
            string? besidesAll = isGiven ? "TABLE"
                : page is not null ? "--html"
                : listsClasses ? "--classes"
                : isJson ? "--json"
                : parsed.GetValue(first) is not null ? "A"
                : with.IsGiven(parsed) ? "--with"
                : null;
            if (parsed.GetValue(all) && besidesAll is { } other)
                throw new UsageException($"{other} contradicts --all: expected two versions");
            if (listsClasses && (isGiven ? "TABLE" : page is not null ? "--html" : null) is { } stray)
                throw new UsageException($"{stray} contradicts --classes, which is a search");
            if (parsed.GetValue(all))
                return DiffText.PrintMatrix(new DiffScope(looksIn, scenario.GivenSettings(parsed)));
            var a = ModelOption.Find(parsed.GetValue(first) ?? throw new UsageException("no versions: expected A and B, or --all"));
            var b = with.Change(parsed, parsed.GetValue(second) is { } another ? ModelOption.Find(another)
                : with.IsGiven(parsed) ? a
                : throw new UsageException($"only one version, {a.Name}: expected another, or --with POLICY=VALUE"));
            if (listsClasses)
                return Survey(a, b, new DiffScope(looksIn, scenario.GivenSettings(parsed)), isJson);
            var (difference, searched) = isGiven
                ? (On(scenario.Scenario(parsed), a, b, looksIn), null)
                : Search(a, b, new DiffScope(looksIn, scenario.GivenSettings(parsed)));
            if (page is not null)
                page.Write(DiffPage.Of(a, b, difference, searched, CommandText.Of(parsed, html)).ToString());
            if (!isJson)
                return Print(a, b, difference, searched, looksIn);
            DiffJson.Print(a, b, looksIn, searched, difference);
            return difference is null ? ExitCode.Agree : ExitCode.Differ;
        });
        return command;
    }

    private static Option<DifferenceIn[]?> KindsOption()
    {
        string[] names = ["attempts", "table", "result", "counters", "trace"];
        var option = new Option<DifferenceIn[]?>("--in")
        {
            Description = "What counts as a difference: any of attempts, table, result, counters (all of these), trace.",
            HelpName = "KINDS",
            Arity = ArgumentArity.ExactlyOne,
            CustomParser = result =>
            {
                var kinds = new List<DifferenceIn>();
                foreach (string word in result.Tokens[0].Value.Split(','))
                {
                    if (names.Contains(word))
                        kinds.Add(Enum.Parse<DifferenceIn>(word, ignoreCase: true));
                    else
                        result.AddError($"--in: '{word}': expected {string.Join(", ", names)}");
                }
                return [.. kinds];
            },
        };
        option.CompletionSources.Clear();
        option.CompletionSources.Add(names);
        return option;
    }

    private static Difference? On(Scenario scenario, KhugepagedVersion a, KhugepagedVersion b, DifferenceIn kinds)
    {
        UffdModes.Check(scenario.Vma, a);
        UffdModes.Check(scenario.Vma, b);
        return VersionDiff.On(scenario, a, b, kinds);
    }

    private static (Difference? Difference, string Searched) Search(KhugepagedVersion a, KhugepagedVersion b, DiffScope scope)
    {
        var report = TerminalProgress.Counting("scenarios tried", tell => VersionDiff.Search(a, b, scope, tried =>
        {
            tell(tried);
            if (Interrupt.OfTheRun.IsCancellationRequested)
                throw new InterruptedException(
                    FormattableString.Invariant($"{tried} scenarios tried, none of which tells {a.Name} and {b.Name} apart"));
        }));
        return (report.Difference, FormattableString.Invariant($"{report.Scenarios} scenarios tried: {report.Bound}"));
    }

    private static int Survey(KhugepagedVersion a, KhugepagedVersion b, DiffScope scope, bool json)
    {
        var survey = TerminalProgress.Counting("scenarios tried", tell => DiffSurvey.Run(a, b, scope, tell, Interrupt.OfTheRun));
        if (json)
            DiffJson.Print(a, b, scope.In, survey);
        else
            DiffText.Print(a, b, scope.In, survey);
        return !survey.IsComplete ? ExitCode.NotExhausted : survey.Classes.IsEmpty ? ExitCode.Agree : ExitCode.Differ;
    }

    private static int Print(KhugepagedVersion a, KhugepagedVersion b, Difference? difference, string? searched, DifferenceIn kinds)
    {
        if (searched is not null)
            Console.WriteLine(difference is null ? searched : $"{searched}\n");
        if (difference is null)
        {
            Console.WriteLine(
                $"{a.Name} and {b.Name} do the same{(kinds == DifferenceIn.Behaviour ? "" : $" in {DiffText.Names(kinds)}")}");
            return ExitCode.Agree;
        }
        DiffText.Print(a, b, difference);
        return ExitCode.Differ;
    }
}
