using System.Collections.Immutable;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Machines;
using static KhugepagedSpec.Cli.Shell.Printing;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec check --seeds</c>: is each known-bad variant found by the invariant it is made for, whatever the
/// seed?</summary>
internal static class SeedCheckCommand
{
    public static int Run(ImmutableArray<KhugepagedVersion> variants, int seeds, int count)
    {
        if (variants.FirstOrDefault(variant => variant.MadeFor is null) is { } other)
            throw new UsageException($"--model {other.Name}: expected a known-bad variant with --seeds");
        var reports = Interruptible.Each("check", variants, (variant, stop) => SeedCheck.Run(variant, seeds, count, stop))
            .OfType<SeedReport>().ToImmutableArray();
        return Interruptible.Ended(reports.Length, variants.Length, "variants were gone through", Print(reports, seeds, count));
    }

    private static int Print(ImmutableArray<SeedReport> reports, int seeds, int count)
    {
        Line($"  {"variant",-32}{"made for",-30}{"seeds",5}{"most",7}");
        foreach (var report in reports)
            Line($"  {report.Variant.Name,-32}{report.Invariant.Name,-30}{report.Found.Count(found => found is not null),5}{report.Found.Max() ?? 0,7}");
        int always = reports.Count(report => report.IsAlwaysFound);
        Line($"\n{always} of {reports.Length} known-bad variants are found by the invariant they are made for on each of {seeds} seeds, in {count} scenarios");
        return always == reports.Length ? ExitCode.Agree : ExitCode.Differ;
    }
}
