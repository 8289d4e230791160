using KhugepagedSpec.Daemon;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;
using KhugepagedSpec.UserSpace;

namespace KhugepagedSpec.Properties;

/// <summary>What two scenarios differ in, and what the arguments of one do not say, is named.</summary>
public sealed class ScenarioDifferenceFacts
{
    private static readonly Scenario Usual = Scenario.Of(PageTable.Parse("x*16 .*496", Geometry.X86));

    private static readonly (string Part, bool IsSaid, Func<Scenario, Scenario> Change)[] Changes =
    [
        ("PMD order", true, s => Scenario.Of(PageTable.Parse("x*4 .*12", new Geometry(4)))),
        ("PMD entry", true, s => s with { Table = PageTable.Empty(Geometry.X86, PmdState.None) }),
        ("PTE 3", true, s => s with { Table = PageTable.Parse("xxxs x*12 .*496", Geometry.X86) }),
        ("VMA flags", true, s => s with { Vma = s.Vma with { Flags = s.Vma.Flags | VmaFlags.Locked } }),
        ("VMA flags", false, s => s with { Vma = s.Vma with { Flags = s.Vma.Flags | VmaFlags.TemporaryStack } }),
        ("VMA's first page", true, s => s with { Vma = s.Vma with { Start = 1 } }),
        ("VMA's last page", true, s => s with { Vma = s.Vma with { End = 100 } }),
        ("VMA's last page", false, s => s with { Vma = s.Vma with { End = 0 } }),
        ("anon_vma", false, s => s with { Vma = s.Vma with { HasAnonVma = false } }),
        ("enabled", true, With(t => t with { Enabled = GlobalEnabled.Never })),
        ("sizes set to always", true, With(t => t.WithSizes(OrderSet.Of(4), SizeEnabled.Always))),
        ("sizes set to madvise", true, With(t => t.WithSizes(OrderSet.Of(4), SizeEnabled.Madvise))),
        ("sizes set to inherit", true, With(t => t with { Inherit = OrderSet.Empty })),
        ("max_ptes_none", true, With(t => t with { MaxPtesNone = 3 })),
        ("max_ptes_swap", true, With(t => t with { MaxPtesSwap = 3 })),
        ("max_ptes_shared", true, With(t => t with { MaxPtesShared = 3 })),
        ("pages_to_scan", false, With(t => t with { PagesToScan = 3 })),
        ("scan_sleep_millisecs", false, With(t => t with { ScanSleepMilliseconds = 3 })),
        ("alloc_sleep_millisecs", false, With(t => t with { AllocSleepMilliseconds = 3 })),
        ("use_zero_page", false, With(t => t with { UseZeroPage = !t.UseZeroPage })),
        ("settings", false, With(t => t with { HardwareHasThp = !t.HardwareHasThp })),
        ("kind", true, s => s with { Kind = CollapseKind.Madvise }),
        ("PR_SET_THP_DISABLE", true, s => s with { ThpDisable = ThpDisable.Completely }),
        ("machine", true, s => s with { Machine = MachineType.Arm64With4K }),
        ("NUMA", true, s => s with { Numa = NumaTopology.TwoFarNodes }),
        ("NUMA", false, s => s with { Numa = NumaTopology.Of(3, areFar: false) }),
        ("faults", true, s => s with { Faults = [FaultInjection.Parse("alloc-fails@4")] }),
        ("program", false, s => s with { Program = [.. ProgramStep.Parse("mmap, touch 0+4", Geometry.X86)] }),
    ];

    [Fact]
    public void The_first_part_that_differs_is_named_with_both_values()
    {
        Assert.Null(ScenarioDifference.First(Usual, Usual with { }));
        Assert.All(Changes, change =>
        {
            var changed = change.Change(Usual);
            Assert.NotEqual(Usual, changed);
            Assert.StartsWith(change.Part, ScenarioDifference.First(Usual, changed), StringComparison.Ordinal);
            Assert.StartsWith(change.Part, ScenarioDifference.First(changed, Usual), StringComparison.Ordinal);
        });
        Assert.Equal("max_ptes_none: 3 instead of 511",
            ScenarioDifference.First(Usual, Usual with { Settings = Usual.Settings with { MaxPtesNone = 3 } }));
    }

    [Fact]
    public void What_arguments_do_not_say_is_said_beside_them()
    {
        Assert.All(Changes, change => Assert.Equal(change.IsSaid, change.Change(Usual).Unsaid.IsEmpty));
        Assert.All(Changes.Where(change => !change.IsSaid), change =>
            Assert.Contains(" (and ", $"{change.Change(Usual)}", StringComparison.Ordinal));
    }

    private static Func<Scenario, Scenario> With(Func<ThpSettings, ThpSettings> change) =>
        scenario => scenario with { Settings = change(scenario.Settings) };
}
