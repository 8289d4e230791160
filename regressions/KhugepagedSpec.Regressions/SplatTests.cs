using KhugepagedSpec.Guests.Machine;

namespace KhugepagedSpec.Regressions;

/// <summary>What of a kernel's log says that something is wrong.</summary>
public sealed class SplatTests
{
    [Theory]
    [InlineData("BUG: Bad rss-counter state mm:0000000039cbd2c7 type:MM_ANONPAGES val:-4 Comm:init Pid:1")]
    [InlineData("BUG: Bad page state in process khugepaged  pfn:06a00")]
    [InlineData("BUG: Bad page map in process agent  pte:800000000 pmd:12345067")]
    [InlineData("BUG: kernel NULL pointer dereference, address: 0000000000000000")]
    [InlineData("BUG: KASAN: slab-use-after-free in collapse_huge_page+0x12/0x340")]
    [InlineData("BUG: sleeping function called from invalid context at mm/khugepaged.c:1300")]
    [InlineData("kernel BUG at mm/khugepaged.c:790!")]
    [InlineData("BUG kmalloc-64 (Not tainted): Poison overwritten")]
    [InlineData("Oops: general protection fault, probably for non-canonical address 0xdead000000000122: 0000 [#1] SMP PTI")]
    [InlineData("int3: 0000 [#1] PREEMPT SMP NOPTI")]
    [InlineData("WARNING: mm/khugepaged.c:833 at collapse_single_pmd+0x2515/0x26e0, CPU#0: khugepaged/26")]
    [InlineData("WARNING: CPU: 0 PID: 33 at mm/khugepaged.c:1200 collapse_huge_page+0x5a/0x900")]
    [InlineData("WARNING: possible circular locking dependency detected")]
    [InlineData("WARNING: suspicious RCU usage")]
    [InlineData("UBSAN: shift-out-of-bounds in mm/khugepaged.c:1490:20")]
    [InlineData("list_del corruption. prev->next should be ffff888, but was dead000")]
    [InlineData("refcount_t: underflow; use-after-free.")]
    [InlineData("rcu: INFO: rcu_preempt self-detected stall on CPU")]
    [InlineData("rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:")]
    [InlineData("watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [khugepaged:26]")]
    [InlineData("INFO: task khugepaged:26 blocked for more than 120 seconds.")]
    [InlineData("Kernel panic - not syncing: Fatal exception")]
    public void A_kernel_that_complains_is_heard(string line)
    {
        var splat = Splat.First(["zram0: detected capacity change", "------------[ cut here ]------------", $"[   12.345678] {line}",
            "Call Trace:"]);
        Assert.Equal([line, "Call Trace:"], splat!.Lines.ToArray());
    }

    // What stock kernels log while pages are poisoned, cgroups run short, and limits are not supported.
    [Theory]
    [InlineData("Memory failure: 0x6a00: recovery action for dirty LRU page: Recovered")]
    [InlineData("MCE: Killing agent:123 due to hardware memory corruption fault at 7f0000")]
    [InlineData("Injecting memory failure for pfn 0x6a00 at process virtual address 0x100020000000")]
    [InlineData("agent invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0")]
    [InlineData("Memory cgroup out of memory: Killed process 12 (init)")]
    [InlineData("khugepaged: max_ptes_none=3 is not supported for mTHP collapse")]
    [InlineData("zram: Added device: zram0")]
    [InlineData("Spectre V2 : WARNING: Unprivileged eBPF is enabled with eIBRS on, data leaks possible via Spectre v2 BHB attacks!")]
    [InlineData("debugfs: mounted")]
    [InlineData("Adding 131068k swap on /dev/zram0.  Priority:-2 extents:1 across:131068k SS")]
    public void A_kernel_that_does_not_is_not(string line) => Assert.Null(Splat.First([line]));

    [Theory]
    [InlineData(
        "BUG: Bad rss-counter state mm:0000000039cbd2c7 type:MM_ANONPAGES val:-4 Comm:init Pid:1",
        "BUG: Bad rss-counter state mm:00000000012e7110 type:MM_ANONPAGES val:330 Comm:init Pid:1")]
    [InlineData(
        "WARNING: mm/khugepaged.c:833 at collapse_single_pmd+0x2515/0x26e0, CPU#0: khugepaged/26",
        "WARNING: mm/khugepaged.c:833 at collapse_single_pmd+0x2515/0x26e0, CPU#1: agent/57")]
    public void Two_of_a_kind_are_the_same_one(string one, string other)
    {
        Assert.Equal(Splat.First([one])!.Kind, Splat.First([other])!.Kind);
        Assert.NotEqual(Splat.First([one])!.Kind,
            Splat.First([other.Replace("833", "834", StringComparison.Ordinal).Replace("ANON", "FILE", StringComparison.Ordinal)])!.Kind);
    }

    [Fact]
    public void A_stall_may_be_the_hosts_fault_and_nothing_else()
    {
        Assert.True(Splat.First(["rcu: INFO: rcu_preempt self-detected stall on CPU"])!.IsOfTime);
        Assert.True(Splat.First(["watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [khugepaged:26]"])!.IsOfTime);
        Assert.False(Splat.First(["BUG: Bad page state in process khugepaged  pfn:06a00"])!.IsOfTime);
    }

    [Fact]
    public void A_long_one_is_cut() =>
        Assert.Equal(Splat.MostLines, Splat.First(Enumerable.Repeat("WARNING: a.c:1", 100))!.Lines.Length);

    [Theory]
    [InlineData("Oops: int3: 0000 [#1] SMP NOPTI", true, 2, true)]
    [InlineData("int3: 0000 [#1] PREEMPT SMP NOPTI", true, 2, true)]
    [InlineData("Oops: int3: 0000 [#1] SMP NOPTI", true, 1, false)]
    [InlineData("Oops: int3: 0000 [#1] SMP NOPTI", false, 2, false)]
    [InlineData("Oops: general protection fault: 0000 [#1] SMP NOPTI", true, 2, false)]
    [InlineData("kernel BUG at mm/khugepaged.c:790!", true, 2, false)]
    public void Emulation_loses_a_guest_of_several_CPUs_to_a_breakpoint_alone(string line, bool isEmulated, int cpus, bool isLost) =>
        Assert.Equal(isLost, Emulation.MayHaveLost(Splat.First([line]), isEmulated, cpus));

    [Theory]
    [InlineData(1, true, 2)]
    [InlineData(2, true, 3)]
    [InlineData(3, true, null)]
    [InlineData(1, false, null)]
    public void What_emulation_lost_is_done_again_twice_and_what_the_kernel_lost_is_not(int losses, bool isOfEmulation, int? answer)
    {
        int tries = 0, told = 0;
        int Work() => ++tries > losses ? tries : throw new GuestException("ended", []) { IsOfEmulation = isOfEmulation };
        if (answer is null)
            Assert.Throws<GuestException>(() => Emulation.Retry(Work, _ => told++));
        else
            Assert.Equal(answer, Emulation.Retry(Work, _ => told++));
        Assert.Equal(isOfEmulation ? Math.Min(losses, 2) : 0, told);
    }
}
