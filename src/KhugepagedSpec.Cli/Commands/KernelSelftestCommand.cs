using System.Collections.Immutable;
using System.CommandLine;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec kernel selftest</c>: the kernel's own tests as scenarios.</summary>
internal static class KernelSelftestCommand
{
    public static Command Create()
    {
        var kernel = new KernelOption();
        var ktap = Ktap.Option();
        var command = new Verb(
            "selftest",
            "Run the kernel's own anonymous khugepaged tests, as named scenarios, on a kernel and on its model.",
            """
            From tools/testing/selftests/mm/khugepaged.c, in both contexts. Prints whether the range was huge afterwards.
            Exit code 0: all as expected, model and kernel agree pass by pass; 1: not so.

            Example:
              khugepaged-spec kernel selftest --kernel 7.2
            """);
        kernel.AddTo(command);
        command.Options.Add(ktap);
        command.SetAction(parsed =>
        {
            var (abilities, outcomes) = Selftest.Run(kernel.Get(parsed), Interrupt.OfTheRun);
            int bad = outcomes.Count(outcome => !outcome.IsFine);
            if (parsed.GetValue(ktap))
                Ktap.Print(KernelKtap.Of(outcomes));
            else
                Print(abilities, outcomes, bad);
            int left = 2 * Selftest.All.Length - outcomes.Length;
            if (left > 0)
                ExitCode.Refuse($"interrupted: {left} tests are left");
            return bad > 0 ? ExitCode.Differ : left > 0 ? ExitCode.NotExhausted : ExitCode.Agree;
        });
        return command;
    }

    private static void Print(KernelAbilities abilities, ImmutableArray<SelftestOutcome> outcomes, int bad)
    {
        Console.WriteLine($"Linux {abilities.FullName}");
        Console.WriteLine($"  against {abilities.Model.Name}");
        Console.WriteLine($"  {"test",-44}{"context",-12}{"expected",-10}{"kernel",-8}model");
        foreach (var outcome in outcomes)
            Print(outcome, abilities);
        int run = outcomes.Count(outcome => outcome.Skipped is null);
        Console.WriteLine($"\n{run - bad} of {run} as expected, {outcomes.Length - run} not run");
    }

    private static void Print(SelftestOutcome outcome, KernelAbilities kernel)
    {
        string model = Text(outcome.Test.RunModel(kernel.Model, outcome.Kind));
        string context = outcome.Kind == CollapseKind.Madvise ? "madvise" : "khugepaged";
        Console.WriteLine($"{(outcome.IsFine ? ' ' : '!')} {outcome.Test.Name,-44}{context,-12}{Text(outcome.Test.Expected(outcome.Kind)),-10}{(outcome.IsHuge is { } huge ? Text(huge) : "-"),-8}{model}");
        if (outcome.Skipped is { } why)
            Console.WriteLine($"      not run: {why}");
        foreach (string line in outcome.Logged)
            Console.WriteLine($"      {line}");
        if (outcome.Mismatch is { } mismatch)
            Console.WriteLine($"      pass {mismatch.Pass}, {mismatch.What}: kernel {mismatch.Kernel}, model {mismatch.Model}");
    }

    private static string Text(bool isHuge) => isHuge ? "huge" : "small";
}
