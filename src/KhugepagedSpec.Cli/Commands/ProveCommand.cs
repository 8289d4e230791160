using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using System.Numerics;
using System.Text.Json;
using KhugepagedSpec.Checking.Exact;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Walk;
using static KhugepagedSpec.Cli.Shell.Printing;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec prove</c>: what holds for every page table of a geometry.</summary>
internal static class ProveCommand
{
    public static Command Create()
    {
        var orders = new Option<int[]>("--order")
        {
            Description = "The PMD's order; may be given several times (9, 11 and 13).",
            HelpName = "N",
            AllowMultipleArgumentsPerToken = true
        };
        var first = new Option<string?>("--first")
        {
            Description = "Count the tables in which this window is the first to be tried.",
            HelpName = "OFFSET/ORDER"
        };
        var enabled = new Option<string?>("--enabled")
        {
            Description = "With --first: the enabled sizes or orders (all).",
            HelpName = "LIST"
        };
        var maxPtesNone = Options.Number("--max-ptes-none", "With --first: 0 or the maximum (0).");
        var model = ModelOption.Create();
        var json = new Option<bool>("--json") { Description = "Print the claims as JSON." };
        var command = new Verb(
            "prove",
            "Decide claims for all page tables of a geometry, all results and all sets of orders.",
            """
            A walk sees a table and its results only through a label on each window, so its graph of windows and labels is
            finite; a limit of 0 or the maximum asks only whether a block is empty, partial or full. Every premise is
            checked, of the version asked for: a claim that rests on one that does not hold is refuted by an example, or
            left open, and says why. Exit code 1 if a claim is refuted, 3 if one is open; the smallest counterexample to a
            walk is printed.

            Examples:
              khugepaged-spec prove
              khugepaged-spec prove --order 4 --model next-order-from-highest-bit
              khugepaged-spec prove --order 9 --with none-limit=scaled
              khugepaged-spec prove --order 9 --first 16/4 --enabled 4,9
            """)
        { orders, first, enabled, maxPtesNone, model, json };
        var with = WithOption.AddTo(command);
        command.SetAction(parsed =>
        {
            var version = with.Change(parsed, ModelOption.Get(parsed, model));
            var geometries = Geometries(parsed.GetValue(orders) is { Length: > 0 } asked ? asked : [9, 11, 13]);
            if (parsed.GetValue(first) is { } window)
                return CountFirst(geometries[0], window, parsed.GetValue(enabled), parsed.GetValue(maxPtesNone) ?? 0);
            bool refuted = false, open = false;
            var all = new List<ProofJson>();
            foreach (var geometry in geometries)
            {
                if (Interrupt.OfTheRun.IsCancellationRequested)
                    throw new InterruptedException($"{all.Count} of {geometries.Length} geometries were decided");
                var claims = Proof.Run(geometry, version);
                refuted |= claims.Any(claim => claim.Refuted is not null);
                open |= claims.Any(claim => claim.Open is not null);
                all.Add(ToJson(version, geometry, claims));
                if (!parsed.GetValue(json))
                    Print(version, geometry, claims);
            }
            if (parsed.GetValue(json))
                Console.WriteLine(JsonSerializer.Serialize(all, CliJson.Readable.ListProofJson));
            else if (!version.IsPmdOnly && version.Walk.Use(new AgainstOffset()) is { } difference)
                Console.WriteLine($"smallest difference between the offset walk and {version.Walk.Name}: {difference}");
            return refuted ? ExitCode.Differ : open ? ExitCode.NotExhausted : ExitCode.Agree;
        });
        return command;
    }

    private static ImmutableArray<Geometry> Geometries(int[] orders)
    {
        foreach (int order in orders)
            if (order is <= Geometry.MinOrder or > Geometry.MaxPmdOrder)
                throw new UsageException($"--order {order}: expected {Geometry.MinOrder + 1} to {Geometry.MaxPmdOrder}");
        return [.. orders.Select(order => new Geometry(order))];
    }

    private static void Print(KhugepagedVersion version, Geometry geometry, ImmutableArray<Claim> claims)
    {
        string sets = version.IsPmdOnly
            ? "the PMD's order enabled or not"
            : string.Create(CultureInfo.InvariantCulture, $"all {2 << (geometry.PmdOrder - Geometry.MinOrder)} sets of orders");
        Line($"{version.FullName}, PMD order {geometry.PmdOrder}: all 2^{geometry.Pages} occupancies, {sets}");
        if (Inherited.Of(version) is { } inherited)
            Line($"  {inherited}");
        foreach (var claim in claims.Where(claim => !claim.IsOfTheMethod))
            Print(claim);
        Line($"  what the proofs rest on, whatever the version:");
        foreach (var claim in claims.Where(claim => claim.IsOfTheMethod))
            Print(claim);
        foreach (bool fillsHoles in new[] { false, true })
        {
            if (version.IsPmdOnly || !claims.All(claim => claim.IsProved))
                break;
            var counts = new ModelCount(geometry, geometry.AnonOrders, fillsHoles);
            Line($"  all orders, max_ptes_none {(fillsHoles ? geometry.MaxPtesLimit : 0),4}: {counts.MostVisited()} windows at most, {Mean(counts.VisitedInAll(), counts.Tables)} on average, {Mean(counts.TriedInAll(), counts.Tables)} of them tried");
            var (tables, attempts) = counts.CostAFolioByFailure();
            string share = Percent(tables, counts.Tables), each = Mean(attempts, tables);
            Line($"{"",32}one failed attempt costs a larger folio in {share} of tables, {each} such attempts in each");
        }
        Line($"");
    }

    private static void Print(Claim claim)
    {
        string verdict = claim.Refuted is not null ? "REFUTED" : claim.Open is not null ? "open" : "proved";
        Line($"  {verdict,-7}  {claim.Name,-46}{claim.Cases,12:N0} cases{claim.Time.TotalSeconds,8:0.000} s");
        if ((claim.Refuted ?? claim.Open) is { } why)
            Line($"           {why}");
    }

    private static int CountFirst(Geometry geometry, string window, string? enabled, int maxPtesNone)
    {
        var orders = enabled is null ? geometry.AnonOrders : Sizes.Parse(enabled, "--enabled", geometry, ScenarioOptions.PageKb(geometry));
        if (maxPtesNone != 0 && maxPtesNone != geometry.MaxPtesLimit)
            throw new UsageException(
                $"--max-ptes-none {maxPtesNone}: expected 0 or {geometry.MaxPtesLimit}: below the PMD's order the values between act as 0");
        var parts = window.Split('/');
        if (parts.Length != 2 || !int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out int offset)
            || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int order)
            || !orders.Contains(order) || offset % (1 << order) != 0 || offset >= geometry.Pages)
        {
            throw new UsageException($"--first {window}: expected OFFSET/ORDER, an aligned window of an enabled order ({orders})");
        }
        var counts = new ModelCount(geometry, orders, maxPtesNone > 0);
        Line($"of 2^{geometry.Pages} tables exactly {counts.FirstTried(offset, order)} try {offset}/{order} first, and {counts.Silent()} try nothing");
        return ExitCode.Agree;
    }

    // Rounded down, so that not quite all is not all.
    private static string Percent(BigInteger part, BigInteger whole)
    {
        var thousandths = part * 100_000 / whole;
        return string.Create(CultureInfo.InvariantCulture, $"{thousandths / 1000}.{(int)(thousandths % 1000):000} %");
    }

    // Three digits after the point.
    private static string Mean(BigInteger sum, BigInteger tables)
    {
        var thousandths = (sum * 1000 + (tables / 2)) / tables;
        return string.Create(CultureInfo.InvariantCulture, $"{thousandths / 1000}.{(int)(thousandths % 1000):000}");
    }

    private static ProofJson ToJson(KhugepagedVersion version, Geometry geometry, ImmutableArray<Claim> claims) => new(
        version.Name, geometry.PmdOrder,
            [.. claims.Select(claim =>
                new ClaimJson(claim.Name, claim.Statement, claim.Cases, claim.Refuted, claim.Open, !claim.IsOfTheMethod,
                    claim.Time.TotalSeconds))]);

    private sealed record AgainstOffset : IWalkerUse<WalkDifference?>
    {
        public WalkDifference? With<TWalker>(Func<Geometry, OrderSet, TWalker> begin)
            where TWalker : struct, IOrderWalker =>
                WalkDifference.Smallest((geometry, enabled) => new OffsetWalker(geometry, enabled), begin);
    }
}
