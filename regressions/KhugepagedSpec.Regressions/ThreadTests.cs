namespace KhugepagedSpec.Regressions;

/// <summary>What the threads on linux-mm drew or asked, as the commands that show it print it.</summary>
[Collection("console")]
public sealed class ThreadTests
{
    // L. Stoakes, 2026-06-04, on v18 patch 11: from (0,9) down to (0,2), then (4,2), (8,3), (8,2). A shared page at the head of
    // each window makes every one of them fail, so that the walk goes through all.
    [Fact]
    public async Task The_walk_goes_from_0_9_down_to_0_2_then_4_2_8_3_8_2() =>
        await Verifier.Verify(Explain("h x*3 h x*3 h x*3 h x*3 .*496", "--enabled", "2,3,4,5,6,7,8,9", "--max-ptes-none", "0"));

    // N. Pache, 2026-05, on v18 patch 11: a half-populated window of a uffd-armed VMA. The walk lets it pass, isolation does not.
    [Theory]
    [InlineData("v17")]
    [InlineData("v18")]
    [InlineData("v18-fixup")]
    [InlineData("linux-7.2")]
    public async Task A_half_populated_window_of_a_uffd_armed_vma(string model) =>
        await Verifier.Verify(Explain("x*8 .*8 .*496", "--enabled", "4", "--uffd", "--model", model)).UseParameters(model);

    // L. Stoakes, 2026-06-04, corrected in the same mail: the order after a window from the highest set bit instead of the lowest.
    [Theory]
    [InlineData("linux-7.2")]
    [InlineData("next-order-from-highest-bit")]
    public async Task The_next_order_by_ilog2_of_the_offset(string model) =>
        await Verifier.Verify(Explain("h x*3 x*4 h x*3 x*4", "--pmd-order", "4", "--enabled", "2,3", "--max-ptes-none", "0", "--all",
            "--model", model)).UseParameters(model);

    // W. Yang, 2026-05, on v18 patch 11: where is a uffd-armed VMA to be noticed? In the walk only, in isolation only (as 7.2
    // does), or at both.
    [Theory]
    [InlineData("uffd-checked-in-walk-only")]
    [InlineData("linux-7.2")]
    [InlineData("v18")]
    public async Task Where_userfaultfd_is_checked(string model) =>
        await Verifier.Verify(Explain("x*12 .*4 x*16 .*480", "--enabled", "4", "--uffd", "--model", model)).UseParameters(model);

    // D. Hildenbrand, 2025-08-21, on v10: with a limit of half the pages a few creep up to a huge page, a promotion a pass.
    [Theory]
    [InlineData("v12")]
    [InlineData("linux-7.2")]
    public async Task Creep(string model) =>
        await Verifier.Verify(Explain("x*3 . x .*3 x .*7", "--pmd-order", "4", "--enabled", "2,3,4", "--max-ptes-none", "7", "--passes",
            "3", "--model", model)).UseParameters(model);

    private static string Explain(params string[] args)
    {
        var (code, output, error) = Cli.Run(["explain", .. args]);
        Assert.Equal((0, ""), (code, error));
        return output;
    }
}
