using System.Collections.Immutable;
using System.Globalization;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Versions;
using static KhugepagedSpec.Cli.Shell.Printing;

namespace KhugepagedSpec.Cli.Text;

/// <summary>A check's verdicts, for people and for scripts.</summary>
internal static class CheckText
{
    public static void Print(CheckResult result)
    {
        var versions = result.Versions.ToList();
        if (versions.Count > 0)
            PrintMatrix(result, versions);
        foreach (var (report, found) in result.Unexpected)
            PrintCounterexample("UNEXPECTED: ", report, found);
        foreach (var invariant in result.BrokenByKernel)
            Console.WriteLine($"UNEXPECTED: a recorded kernel breaks {invariant.Name}: {result.Kernel[invariant.Name].First}\n");
        PrintKnown(versions);
        PrintVariants(result);
        if (versions.FirstOrDefault(report => report.Version == Catalogue.Linux72) is { } linux72)
            Console.WriteLine($"of linux-7.2's scenarios: {linux72.Shares}");
        Console.WriteLine(Summary(result));
    }

    public static CheckJson ToJson(CheckResult result) => new(
        result.Seed, result.Count, result.IsFine,
        [.. result.Reports.SelectMany(report => report.Counterexamples.Select(found => new CounterexampleJson(
            report.Version.Name, found.Invariant.Name, found.Invariant.ExceptionFor(report.Version) is not null,
            found.Scenario.ToString(), Shrinker.Size(found.Scenario), found.Violation.ToString(), found.Found)))],
        [.. result.Undetected.Select(report => report.Version.Name)],
        result.Kernel.ToDictionary(pair => pair.Key, pair => pair.Value.Count))
    {
        ClaimsOf = result.Reports.Where(report => Inherited.IsBy(report.Version)).DistinctBy(report => report.Version.Name)
            .ToDictionary(report => report.Version.Name, report => report.Version.HeldToClaimsOf) is { Count: > 0 } held ? held : null,
    };

    /// <summary>Versions and recorded kernels, made of a test an invariant; then the variants, each of which something must
    /// break.</summary>
    public static ImmutableArray<KtapTest> ToKtap(CheckResult result)
    {
        ImmutableArray<KtapTest> versions =
        [
            .. result.Versions.Select(
                report => Group(report.Version.Name, [.. result.Invariants.Select(invariant => OfVersion(report, invariant))])),
            Group("recorded kernels", [.. result.Invariants.Select(invariant => OfKernels(result, invariant))]),
        ];
        return !result.Variants.Any() ? versions
            : versions.Add(Group("known-bad variants",
                [.. result.Variants.Select(report => new KtapTest(report.Version.Name, !report.Counterexamples.IsEmpty)
            {
                Notes = [.. report.Counterexamples.IsEmpty ? ["nothing breaks it"] : report.Counterexamples.Take(1)
                    .Select(found => $"breaks {found.Invariant.Name}: {found.Scenario}")],
            })]));

        static KtapTest Group(string name, ImmutableArray<KtapTest> tests) => new(name, tests.All(test => test.IsOk)) { Tests = tests };
    }

    private static KtapTest OfVersion(CheckReport report, Invariant invariant) =>
        !invariant.IsAskedOf(report.Version) ? new KtapTest(invariant.Name, true) { Skipped = "not asked of it" }
        : invariant.ExceptionFor(report.Version) is { } known
            ? new KtapTest(invariant.Name, true) { Skipped = $"known to be broken: {known}" }
        : report.For(invariant) is not { } found ? new KtapTest(invariant.Name, true)
        : new KtapTest(invariant.Name, false) { Notes = [$"{found.Violation}", $"khugepaged-spec {ExplainArguments(report, found)}"] };

    private static KtapTest OfKernels(CheckResult result, Invariant invariant) => KernelVerdict(result, invariant) switch
    {
        '-' => new KtapTest(invariant.Name, true) { Skipped = "not asked of them" },
        'x' => new KtapTest(invariant.Name, true) { Skipped = "known to be broken" },
        '!' => new KtapTest(invariant.Name, false) { Notes = [result.Kernel[invariant.Name].First] },
        _ => new KtapTest(invariant.Name, true),
    };

    private static void PrintMatrix(CheckResult result, List<CheckReport> versions)
    {
        Console.WriteLine("  . holds   x broken, as is known   ? known to be broken, not seen   - not asked");
        Console.WriteLine("  ! BROKEN, though claimed to hold\n");
        int width = versions.Count > 9 ? 2 : 1;
        for (int i = 0; i < versions.Count; i++)
        {
            Line($"  {(i + 1).ToString(CultureInfo.InvariantCulture).PadLeft(width)} {versions[i].Version.FullName}");
            if (Inherited.Of(versions[i].Version) is { } inherited)
                Line($"  {"",2} {inherited}");
        }
        Console.WriteLine($"  {"K".PadLeft(width)} the recorded kernels\n");
        Console.WriteLine($"{"",-30}{string.Concat(Enumerable.Range(1, versions.Count).Select(i => i.ToString(CultureInfo.InvariantCulture).PadLeft(3)))}  K");
        foreach (var invariant in result.Invariants)
        {
            string cells = string.Concat(versions.Select(report => $"  {Verdict(report, invariant)}"));
            Console.WriteLine($"{invariant.Name,-30}{cells}  {KernelVerdict(result, invariant)}");
        }
        Console.WriteLine();
    }

    /// <summary>What the recorded kernels do to an invariant, as a letter of the matrix.</summary>
    public static char KernelVerdict(CheckResult result, Invariant invariant) =>
        invariant.NotFor.Contains(Contract.RecordedKernels) ? '-' : !result.Kernel.ContainsKey(invariant.Name) ? '.'
            : invariant.ExceptionFor(Catalogue.Linux72) is null ? '!' : 'x';

    /// <summary>The counterexample with the fewest PTEs; null if there is none.</summary>
    public static Counterexample? Smallest(CheckReport report) => report.Counterexamples.MinBy(one => Shrinker.Size(one.Scenario));

    /// <summary>Why a version breaks an invariant.</summary>
    public static string Why(CheckReport report, Counterexample found) =>
        found.Invariant.ExceptionFor(report.Version) ?? (KnownBad.Variants.Contains(report.Version) ? report.Version.Source
            : Inherited.IsBy(report.Version) ? $"claimed of {report.Version.HeldToClaimsOf}, and so of it" : "claimed to hold");

    /// <summary>The command that shows a counterexample.</summary>
    public static string ExplainArguments(CheckReport report, Counterexample found) =>
        $"explain {found.Scenario} --model {report.Version.AskedAs} --passes {found.Violation.Pass}";

    /// <summary>How much was run.</summary>
    public static string Summary(CheckResult result) => string.Create(
        CultureInfo.InvariantCulture,
        $"{result.Reports.Sum(report => report.Scenarios)} scenarios of {Checker.Passes} passes, seed {result.Seed}, {result.Vectors} recorded vectors, {result.Time.TotalSeconds:0.0} s");

    /// <summary>What a version does to an invariant, as a letter of the matrix.</summary>
    public static char Verdict(CheckReport report, Invariant invariant)
    {
        bool known = invariant.ExceptionFor(report.Version) is not null, seen = report.For(invariant) is not null;
        return !invariant.IsAskedOf(report.Version) ? '-' : seen ? (known ? 'x' : '!') : known ? '?' : '.';
    }

    private static void PrintKnown(List<CheckReport> versions)
    {
        foreach (var report in versions)
            foreach (var found in report.Counterexamples)
                if (found.Invariant.ExceptionFor(report.Version) is not null)
                    PrintCounterexample("", report, found);
    }

    private static void PrintCounterexample(string head, CheckReport report, Counterexample found)
    {
        Console.WriteLine($"{head}{report.Version.Name} breaks {found.Invariant.Name}: {Why(report, found)}");
        Console.WriteLine($"  {ExplainArguments(report, found)}");
        Console.WriteLine($"  {found.Violation}\n");
    }

    private static void PrintVariants(CheckResult result)
    {
        var variants = result.Variants.ToList();
        if (variants.Count == 0)
            return;
        Line($"known-bad variants: {variants.Count - result.Undetected.Count()} of {variants.Count} detected\n");
        Console.WriteLine($"  {"variant",-32}{"smallest counterexample to",-30}{"PTEs",5}{"after",7}");
        foreach (var report in variants)
        {
            if (Smallest(report) is not { } found)
                Console.WriteLine($"  {report.Version.Name,-32}NOT DETECTED");
            else
                Line($"  {report.Version.Name,-32}{found.Invariant.Name,-30}{Shrinker.Size(found.Scenario),5}{report.Counterexamples.Min(one => one.Found),7}");
        }
        Console.WriteLine();
    }
}
