using KhugepagedSpec.Daemon;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Properties;

/// <summary>What differs by machine, and not by version: contiguous PTEs of arm64 share accessed and dirty bits, clusters of swap slots
/// end.</summary>
public sealed class MachineFacts
{
    // One page of each of 16 cold folios was read. Recorded on both machines: MachineTests.
    private const string ColdButForOnePageEach = "f4[0+1] f4[1+15]o";

    public static TheoryData<string, int> SharedBy => new()
    {
        { "x86-64", 0 }, { "arm64-4k", 4 }, { "arm64-16k", 7 }, { "arm64-64k", 5 },
    };

    [Fact]
    public void One_page_read_of_each_cold_folio_is_half_of_the_range_on_arm64_and_a_sixteenth_of_that_on_x86_64()
    {
        string table = string.Join(' ', Enumerable.Repeat(ColdButForOnePageEach, 16)) + " s .*255";
        Assert.Equal((ScanResult.LackReferencedPage, 16), Scan(table, MachineType.X86));
        Assert.Equal((ScanResult.Succeed, 256), Scan(table, MachineType.Arm64With4K));
    }

    [Theory]
    [MemberData(nameof(SharedBy))]
    public void The_pages_of_an_aligned_block_of_one_folio_are_referenced_together_those_of_a_smaller_one_alone(string name, int order)
    {
        var machine = MachineType.Find(name)!;
        Assert.Equal(order, machine.SharedBitsOrder);
        for (int size = 2; size < machine.Geometry.PmdOrder; size++)
            Assert.Equal(order > 0 && size >= order ? 1 << order : 1, Referenced(Cold(machine, size, at: 0, used: 1), machine));
    }

    [Fact]
    public void Two_pages_read_of_one_block_are_one_block_and_of_two_blocks_two()
    {
        var machine = MachineType.Arm64With4K;
        Assert.Equal(16, Referenced("f5[0+3]o f5[3+2] f5[5+27]o .*480", machine));
        Assert.Equal(32, Referenced("f5[0+15]o f5[15+2] f5[17+15]o .*480", machine));
    }

    // Virtual and physical address must be aligned alike, and nothing of the block be missing or another folio's.
    [Theory]
    [InlineData("x f4[0+1] f4[1+15]o .*495", 2)]
    [InlineData("o f4[0+1] f4[1+15]o .*495", 1)]
    [InlineData("f4[0+1] f4[1+14]o .*497", 1)]
    [InlineData("f3[0+1] f3[1+7]o f3[0+8]o .*496", 1)]
    [InlineData("f5[16+1] f5[17+15]o .*496", 16)]
    [InlineData("f5[8+1] f5[9+15]o .*496", 1)]
    public void A_block_that_is_not_aligned_or_not_whole_shares_nothing(string table, int referenced) =>
        Assert.Equal(referenced, Referenced(table, MachineType.Arm64With4K));

    [Fact]
    public void A_lazyfree_folio_written_again_in_part_is_all_dirty_on_arm64_and_ends_the_scan_on_x86_64()
    {
        const string table = "f4[0+1]L f4[1+15]l .*496";
        Assert.Equal((ScanResult.PageLazyFree, 1), Scan(table, MachineType.X86));
        Assert.Equal((ScanResult.Succeed, 16), Scan(table, MachineType.Arm64With4K));
    }

    // Nor is it a violation there: the page is as dirty as a read of its PTE says.
    [Fact]
    public void To_collapse_over_such_a_folio_breaks_nothing_on_arm64_alone()
    {
        var scenario = On("f4[0+1]L f4[1+15]l .*496", MachineType.Arm64With4K, OrderSet.Of(9));
        var history = History.Of(scenario, Catalogue.Linux72, 1);
        var stay = Contract.Invariants.Single(invariant => invariant.Name == "odd-ptes-stay");
        Assert.Equal(PmdState.Huge, history.Runs[0].After.Pmd);
        Assert.Null(stay.Check(history));
        Assert.NotNull(stay.Check(history with { Runs = [history.Runs[0] with { Machine = MachineType.X86 }] }));
    }

    // What khugepaged sees at isolation is the same.
    [Fact]
    public void Isolation_counts_as_the_scan_does()
    {
        var scenario = On(ColdButForOnePageEach + " .*496", MachineType.Arm64With4K, OrderSet.Of(9));
        var attempt = Assert.Single(scenario.Run(Catalogue.Linux72, 1)[0].Report.Tables[0].Attempts);
        Assert.Equal((ScanResult.Succeed, 16), (attempt.Status, attempt.Isolate!.Value.Referenced));
    }

    // With 16K pages swap is not made for THP, and a cluster has 256 slots: recorded as a warning and an endless fault.
    [Theory]
    [InlineData(256, ScanResult.Succeed)]
    [InlineData(512, ScanResult.Fail)]
    public void More_slots_in_a_row_than_a_cluster_has_do_not_come_back(int slots, ScanResult result)
    {
        var machine = MachineType.Arm64With16K;
        string table = $"s[2048+{slots}] x*{2048 - slots}";
        var scenario = On(table, machine, machine.Geometry.AnonOrders);
        scenario = scenario with { Settings = scenario.Settings with { MaxPtesSwap = 2047 } };
        Assert.Equal(result, scenario.Run(Catalogue.Linux72, 1)[0].Report.Tables[0].Attempts[0].Status);
        Assert.Equal(ScanResult.Succeed,
            (scenario with { Machine = MachineType.X86 }).Run(Catalogue.Linux72, 1)[0].Report.Tables[0].Attempts[0].Status);
    }

    private static string Cold(MachineType machine, int order, int at, int used) =>
        $"f{order}[{at}+{used}] f{order}[{at + used}+{(1 << order) - used}]o .*{machine.Geometry.Pages - (1 << order)}";

    private static int Referenced(string table, MachineType machine) => Scan(table, machine).Referenced;

    private static (ScanResult Result, int Referenced) Scan(string table, MachineType machine)
    {
        var run = On(table, machine, machine.Geometry.AnonOrders).Run(Catalogue.Linux72, 1)[0].Report.Tables[0];
        return (run.Scan.Result, run.Scan.Referenced);
    }

    private static Scenario On(string table, MachineType machine, OrderSet orders)
    {
        var scenario = Scenario.Of(PageTable.Parse(table, machine.Geometry)) with { Machine = machine };
        return scenario with { Settings = scenario.Settings.WithSizes(orders, SizeEnabled.Madvise) };
    }
}
