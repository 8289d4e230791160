using System.Text.Json;

namespace KhugepagedSpec.Regressions;

/// <summary>What explain says was in the way.</summary>
[Collection("console")]
public sealed class ReasonTests
{
    [Theory]
    [InlineData("the folio of PTE 12 is pinned: 1 reference beyond its mappings", "x*12 p x*499")]
    [InlineData("255 of 256 referenced, and half of the 512 must be, because PTE 511 is a swap entry", "x*255 o*256 s")]
    [InlineData("0 of 1 referenced: none of the 512 PTEs was referenced", "o*512")]
    [InlineData("max_ptes_none 0 allows 0, found 1 at PTE 12, empty", "x*12 . x*499", "--max-ptes-none", "0")]
    [InlineData("max_ptes_none 0 allows 0, found 1 at PTE 12, the zero page", "x*12 z x*499", "--max-ptes-none", "0")]
    [InlineData("userfaultfd (the VMA is armed) allows 0, found 1 at PTE 12, empty", "x*12 . x*499", "--uffd")]
    [InlineData("other sizes than the PMD's are enabled, which allows 511, found 512 at PTE 511, empty", ".*512", "--enabled", "4,9",
        "--anon-vma")]
    [InlineData("max_ptes_swap 2 allows 2, found 3 at PTE 14, a swap entry", "x*12 s*3 x*497", "--max-ptes-swap", "2")]
    [InlineData("max_ptes_shared 1 allows 1, found 2 at PTE 13", "x*12 h*3 x*497", "--max-ptes-shared", "1")]
    [InlineData("isolation: max_ptes_shared 256 at order 4 allows 0, found 1 at PTE 3", "x*3 h x*508", "--enabled", "4")]
    [InlineData("swap-in: max_ptes_swap 64 at order 4 allows 0, found 1 at PTE 3, a swap entry", "x*3 s x*508", "--enabled", "4")]
    [InlineData("isolation: PTE 16 belongs to a folio of order 5, and order 4 is tried", "x*16 f5[0+16] x*480", "--enabled", "4")]
    [InlineData("allocation: no folio of order 9 (512 pages) could be had", "x*512", "--fail", "alloc-fails@9")]
    [InlineData("allocation: the memory cgroup refused the charge of 512 pages", "x*512", "--fail", "charge-fails@9")]
    [InlineData("revalidation under the read lock: the VMA spans pages 0 to 510, and must span 0 to 511 at every order", "x*512",
        "--enabled", "4", "--fail", "vma-shrinks#1")]
    [InlineData("revalidation under the write lock: order 4 is not allowed here any more, only 2", "x*512", "--enabled", "2,4", "--fail",
        "size-turned-off/write@4#1")]
    [InlineData("swap-in: the fault on PTE 511 failed", "x*511 s", "--fail", "swapin-fails")]
    [InlineData("copy: reading the page of PTE 0 hit a memory error", "x*512", "--fail", "copy-fails")]
    [InlineData("the PMD entry over PTEs 0 to 511 maps a huge page", "m9")]
    [InlineData("not scanned: linux-7.1 knows the PMD size only, order 9, and what is enabled for this VMA is order 4", "x*512",
        "--enabled", "4", "--model", "linux-7.1")]
    [InlineData("not scanned: the VMA does not span the PMD range: it has pages 0 to 510, and 0 to 511 are needed", "x*512", "--vma",
        "0-510", "--enabled", "4")]
    [InlineData("not scanned: the process refuses THP (PR_SET_THP_DISABLE)", "x*512", "--thp-disable", "completely")]
    [InlineData("not scanned: the VMA has VM_NOHUGEPAGE", "x*512", "--nohugepage")]
    [InlineData("not scanned: no size is enabled for this VMA, which is not advised: madvise 4, always none, inherit none of madvise",
        "x*512", "--enabled", "4", "--no-madvise")]
    [InlineData("0/4       max_ptes_none 64 is not supported below the PMD order, where only 0 and the maximum are, stop", "x*16 .*496",
        "--enabled", "4", "--max-ptes-none", "64", "--model", "v17")]
    [InlineData("16/4      1 of 4 chunks, 4 needed: skipped, lower", "x*16 .*496", "--enabled", "4", "--max-ptes-none", "64", "--model",
        "v5")]
    [InlineData("waits for ever for the mmap lock that attempt 1 did not give back", "s x*511", "--enabled", "4", "--model", "v5")]
    [InlineData("511 pages and 1 not present, 1 needed: tried, 1 swapped in, SCAN_SUCCEED", "x*511 s")]
    public void Named_is(string words, params string[] args)
    {
        var (code, output, error) = Cli.Run(["explain", .. args]);
        Assert.Equal((0, ""), (code, error));
        Assert.Contains(words, output, StringComparison.Ordinal);
    }

    [Fact]
    public void As_JSON_it_has_the_step_the_PTE_and_the_figures()
    {
        var (code, output, _) = Cli.Run("explain", "x*12 p x*499", "--json");
        Assert.Equal(0, code);
        var why = JsonDocument.Parse(output).RootElement.GetProperty("passes")[0].GetProperty("ranges")[0].GetProperty("why");
        Assert.Equal(("Scan", "Pinned"), (why.GetProperty("step").GetString(), why.GetProperty("cause").GetString()));
        Assert.Equal((12, 1), (why.GetProperty("pte").GetInt32(), why.GetProperty("found").GetInt32()));
    }

    [Theory]
    [InlineData("--uffd: expected it with TABLE or --program: what is searched are settings and tables", "v17", "linux-7.2", "--uffd")]
    [InlineData("--pmd-order: expected it with TABLE", "v17", "linux-7.2", "--pmd-order", "4")]
    [InlineData("--json contradicts --all", "--all", "--json")]
    [InlineData("TABLE contradicts --classes", "v17", "v18", "x*512", "--classes")]
    [InlineData("--in: 'steps': expected attempts, table, result, counters, trace", "v17", "v18", "--in", "steps")]
    public void What_diff_does_not_honour_it_refuses(string words, params string[] args)
    {
        var (code, output, error) = Cli.Run(["diff", .. args]);
        Assert.Equal((2, ""), (code, output));
        Assert.Contains(words, error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd('\n').Split('\n'));
    }

    [Fact]
    public void Diff_keeps_to_the_settings_given_and_says_it_in_JSON()
    {
        var (code, output, _) = Cli.Run("diff", "v17", "linux-7.2", "--enabled", "16k", "--max-ptes-none", "0", "--in", "result", "--json");
        Assert.Equal(1, code);
        var root = JsonDocument.Parse(output).RootElement;
        Assert.Equal(["result"], root.GetProperty("in").EnumerateArray().Select(one => one.GetString()));
        string scenario = root.GetProperty("difference").GetProperty("scenario").GetString()!;
        Assert.Contains("--enabled 2 --max-ptes-none 0", scenario, StringComparison.Ordinal);
        Assert.Equal(0, Cli.Run("diff", "v17", "linux-7.2", "x*512", "--enabled", "16k", "--max-ptes-none", "0").Code);
    }

    [Fact]
    public void A_program_is_what_diff_compares_on_when_it_is_given()
    {
        var (code, output, error) =
            Cli.Run("diff", "linux-7.1", "linux-7.2", "--program", "mmap, read 0+1, madvise, touch 8+1, madvise", "--enabled", "9");
        Assert.Equal((1, ""), (code, error));
        Assert.Contains("not scanned", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Prove_says_what_it_leaves_open_and_ends_with_3_unless_something_is_refuted()
    {
        Assert.Equal(0, Cli.Run("prove", "--order", "4").Code);
        var (code, output, _) = Cli.Run("prove", "--order", "4", "--model", "none-limit-forgotten");
        Assert.Equal(3, code);
        Assert.Contains("  open     no-none-creep", output, StringComparison.Ordinal);
        (code, output, _) = Cli.Run("prove", "--order", "4", "--model", "v12");
        Assert.Equal(1, code);
        Assert.Contains("  REFUTED  settles", output, StringComparison.Ordinal);
        Assert.DoesNotContain("proved   settles", output, StringComparison.Ordinal);
    }
}
