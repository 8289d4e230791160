using System.Collections.Immutable;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Cli.Threads;

namespace KhugepagedSpec.Cli.Text;

/// <summary>Claims in words.</summary>
internal static class ThreadsText
{
    /// <summary>Prints the list, a claim a line.</summary>
    public static int List(ImmutableArray<Claim> claims)
    {
        if (claims.IsEmpty)
            Console.WriteLine("no claim has that verdict");
        foreach (var thread in ThreadBook.Threads)
        {
            var its = thread.Claims.Where(claims.Contains).ToList();
            if (its.Count > 0)
                Console.WriteLine($"{thread.Name}: {thread.Title}");
            foreach (var claim in its)
                Console.WriteLine($"{Start(claim)}  {ThreadBook.Name(claim.Verdict),-25}  {claim.Text}");
            if (its.Count > 0)
                Console.WriteLine();
        }
        return ExitCode.Agree;
    }

    /// <summary>Prints a claim, what was run for it, and the verdict.</summary>
    public static void Print(Claim claim, ImmutableArray<Shown> shown)
    {
        Console.WriteLine($"{claim.Number}  {claim.Who}, {claim.Date} ({Kind(claim)}, {ThreadBook.Of(claim).Title})");
        Console.WriteLine($"  {claim.Text}");
        foreach (var one in shown)
        {
            Console.WriteLine($"\n  $ khugepaged-spec {one.Run.Command}");
            foreach (string line in one.Lines)
                Console.WriteLine($"    {line}");
            if (one.Amiss is not null)
                Console.WriteLine($"  ! {one.Amiss}");
            if (one.Run.Unless is { } unless)
                Console.WriteLine($"    otherwise with {unless}");
        }
        Console.WriteLine($"\n  {ThreadBook.Name(claim.Verdict)}{(claim.Note is null ? "" : $": {claim.Note}")}{Outcome(shown)}\n");
    }

    /// <summary>Prints a line of the table.</summary>
    public static void Row(Claim claim, ImmutableArray<Shown> shown)
    {
        var amiss = shown.Where(one => one.Amiss is not null).ToList();
        string outcome = shown.IsEmpty ? "-" : amiss.Count > 0 ? "NOT SHOWN" : "shown";
        Console.WriteLine($"{Start(claim)}  {ThreadBook.Name(claim.Verdict),-25}  {outcome,-9}  {claim.Text}");
        foreach (var one in amiss)
            Console.WriteLine($"      ! khugepaged-spec {one.Run.Command}: {one.Amiss}");
    }

    /// <summary>Prints how many claims there are of each verdict.</summary>
    public static void Totals(IReadOnlyList<(Claim Claim, ImmutableArray<Shown> Shown)> done)
    {
        int runs = done.Sum(one => one.Shown.Length), amiss = done.Sum(one => one.Shown.Count(shown => shown.Amiss is not null));
        Printing.Line($"\n{done.Count} claims{(done.Count == 0 ? "" : $": {Counts(done)}")}; {runs} runs, {amiss} of them not as the verdict says");
    }

    /// <summary>How many claims there are of each verdict, in a line.</summary>
    public static string Counts(IEnumerable<(Claim Claim, ImmutableArray<Shown> Shown)> done) => string.Join(", ",
        done.GroupBy(one => one.Claim.Verdict).OrderBy(group => group.Key)
            .Select(group => FormattableString.Invariant($"{group.Count()} {ThreadBook.Name(group.Key)}")));

    private static string Start(Claim claim) => FormattableString.Invariant($"{claim.Number,5}  {claim.Date,-10}  {claim.Who,-14}");

    private static string Kind(Claim claim) => claim.Kind.ToString().ToLowerInvariant();

    private static string Outcome(ImmutableArray<Shown> shown) =>
        shown.IsEmpty ? "" : shown.Any(one => one.Amiss is not null) ? " (NOT SHOWN)" : " (shown)";
}
