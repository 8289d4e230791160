using KhugepagedSpec.Daemon;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Properties;

/// <summary>What released versions, and the non-swap patch, do otherwise.</summary>
public sealed class VersionFacts
{
    private static readonly OrderSet Pmd = Given.Orders(9);

    [Fact]
    public void Up_to_6_17_a_range_without_a_writable_pte_is_left_alone_and_from_6_18_on_it_is_not()
    {
        foreach (var version in Catalogue.Released)
            Assert.Equal(version.Releases!.Last.CompareTo((6, 17)) <= 0 ? ScanResult.PageRo
                : ScanResult.Succeed, Status(version, Given.Khugepaged("h*100 x*412", Pmd, 0) with { Vma = ReadOnly }));
    }

    [Fact]
    public void Up_to_6_17_one_writable_pte_is_enough_and_one_of_a_read_only_vma_is_none()
    {
        Assert.Equal(ScanResult.Succeed, Status(Catalogue.Linux617, Given.Khugepaged("h*100 x h*156 .*255", Pmd, 511)));
        Assert.Equal(ScanResult.PageRo, Status(Catalogue.Linux617, Given.Khugepaged("h*256 .*256", Pmd, 511)));
        Assert.Equal(ScanResult.PageRo, Status(Catalogue.Linux617, Given.Khugepaged("x*512", Pmd, 0) with { Vma = ReadOnly }));
    }

    [Fact]
    public void Up_to_6_17_MADV_COLLAPSE_of_a_read_only_vma_is_EINVAL()
    {
        var scenario = Given.Madvise("x*512") with { Vma = ReadOnly };
        Assert.Equal(Errno.EINVAL, scenario.Run(Catalogue.Linux617, 1)[0].Madvise!.Errno);
        Assert.Equal(Errno.None, scenario.Run(Catalogue.Linux618, 1)[0].Madvise!.Errno);
    }

    [Fact]
    public void Up_to_7_0_clean_lazyfree_pages_are_collapsed_and_from_7_1_on_they_are_not()
    {
        foreach (var version in Catalogue.Released)
        {
            bool hasRule = version.Releases!.Last.CompareTo((7, 1)) >= 0;
            Assert.Equal(hasRule ? ScanResult.PageLazyFree : ScanResult.Succeed, Status(version, Given.Khugepaged("l x*511", Pmd, 0)));
        }
    }

    [Fact]
    public void Up_to_7_1_only_the_pmds_order_exists()
    {
        foreach (var version in Catalogue.Released)
        {
            var windows = Given.Khugepaged("x*16 .*496", Given.Orders(4, 9), 0).Run(version, 1)[0].Windows();
            Assert.Equal(version.Releases!.Last.CompareTo((7, 2)) >= 0 ? "0/4" : "", windows);
        }
    }

    [Fact]
    public void A_vma_protected_against_reads_is_armed()
    {
        var scenario = Given.Khugepaged("x*15 .", Given.Orders(4), 511).WithVma(VmaFlags.UffdRwp);
        Assert.True(scenario.Vma.IsUffdArmed);
        Assert.Equal(ScanResult.ExceedNonePte, scenario.Run(Catalogue.Linux73, 1)[0].Attempts()[0].Status);
    }

    [Fact]
    public void Only_7_3_and_its_candidates_have_read_write_protection() =>
        Assert.Equal([Catalogue.Linux73Rc, Catalogue.Linux73], Catalogue.All.Where(version => version.HasUffdRwp)
            .OrderByDescending(version => version.Name.Length));

    [Fact]
    public void The_result_of_a_protected_pte_has_a_new_name_in_7_3_and_is_printed_as_ever()
    {
        foreach (var version in Catalogue.Released)
        {
            Assert.Equal(version.HasUffdRwp ? "SCAN_PTE_UFFD" : "SCAN_PTE_UFFD_WP", version.Trace.KernelNameOf(ScanResult.PteUffdWp));
            Assert.Equal("pte_uffd_wp", version.Trace.TraceNameOf(ScanResult.PteUffdWp));
        }
    }

    [Theory]
    [InlineData("W")]
    [InlineData("g")]
    [InlineData("k")]
    [InlineData("b")]
    [InlineData("i")]
    public void Under_the_non_swap_patch_a_marker_too_ends_the_scan_and_is_not_counted_as_unmapped(string letter)
    {
        foreach (var version in new[] { Catalogue.Linux72NonSwap, Catalogue.Linux72NonSwapScanOnly })
        {
            var scan = Given.Khugepaged($"x*511 {letter}", Given.Orders(4, 9), 0).Run(version, 1)[0].Report.Tables[0].Scan;
            Assert.Equal((ScanResult.PteNonPresent, 0, 511), (scan.Result, scan.Unmapped, scan.EndedAt));
        }
        Assert.Equal(1, Given.Khugepaged($"x*511 {letter}", Given.Orders(4, 9), 0).Run().Report.Tables[0].Scan.Unmapped);
    }

    [Fact]
    public void Under_the_non_swap_patch_a_marker_consumes_no_max_ptes_swap()
    {
        var scenario = Given.Khugepaged("s x*510 W", Pmd, 0);
        scenario = scenario with { Settings = scenario.Settings with { MaxPtesSwap = 1 } };
        Assert.Equal(ScanResult.PteNonPresent, Status(Catalogue.Linux72NonSwap, scenario));
        Assert.Equal(ScanResult.ExceedSwapPte, Status(Catalogue.Linux72, scenario));
    }

    [Fact]
    public void Swap_entries_of_a_write_protected_page_are_still_swap_to_the_non_swap_patch() =>
        Assert.Equal(ScanResult.PteUffdWp, Status(Catalogue.Linux72NonSwap, Given.Khugepaged("S x*511", Pmd, 0)));

    [Fact]
    public void Scan_only_leaves_out_the_look_before_swap_in()
    {
        Assert.True(Catalogue.Linux72NonSwapScanOnly.Scan.EndsAtNonSwapEntries && Catalogue.Linux72NonSwap.Scan.EndsAtNonSwapEntries);
        Assert.Equal((false, true),
            (Catalogue.Linux72NonSwapScanOnly.SwapinEndsAtNonSwapEntries, Catalogue.Linux72NonSwap.SwapinEndsAtNonSwapEntries));
    }

    [Fact]
    public void With_the_early_look_taken_out_the_late_one_ends_an_attempt_at_a_marker()
    {
        var lateOnly = Catalogue.Linux72NonSwap with { Scan = Catalogue.Linux72.Scan };
        var attempt = Given.Khugepaged("x*511 g", Pmd, 0).Run(lateOnly, 1)[0].Attempts()[0];
        Assert.Equal((ScanResult.PteNonPresent, 0), (attempt.Status, attempt.Swapin!.Value.SwappedIn));
        Assert.Equal(ScanResult.Fail, Given.Khugepaged("x*511 g", Pmd, 0)
            .Run(Catalogue.Linux72NonSwapScanOnly with { Scan = Catalogue.Linux72.Scan }, 1)[0].Attempts()[0].Status);
    }

    [Fact]
    public void Minor_faults_are_not_for_anonymous_memory()
    {
        var scenario = Given.Khugepaged("x*512", Pmd, 0).WithVma(VmaFlags.UffdMinor);
        Assert.Equal(
            "vma: UffdMinor is for shmem and hugetlb, not for anonymous memory: expected UffdMissing, UffdWp or UffdRwp",
            Assert.Throws<FormatException>(() => ScenarioJson.Of(scenario).ToScenario()).Message);
        Assert.DoesNotContain(ScenarioGenerator.Random(7, Geometry.X86).Take(2000), one => one.Vma.Has(VmaFlags.UffdMinor));
    }

    private static Vma ReadOnly => Vma.ExactPmdRange(Geometry.X86) with { Flags = VmaFlags.Anonymous | VmaFlags.HugePage };

    private static ScanResult Status(KhugepagedVersion version, Scenario scenario) => scenario.Run(version, 1)[0].Status();
}
