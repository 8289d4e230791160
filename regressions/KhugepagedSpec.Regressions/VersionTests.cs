using System.Text;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Regressions;

public sealed class VersionTests
{
    private static readonly KhugepagedVersion[] Walks =
        [Catalogue.V17, Catalogue.V18, Catalogue.V18Fixup, Catalogue.V19, Catalogue.Linux72];

    [Fact]
    public void From_v17_to_7_2_the_attempts_are_the_same_without_userfaultfd_without_swap_and_under_a_supported_limit()
    {
        int compared = 0;
        foreach (var scenario in SmallScenarios.All().Where((_, i) => i % 7 == 0)
            .Concat(ScenarioGenerator.Random(3, Geometry.X86).Take(2000)))
        {
            var settings = scenario.Settings;
            if (scenario.Vma.IsUffdArmed
                || scenario.Program.Any(step => step.Verb is UserSpace.ProgramVerb.PageOut or UserSpace.ProgramVerb.Guard)
                || scenario.Faults.Any(fault => fault.What > Memory.InjectedFault.CopyFails)
                    || (settings.MaxPtesNone != 0 && settings.MaxPtesNone != settings.Geometry.MaxPtesLimit)
                || scenario.Table.Cells.Any(cell => cell.Kind is not (PteKind.None or PteKind.ZeroPage or PteKind.Page)))
            {
                continue;
            }
            var runs = Walks.Select(version => scenario.Run(version, 2).SelectMany(run => run.Report.Tables)
                .SelectMany(table => table.Attempts).ToList()).ToList();
            Assert.All(runs, run => Assert.Equal(runs[^1], run));
            compared += runs[^1].Count > 0 ? 1 : 0;
        }
        Assert.InRange(compared, 1000, int.MaxValue);
    }

    // What semantics of the walk (C) and of the limits (D) list as differences, each on a table of its own.
    [Theory]
    [InlineData("linux-7.1", "linux-7.2", "x*512", 4, 0)]
    [InlineData("v5", "linux-7.2", "x*4 .*508", 2, 0)]
    [InlineData("v12", "linux-7.2", "x*3 .*509", 2, 255)]
    [InlineData("v12", "linux-7.2", "x*3 .*509", 2, 400)]
    [InlineData("v12", "linux-7.2", "x .*511", 2, 511)]
    [InlineData("v17", "linux-7.2", "x*16 .*496", 4, 64)]
    [InlineData("v19", "linux-7.2", "s x*511", 9, 0)]
    [InlineData("linux-7.2", "linux-7.2-nonswap", "g x*511", 4, 0)]
    [InlineData("linux-7.2", "linux-7.2-nonswap", "i x*511", 9, 0)]
    [InlineData("linux-7.2", "linux-7.2-nonswap", "x*511 W", 4, 0)]
    [InlineData("linux-7.1", "linux-7.0", "l x*511", 9, 0)]
    [InlineData("linux-6.18", "linux-6.17", "h*256 .*256", 9, 511)]
    public void Versions_part_where_the_threads_say(string first, string second, string table, int order, int maxPtesNone)
    {
        var scenario = Of(table, order, maxPtesNone);
        Assert.NotNull(VersionDiff.On(scenario, Catalogue.Find(first)!, Catalogue.Find(second)!));
    }

    [Fact]
    public void Only_v18_skips_the_windows_of_a_uffd_armed_vma_in_the_walk()
    {
        var scenario = Of("x*15 . x*496", 4, 511);
        scenario = scenario with { Vma = scenario.Vma with { Flags = scenario.Vma.Flags | VmaFlags.UffdMissing } };
        foreach (var version in Walks)
            Assert.Equal(version == Catalogue.V18 ? 31 : 32, scenario.Run(version, 1)[0].Report.Tables[0].Attempts.Count);
    }

    [Fact]
    public void Before_v19_a_failed_allocation_is_lost_and_the_daemon_never_sleeps()
    {
        var scenario = Of("x*512", 4, 0) with { Faults = [Memory.FaultInjection.Parse("alloc-fails")] };
        Assert.Equal(
            [ScanResult.Fail, ScanResult.Fail, ScanResult.Fail, ScanResult.AllocHugePageFail, ScanResult.AllocHugePageFail],
            Walks.Select(version => scenario.Run(version, 1)[0].Report.Tables[0].Status));
    }

    [Fact]
    public void Under_v12_two_pages_creep_to_a_huge_page_and_under_7_2_they_do_not()
    {
        var scenario = Of("x .*511", 9, 255) with { };
        scenario = scenario with
        {
            Table = PageTable.Parse("x*3 . x .*3 x .*7 x .*15 x .*31 x .*63 x .*127 x .*255", Geometry.X86),
            Settings = scenario.Settings.WithSizes(Geometry.X86.AnonOrders, SizeEnabled.Madvise) with { MaxPtesNone = 255 },
        };
        Assert.Equal(PmdState.Huge, scenario.Run(Catalogue.V12, 12)[^1].After.Pmd);
        Assert.Equal(scenario.Table.Cells.Count(cell => cell.IsNoneOrZero),
            scenario.Run(Catalogue.Linux72, 12)[^1].After.Cells.Count(cell => cell.IsNoneOrZero));
    }

    [Fact]
    [Trait("Coverage", "Slow")]
    public async Task Every_version_breaks_only_what_it_is_known_to_break_by_these_smallest_scenarios()
    {
        var reports = Catalogue.Versions.AsParallel().AsOrdered().Select(version => (Version: version, Broken: BrokenBy(version))).ToList();
        var text = new StringBuilder();
        foreach (var (version, broken) in reports)
        {
            Assert.Equal(
                Contract.Invariants.Where(invariant => invariant.ExceptionFor(version) is not null).Select(invariant => invariant.Name),
                Contract.Invariants.Where(invariant => broken.ContainsKey(invariant)).Select(invariant => invariant.Name));
            foreach (var invariant in Contract.Invariants.Where(broken.ContainsKey))
                text.Append(version.Name).Append(" breaks ").Append(invariant.Name).Append(": ").Append(invariant.ExceptionFor(version))
                    .Append('\n')
                    .Append("  explain ").Append(broken[invariant].Scenario).Append('\n')
                    .Append("  ").Append(broken[invariant].Violation).Append('\n');
        }
        await Verifier.Verify(text.ToString());
    }

    private static Scenario Of(string table, int order, int maxPtesNone)
    {
        var scenario = Scenario.Of(PageTable.Parse(table, Geometry.X86));
        return scenario with
        {
            Settings = scenario.Settings.WithSizes(OrderSet.Of(order),
            SizeEnabled.Madvise) with
            { MaxPtesNone = maxPtesNone }
        };
    }

    // Small scenarios until each known exception is seen, or a share of them for what must hold; then random larger ones.
    private static Dictionary<Invariant, Counterexample> BrokenBy(KhugepagedVersion version)
    {
        const int share = 11;
        const string takesManyPages = "settles";
        var broken = new Dictionary<Invariant, Counterexample>();
        var open = Contract.Invariants.Where(invariant => invariant.IsAskedOf(version)).ToList();
        var random = ScenarioGenerator.Random(5, new Geometry(6))
            .Zip(ScenarioGenerator.Random(5, new Geometry(9)), (small, large) => new[] { small, large });
        int count = 0;
        foreach (var scenario in SmallScenarios.OfEight().Concat(random.Take(1500).SelectMany(pair => pair)))
        {
            if (count++ % share != 0
                && !open.Exists(invariant => invariant.ExceptionFor(version) is not null
                && (scenario.Table.Cells.Length > 16 || invariant.Name != takesManyPages)))
                continue;
            var history = History.Of(scenario, version, Checker.Passes);
            foreach (var invariant in open.Where(invariant => invariant.Check(history) is not null).ToList())
            {
                broken.Add(invariant, Checker.Shrunk(invariant, scenario, version, count));
                open.Remove(invariant);
            }
        }
        return broken;
    }
}
