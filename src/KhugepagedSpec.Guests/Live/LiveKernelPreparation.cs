using KhugepagedSpec.Guests.Machine;

namespace KhugepagedSpec.Guests.Live;

/// <content>What is set before the first scenario, and stays so.</content>
internal sealed partial class LiveKernel
{
    private const string Balancing = "/sys/kernel/debug/sched/numa_balancing";

    // What is called for each PMD range, the newest first, and which of its arguments is the address.
    private static readonly string[] Visits =
    [
        "collapse_single_pmd addr=$arg1:x64", "collapse_scan_pmd addr=$arg3:x64", "hpage_collapse_scan_pmd addr=$arg3:x64",
            "khugepaged_scan_pmd addr=$arg3:x64",
    ];

    private LiveCounters Prepare()
    {
        var steps = new StepWriter(Type);
        steps.SetThp("use_zero_page", "0");
        ResetSizes();
        SetThp(("defrag", "always"), ("khugepaged/defrag", "1"), ("khugepaged/pages_to_scan", "1000000000"),
            ("khugepaged/alloc_sleep_millisecs", "0"));
        if (Abilities.HasMemcg)
            steps.Set("/cgroup/cgroup.subtree_control", "+memory");
        if (Abilities.HasKsm)
        {
            steps.Set("/sys/kernel/mm/ksm/sleep_millisecs", 0);
            steps.Set("/sys/kernel/mm/ksm/pages_to_scan", 10000);
        }
        _guest.Take(0, steps.Take());

        // Not every kernel has them. kcompactd would lock and move pages whenever it finds memory too fragmented. DAMON samples pages at
        // random, all the time: it takes references and locks, and clears accessed bits.
        foreach (string setting in new[]
        {
            "/proc/sys/vm/page-cluster 0", "/proc/sys/vm/compaction_proactiveness 0",
            "/sys/kernel/mm/transparent_hugepage/shrink_underused 0", "/sys/module/damon_stat/parameters/enabled N",
            "/proc/sys/kernel/numa_balancing 0", "/proc/sys/vm/drop_caches 4", // which says that dropping is not to be logged
        })
            _guest.Take(0, $"set {setting}\n", out _);
        if (Abilities.BalancesNuma)
            BalanceNuma();

        // What a memory cgroup takes for itself no batch takes then.
        var groups = Enumerable.Range(1, Abilities.HasMemcg ? LiveScenarios.Together : 0);
        if (_hasWriters)
            _guest.Take(0, "leave-cpu\n");
        _guest.Take(0, $"share-cpu {_daemonCpu ?? -1}\n");
        _guest.Take(LastProcess, $"{string.Concat(groups.Select(group => $"enter {group}\n"))}soil\n");
        _guest.Take(0, $"end {LastProcess}\n");
        PrepareTracing();
        var counters = new LiveCounters(_guest, Type);
        Observe("scan\n");
        var logged = TakeSplat();
        AtBoot = Abilities.IsHere ? null : logged;
        return counters;
    }

    // All of a process's pages that lie on another node are to be faulted in anew from its first tick on, and at each.
    private void BalanceNuma()
    {
        foreach (string setting in new[]
        {
            $"{Balancing}/scan_delay_ms 0", $"{Balancing}/scan_period_min_ms 1", $"{Balancing}/scan_period_max_ms 1",
            $"{Balancing}/scan_size_mb 1024", "/proc/sys/kernel/numa_balancing 1",
        })
        {
            _guest.Take(0, $"set {setting}\n", out string error);
            if (error.Length > 0)
                throw new GuestException($"--numa-balancing: Linux {Abilities.Release} cannot be told to balance: {error}", []);
        }
    }

    // A function that was inlined, or that gcc changed, has no probe.
    private void PrepareTracing()
    {
        if (!Abilities.HasEvents)
        {
            Abilities = Abilities with { HasProbes = false };
            return;
        }
        var steps = new StepWriter(Type);
        steps.Set($"{Tracing}/buffer_size_kb", 16384);
        steps.Set($"{Tracing}/options/context-info", 0);
        foreach (string name in new[] { "mm_khugepaged_scan_pmd", "mm_collapse_huge_page", "mm_collapse_huge_page_isolate",
            "mm_collapse_huge_page_swapin" })
            steps.Set($"{Tracing}/events/huge_memory/{name}/enable", 1);
        _guest.Take(0, steps.Take());
        _guest.Take(0, $"set {Tracing}/events/huge_memory/mm_khugepaged_scan/enable 1\n", out _); // from 7.2 on
        if (!Abilities.HasProbes)
            return;
        string order = Abilities.CollapsesToMthp ? " order=$arg6:s32" : "";
        bool probesVisits = Visits.Any(visit => Probe(TraceReader.RangeProbe, visit));
        bool probesAttempts = probesVisits && Probe(TraceReader.AttemptProbe, $"collapse_huge_page addr=$arg2:x64{order}");
        Abilities = Abilities with { HasProbes = probesVisits, ProbesAttempts = probesAttempts };
        if (probesVisits)
            _guest.Take(0, $"set {Tracing}/events/kprobes/enable 1\n");

        bool Probe(string name, string what)
        {
            _guest.Take(0, $"append {AllTracing}/kprobe_events p:{name} {what}\n", out string error);
            return error.Length == 0;
        }
    }
}
