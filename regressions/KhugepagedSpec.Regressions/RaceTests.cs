using KhugepagedSpec.Guests.Race;
using KhugepagedSpec.Races;

namespace KhugepagedSpec.Regressions;

/// <summary>What a race is recorded with, and what is counted of its trace.</summary>
[Collection("console")]
public sealed class RaceTests
{
    private const ulong Start = 0xffffffff81000000;

    private static readonly string[] Callees =
    [
        "down_write", "check_pmd_state", "__vma_start_write", "pte_offset_map_lock", "pte_none_or_zero", "release_pte_pages",
        "pmd_populate",
        "folio_isolate_lru", "release_pte_folio", "map_anon_folio_pte_nopf",
    ];

    // The order of the calls in 7.2.13's and 7.3.4's collapse_huge_page, of those that matter.
    private static readonly string[] Calls =
    [
        "check_pmd_state", "down_write", "__vma_start_write", "check_pmd_state", "down_write", "pte_offset_map_lock", "pte_none_or_zero",
        "release_pte_pages", "pmd_populate", "folio_isolate_lru", "pte_none_or_zero", "pmd_populate", "release_pte_pages",
        "pte_none_or_zero", "release_pte_folio", "pmd_populate", "map_anon_folio_pte_nopf",
    ];

    // mov (%r15),%r12; mov %r12,%rdi: then a call follows.
    private static readonly byte[] Loads = [0x4d, 0x8b, 0x27, 0x4c, 0x89, 0xe7];

    [Fact]
    public void Every_actor_of_a_kernel_is_one_of_the_models() =>
        Assert.Subset(Actor.All.Select(actor => actor.Name).ToHashSet(), RaceActor.All.Select(actor => actor.Name).ToHashSet());

    [Fact]
    public void Every_actor_is_known_to_the_guests_program()
    {
        string source = File.ReadAllText(Repository.At("src", "KhugepagedSpec.Guests", "Machine", "race.c"));
        Assert.All(RaceActor.All, actor => Assert.Contains($"    {{ \"{actor.Name}\", ", source, StringComparison.Ordinal));
        Assert.Equal(RaceActor.All.Length, source.Split('\n').Count(line => line.StartsWith("    { \"", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("ksm")]
    [InlineData("exit")]
    public void An_actor_that_cannot_be_on_a_kernel_is_told_from_no_actor(string name)
    {
        var (code, _, error) = Cli.Run("kernel", "race", "--actors", $"fault,{name}");
        Assert.Equal(2, code);
        Assert.StartsWith($"khugepaged-spec: --actors: '{name}' cannot be on a kernel: expected fault, ", error, StringComparison.Ordinal);
        Assert.DoesNotContain("cannot", Cli.Run("kernel", "race", "--actors", "nobody").Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_site_is_found_by_what_is_called_around_it()
    {
        var (kernel, code) = Image(Calls);
        var probes = Sites(kernel, code);
        Assert.Equal(CallSite.All.Select(site => site.Name), probes.Keys);
        Assert.All(probes.Values, line => Assert.StartsWith("p:k/", line, StringComparison.Ordinal));
        Assert.Equal($"p:k/iso collapse_huge_page+0x{At(6):x} ptep=%r15:x64 pte=%di:x64", probes["iso"]);
        Assert.Equal($"p:k/copy collapse_huge_page+0x{At(10):x} pte=%di:x64", probes["copy"]);
        Assert.Equal($"p:k/pmdback collapse_huge_page+0x{At(8):x} pmd=%si:x64", probes["pmdback"]);
        Assert.Equal($"p:k/pmdpop collapse_huge_page+0x{At(15):x} pmd=%si:x64", probes["pmdpop"]);
        Assert.Equal($"p:k/pmdchk collapse_huge_page+0x{At(3) + 5:x} result=%ax:s32", probes["pmdchk"]);
        Assert.Equal($"p:k/anonw_r collapse_huge_page+0x{At(4) + 5:x}", probes["anonw_r"]);
    }

    [Theory]
    [InlineData("__vma_start_write", "pmdchk", "collapse_huge_page has 0 such calls of check_pmd_state: expected 1")]
    [InlineData("folio_isolate_lru", "iso", "collapse_huge_page has 0 such calls of pte_none_or_zero: expected 1")]
    public void A_site_that_is_not_told_from_others_is_left_out_and_said(string without, string site, string why)
    {
        var (kernel, code) = Image([.. Calls.Where(callee => callee != without)]);
        Assert.Equal(why, Sites(kernel, code)[site]);
    }

    [Fact]
    public void Two_such_sites_are_none()
    {
        var (kernel, code) = Image([.. Calls, .. Calls]);
        Assert.Equal("collapse_huge_page has 2 such calls of folio_isolate_lru: expected 1", Sites(kernel, code)["isolru"]);
    }

    [Fact]
    public void Without_the_register_that_held_the_address_there_is_no_probe_of_a_PTE()
    {
        var (kernel, code) = Image(Calls);
        code[At(6) - 6] = 0x90;
        Assert.StartsWith($"collapse_huge_page+0x{At(6):x}: no register holds ", Sites(kernel, code)["iso"], StringComparison.Ordinal);
    }

    [Fact]
    public void A_function_is_found_under_the_name_that_gcc_gave_it()
    {
        var kernel = new KernelText(
        [
            "ffffffff81000100 t hugepage_vma_revalidate.isra.0.cold", "ffffffff81000200 t hugepage_vma_revalidate.isra.0",
            "ffffffff81000300 d jiffies",
        ]);
        Assert.Equal("hugepage_vma_revalidate.isra.0", kernel.SymbolOf("hugepage_vma_revalidate"));
        Assert.Null(kernel.SymbolOf("jiffies"));
    }

    [Fact]
    public void The_kernels_text_is_found_in_its_core_file()
    {
        ulong[] core = new ulong[64];
        core[0] = 0x00010102464c457f;
        core[4] = 64;
        core[7] = 2 | (2UL << 16);
        (core[8], core[9], core[10], core[12]) = (1, 0x1000, 0xffff888000000000, 0x1000);
        (core[15], core[16], core[17], core[19]) = (1, 256, Start, 64);
        (core[32], core[33]) = (0x0807060504030201, 0x100f0e0d0c0b0a09);
        var kernel = new KernelCore((first, count) => [.. core.Skip((int)first).Take(count)]);
        Assert.Equal(new byte[] { 4, 5, 6, 7, 8, 9, 10 }, kernel.Read(Start + 3, 7));
        Assert.Null(kernel.Read(Start + 60, 8));
    }

    [Fact]
    public void Who_acts_between_two_steps_is_counted_there_and_nowhere_else()
    {
        var coverage = new RaceCoverage([("khugepaged", 42), ("fault", 118), ("dontneed", 119)]);
        foreach (string line in new[]
        {
            "# tracer: nop",
            Event("race-fault", 118, 3, "hmf: (handle_mm_fault+0x4/0x2c0) addr=0x1 flags=0x1255"),
            Event("khugepaged", 42, 4, "chp: (collapse_huge_page+0x0/0x10) mm=0x1 addr=0x1 order=2"),
            Event("race-fault", 118, 5, "hmf: (handle_mm_fault+0x4/0x2c0) addr=0x1 flags=0x1255"),
            Event("race-fault", 118, 6, "hmf_r: (do_user_addr_fault+0x2cd/0x840 <- handle_mm_fault) ret=0x0"),
            Event("khugepaged", 42, 7, "vsw: (__vma_start_write+0x4/0xe0) vma=0x1"),
            Event("race-dontneed", 119, 8, "mmap_lock_released: mm=0x1 memcg_id=1 write=false"),
            Event("race-fork", 200, 9, "mmap_lock_released: mm=0x1 memcg_id=1 write=false"),
            Event("khugepaged", 42, 10, "vsw_r: (collapse_huge_page+0x3b9/0x16a0 <- __vma_start_write)"),
            Event("khugepaged", 42, 11, "mm_collapse_huge_page: mm=0x1, isolated=0, status=no_pte_table order=2"),
            Event("khugepaged", 42, 12, "chp_r: (mthp_collapse+0x1/0x2 <- collapse_huge_page) result=2"),
            Event("race-dontneed", 119, 13, "mmap_lock_released: mm=0x1 memcg_id=1 write=false"),
        })
            coverage.Count(line);
        Assert.Equal((1, 1), (coverage.Attempts, coverage.WithCompany));
        Assert.Equal(["fault"], coverage.Gaps[("chp", "vsw")].Keys);
        Assert.Equal(["dontneed", "fork"], coverage.Gaps[("vsw", "vsw_r")].Keys.Order());
        Assert.Empty(coverage.Gaps[("vsw_r", "chp_r")]);
        var (all, withCompany, by) = coverage.Results["no_pte_table"];
        Assert.Equal((1, 1, 3), (all, withCompany, by.Count));
        Assert.Equal(3, coverage.Events["fault"]);
    }

    private static string Event(string task, int thread, int at, string what) => $"{task,16}-{thread,-7} [000] ..... {at,12}: {what}";

    private static int At(int call) => (call * 16) + 6;

    private static Dictionary<string, string> Sites(KernelText kernel, byte[] code) => CallSite.All.ToDictionary(site => site.Name,
        site => site.Probe(kernel.Calls(Start, code), code, out string why) ?? why);

    // A function that makes these calls, 16 bytes each.
    private static (KernelText Kernel, byte[] Code) Image(string[] calls)
    {
        byte[] code = new byte[calls.Length * 16];
        for (int i = 0; i < calls.Length; i++)
        {
            int at = At(i);
            Loads.CopyTo(code, at - Loads.Length);
            code[at] = 0xe8;
            BitConverter.TryWriteBytes(code.AsSpan(at + 1), 0x1000 + (Array.IndexOf(Callees, calls[i]) * 16) - (at + 5));
        }
        return (new KernelText(
        [
            $"{Start:x} t collapse_huge_page",
            .. Callees.Select((callee, number) => $"{Start + 0x1000 + ((ulong)number * 16):x} T {callee}"),
        ]), code);
    }
}
