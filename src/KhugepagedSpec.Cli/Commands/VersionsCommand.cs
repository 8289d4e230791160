using System.CommandLine;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Policies;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec versions</c>: the catalogue, as a table of policies.</summary>
internal static class VersionsCommand
{
    public static Command Create()
    {
        var command = new Verb(
            "versions",
            "List the versions of khugepaged that can be run, and the known-bad variants.",
            """
            Example:
              khugepaged-spec versions
            """);
        command.SetAction(_ => Print());
        return command;
    }

    private static int Print()
    {
        foreach (var version in Catalogue.Released.Concat(Catalogue.Versions.Except(Catalogue.Released)))
            PrintVersion(version);
        Console.WriteLine("Known-bad variants, each linux-7.2 with one mistake:");
        foreach (var variant in KnownBad.Variants)
            Console.WriteLine($"  {variant.Name,-32}{variant.Source}");
        Console.WriteLine("\nWhat looks like a mistake and makes no difference:");
        foreach (var variant in KnownBad.Harmless)
            Console.WriteLine($"  {variant.Name,-32}{variant.Source}");
        Console.WriteLine("\nDesigns that were talked about or posted, and have no mistake:");
        foreach (var design in Catalogue.Designs)
        {
            Console.WriteLine($"  {design.Name,-32}{design.Source}");
            if (design.Unverified is { } unverified)
                Console.WriteLine($"  {"",-32}unverified: {unverified}");
        }
        Console.WriteLine("\nSeries in part:");
        foreach (var part in Catalogue.InPart)
            Console.WriteLine($"  {part.Name,-32}{part.Source}");
        Console.WriteLine("\nWhat only shows what a rule explains:");
        Console.WriteLine($"  {Catalogue.Linux72WithoutLruBatch.Name,-32}{Catalogue.Linux72WithoutLruBatch.Source}");
        return ExitCode.Agree;
    }

    private static void PrintVersion(KhugepagedVersion version)
    {
        Console.WriteLine($"{version.Name,-29}{version.Source}");
        if (version.Releases is { } releases)
        {
            Console.WriteLine($"  releases        {releases}");
            Console.WriteLine($"  trace           {version.Trace.Name}");
        }
        Console.WriteLine($"  scan            {version.Scan.Name}");
        Console.WriteLine($"  walk            {version.Walk.Name}");
        Console.WriteLine($"  window's test   {version.Candidate.Name}");
        Console.WriteLine($"  none below PMD  {(version.IsPmdOnly ? "-" : version.NoneLimit.Name)}");
        Console.WriteLine($"  retry           {(version.IsPmdOnly ? "-" : version.Retry.Name)}");
        Console.WriteLine($"  reports         {(version.Visit switch { VisitResult.ByPriority => "success, failed allocation, last failure", VisitResult.CollapsedOrFail => "success, or SCAN_FAIL", _ => "the attempt's result" })}");
        if (version.RepeatedAdviceAsks)
            Console.WriteLine("  MADV_HUGEPAGE   registers also where it changes nothing");
        if (version.KeepsEmptiedTables)
            Console.WriteLine("  MADV_DONTNEED   leaves the table that it empties");
        if (version.HasUffdRwp)
            Console.WriteLine("  userfaultfd     protects against reads too (RWP)");
        if (version.SwapinEndsAtNonSwapEntries)
            Console.WriteLine("  swap-in         ends at non-swap");
        if (version.Unverified is { } unverified)
            Console.WriteLine($"  unverified      {unverified}");
        Console.WriteLine();
    }
}
