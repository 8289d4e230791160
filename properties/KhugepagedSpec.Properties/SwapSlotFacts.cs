using KhugepagedSpec.Daemon;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;
using KhugepagedSpec.Settings;
using KhugepagedSpec.UserSpace;

namespace KhugepagedSpec.Properties;

public sealed class SwapSlotFacts
{
    // A PMD range of which the first entries are swapped out, the rest used; every size enabled, and swapped-in folios counted.
    private static (ScanResult Status, int Steps, string Swpin) SwapIn(string swap, int[] orders, VmaFlags flags = VmaFlags.None,
        params string[] faults)
    {
        int entries = TableNotation.Parse(swap, Geometry.X86, padWithNone: true).Cells.Count(cell => cell.Kind == PteKind.Swap);
        var scenario = Given.Khugepaged($"{swap} x*{512 - entries}", Given.Orders(orders), 511).WithVma(flags).Failing(faults);
        var run = (scenario with { Settings = scenario.Settings with { MaxPtesSwap = 511 } }).Run();
        var attempt = run.Attempts()[0];
        return (attempt.Status, attempt.Swapin!.Value.SwappedIn,
            string.Join(' ', run.Report.Added.Sizes().Where(size => size.Name.StartsWith("swpin", StringComparison.Ordinal))
            .Select(size => $"{(size.Name == "swpin" ? "" : "-")}{size.Order}:{size.Value}")));
    }

    [Theory]
    [InlineData("s[512+16]", new[] { 2, 4, 9 }, 1, "4:1")]
    [InlineData("s[512+16]", new[] { 2, 9 }, 4, "2:4")]
    [InlineData("s[512+16]", new[] { 9 }, 16, "")]
    [InlineData("s[516+16]", new[] { 2, 4, 9 }, 4, "2:4")]
    [InlineData("s[513+16]", new[] { 2, 4, 9 }, 16, "")]
    [InlineData("s*16", new[] { 2, 4, 9 }, 16, "")]
    [InlineData("s[512+15] s[600]", new[] { 2, 4, 9 }, 7, "2:3")]
    [InlineData("s[512+7] S[519] s[520+8]", new[] { 2, 3, 9 }, 0, "")]
    public void Entries_whose_slots_lie_in_a_row_aligned_as_the_pages_come_back_as_one_folio(string swap, int[] orders, int steps,
        string swpin)
    {
        bool isWriteProtected = swap.Contains('S', StringComparison.Ordinal);
        if (isWriteProtected)
            Assert.Equal(ScanResult.PteUffdWp, Given.Khugepaged($"{swap} x*496", Given.Orders(orders), 511).Run().Status());
        else
            Assert.Equal((ScanResult.Succeed, steps, swpin), SwapIn(swap, orders));
    }

    // Seen on 7.2.13 and 7.3.4: zeroes are noted for a folio that is all zeroes, not for those pages of it that are.
    [Theory]
    [InlineData("touch 0+1")]
    [InlineData("touch 3+1")]
    [InlineData("touch 0+4")]
    public void A_folio_of_which_one_page_was_written_comes_back_whole(string touch)
    {
        var scenario = Scenario.Of(ProgramStep.Parse($"mmap, madvise, {touch}, pageout, touch 0+1", Geometry.X86), Geometry.X86);
        var running = new RunningScenario(scenario with { Settings = scenario.Settings.WithSizes(OrderSet.Of(2), SizeEnabled.Madvise) },
            Subjects.Linux72);
        Assert.All(running.Table.Cells[..4], cell => Assert.Equal(2, cell.Order));
        Assert.All(running.Table.Cells[4..], cell => Assert.Equal(PteKind.None, cell.Kind));
    }

    [Fact]
    public void In_a_uffd_armed_vma_every_entry_comes_back_alone() =>
        Assert.Equal((ScanResult.Succeed, 16, ""), SwapIn("s[512+16]", [2, 4, 9], VmaFlags.UffdMissing));

    [Fact]
    public void Where_no_folio_can_be_had_the_next_lower_enabled_order_is_tried_and_counted() =>
        Assert.Equal((ScanResult.Succeed, 4, "2:4 -4:1"), SwapIn("s[512+16]", [2, 4, 9], VmaFlags.None, "swapin-alloc-fails@4"));

    [Fact]
    public void A_size_that_faults_may_not_have_does_not_come_back()
    {
        var scenario = Given.Khugepaged("s[512+16] x*496", Given.Orders(4), 511);
        var settings = scenario.Settings with
        {
            Madvise = OrderSet.Empty,
            Inherit = Given.Orders(4),
            Always = Given.Orders(9),
            MaxPtesSwap = 511
        };
        var run = (scenario with { Settings = settings with { Enabled = GlobalEnabled.Never } }).Run();
        Assert.Equal(16, run.Attempts()[0].Swapin!.Value.SwappedIn);
    }

    [Fact]
    public void What_came_back_before_a_failure_is_a_large_folio_afterwards()
    {
        var run = Given.Khugepaged("s[512+16] g x*495", Given.Orders(4, 9), 511).Run();
        Assert.Equal(ScanResult.Fail, run.Attempts()[0].Status);
        Assert.Equal("F4c g x*495", run.After.ToString());
    }

    [Fact]
    public void Zeroes_among_other_pages_keep_a_folio_from_coming_back()
    {
        var (machine, program) = Process(2, 9);
        program.Write(1, 15);
        program.Cold(9, 1); // splits the folio of pages 8 to 11, so that each is swapped out by itself
        var ptes = machine.Processes[0].TableAt(0).Ptes;
        foreach (int page in new[] { 4, 5, 6, 7, 10 })
            machine.Memory.Contents(ptes[page].Pfn) = 0;
        program.PageOut(1, 15);
        program.Read(1, 15);

        // Zeroes alone come back together, but nothing is read for them and so nothing counted.
        Assert.Equal([0, 2, 0, 2],
            new[] { 1, 4, 8, 12 }.Select(page => (int)machine.Memory.FolioOf(machine.Processes[0].TableAt(0).Ptes[page].Pfn).Order));
        Assert.Equal((1L, 1L), (machine.Statistics[MthpStatistic.Swpin, 2], machine.Statistics[MthpStatistic.SwpinFallback, 2]));
    }

    [Fact]
    public void Pageout_hands_slots_out_in_order_and_a_later_run_gets_the_next_ones()
    {
        var (machine, program) = Process(9);
        program.Write(0, 64);
        program.PageOut(8, 8);
        program.PageOut(0, 4);
        Assert.Equal("8:1+8", Slots(machine).Split(' ')[1]);
        Assert.Equal("0:9+4", Slots(machine).Split(' ')[0]);
    }

    [Fact]
    public void A_large_folio_gets_a_row_of_slots_aligned_to_its_size()
    {
        var (machine, program) = Process(4);
        program.Write(0, 32);
        program.PageOut(16, 16);
        program.PageOut(0, 16);
        Assert.Equal("0:32+16 16:16+16", Slots(machine));
    }

    [Fact]
    public void Slots_that_were_given_back_are_handed_out_again_once_the_cluster_is_used_up()
    {
        var swap = new SwapSpace(new Geometry(3));
        int[] first = [.. Enumerable.Range(0, 7).Select(_ => swap.Take(0))];
        Assert.Equal([1, 2, 3, 4, 5, 6, 7], first);
        var memory = new PhysicalMemory(4, new Statistics());
        int frame = memory.Allocate(0);
        swap.Claim(memory, frame, 3);
        swap.Release(memory, new Pte(PteKind.Swap, PteFlags.None, frame));
        Assert.Equal([3, 8], [swap.Take(0), swap.Take(0)]);
        Assert.Equal(16, swap.Take(2));
    }

    [Theory]
    [InlineData("dontneed")]
    [InlineData("read")]
    [InlineData("free")]
    public void Whatever_ends_a_swap_entry_gives_its_slot_back(string how)
    {
        var (machine, program) = Process(9);
        program.Write(0, 1);
        program.PageOut(0, 1);
        Action<long, long> end = how switch { "dontneed" => program.DontNeed, "read" => program.Read, _ => program.Free };
        end(0, 1);

        // The cluster is empty again, so it is begun anew.
        program.Write(1, 1);
        program.PageOut(1, 1);
        Assert.Equal("1:1+1", Slots(machine));
    }

    private static string Slots(Machine machine) => TableNotation.WriteSlots(TableImage.Read(machine, machine.Processes[0], 0));

    // Its sizes are for faults below the PMD's size.
    private static (Machine Machine, UserProgram Program) Process(params int[] orders)
    {
        var settings = ThpSettings.Defaults(Geometry.X86).WithSizes(Given.Orders(orders).Without(9), SizeEnabled.Madvise);
        var machine = new Machine(Subjects.Linux72, settings);
        var process = machine.AddProcess();
        process.Add(Vma.ExactPmdRange(Geometry.X86));
        return (machine, new UserProgram(machine, process));
    }
}
