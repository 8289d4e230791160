using System.Collections.Immutable;
using System.CommandLine;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec kernel selftest</c>: the kernel's own tests as scenarios.</summary>
internal static class KernelSelftestCommand
{
    public static Command Create()
    {
        var kernel = new KernelOption(here: true);
        var ktap = Ktap.Option();
        var faults = new Option<int?>("--source", "-s")
        {
            Description = "Page faults give folios of this order: the kernel's tests with -s ORDER, and not those of mTHPs.",
            HelpName = "ORDER",
        };
        var command = new Verb(
            "selftest",
            "Run the kernel's own anonymous khugepaged tests, as named scenarios, on a kernel and on its model.",
            """
            From tools/testing/selftests/mm/khugepaged.c, in both contexts: whether the range is huge afterwards. And what was queued
            for mTHP since, at order 2 and at order 4, which MADV_COLLAPSE does not know: how many folios there are afterwards.
            With -s ORDER that size is set to always, as the kernel's own runs do for 2 and 4: what is collapsed are folios then.
            Exit code 0: all as expected, model and kernel agree pass by pass; 1: not so.

            Examples:
              khugepaged-spec kernel selftest --kernel 7.2
              khugepaged-spec kernel selftest --kernel 7.2 -s 4
            """);
        kernel.AddTo(command);
        command.Options.Add(faults);
        command.Options.Add(ktap);
        command.SetAction(parsed =>
        {
            int? order = parsed.GetValue(faults);
            RefuseUnless(order, new Geometry(Geometry.MaxPmdOrder));
            var image = kernel.Get(parsed);
            RefuseUnless(order, KernelAbilities.MachineOf(image.Flavour).Geometry);
            var (abilities, outcomes) = Selftest.Run(image, order, Interrupt.OfTheRun);
            int bad = outcomes.Count(outcome => !outcome.IsFine);
            if (parsed.GetValue(ktap))
                Ktap.Print(KernelKtap.Of(outcomes));
            else
                Print(abilities, outcomes, bad);
            int left = Selftest.Asked(abilities.Machine, order).Sum(test => test.IsMthp ? 1 : 2) - outcomes.Length;
            if (left > 0)
                ExitCode.Say($"interrupted: {left} tests are left");
            return bad > 0 ? ExitCode.Differ : left > 0 ? ExitCode.NotExhausted : ExitCode.Agree;
        });
        return command;
    }

    private static void RefuseUnless(int? order, Geometry geometry)
    {
        if (order is { } source && !Selftest.CanFault(source, geometry))
            throw new UsageException($"-s {source}: expected {Geometry.MinOrder} to the PMD's order less 4");
    }

    private static void Print(KernelAbilities abilities, ImmutableArray<SelftestOutcome> outcomes, int bad)
    {
        Console.WriteLine($"Linux {abilities.FullName}");
        Console.WriteLine($"  against {abilities.Model.Name}");
        Console.WriteLine($"  {"test",-50}{"context",-12}{"expected",-10}{"kernel",-8}model");
        foreach (var outcome in outcomes)
            Print(outcome, abilities);
        int run = outcomes.Count(outcome => outcome.Skipped is null);
        Console.WriteLine($"\n{run - bad} of {run} as expected, {outcomes.Length - run} not run");
    }

    private static void Print(SelftestOutcome outcome, KernelAbilities kernel)
    {
        string model = outcome.Test.Words(outcome.Test.RunModel(kernel.Model, outcome.Kind));
        string context = outcome.Kind == CollapseKind.Madvise ? "madvise" : "khugepaged";
        Console.WriteLine($"{(outcome.IsFine ? ' ' : '!')} {outcome.Test.Name,-50}{context,-12}{outcome.Test.Words(outcome.Test.Expected(outcome.Kind)),-10}{(outcome.Folios is { } folios ? outcome.Test.Words(folios) : "-"),-8}{model}");
        if (outcome.Skipped is { } why)
            Console.WriteLine($"      not run: {why}");
        else if (outcome.Test.IsOutcomeOnly(outcome.Kind))
            Console.WriteLine("      outcome only: the process that shares it is scanned beside it");
        foreach (string line in outcome.Logged)
            Console.WriteLine($"      {line}");
        if (outcome.Mismatch is { } mismatch)
            Console.WriteLine($"      pass {mismatch.Pass}, {mismatch.What}: kernel {mismatch.Kernel}, model {mismatch.Model}");
    }
}
