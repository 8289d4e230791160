using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;
using KhugepagedSpec.UserSpace;

namespace KhugepagedSpec.Daemon;

/// <summary>A scenario as the arguments of <c>explain</c> that show it.</summary>
internal static class ScenarioText
{
    /// <summary>The arguments, quoted for a shell.</summary>
    public static string Arguments(Scenario scenario)
    {
        var settings = scenario.Settings;
        var defaults = ThpSettings.Defaults(settings.Geometry);
        var words = new List<string>
        {
            scenario.Program.IsEmpty ? $"'{scenario.Table}'" : $"--program '{ProgramStep.Write(scenario.Program, settings.Geometry)}'",
        };
        if (scenario.Machine != MachineType.X86)
            words.Add($"--machine {scenario.Machine.Name}");
        if (settings.Geometry != scenario.Machine.Geometry)
            words.Add($"--pmd-order {settings.Geometry.PmdOrder}");
        AddList("--enabled", settings.Madvise);
        AddList("--always", settings.Always);
        if (settings.Inherit != defaults.Inherit || !(settings.Madvise | settings.Always).IsEmpty)
            AddList("--inherit", settings.Inherit);
        if ((settings.Madvise | settings.Always | settings.Inherit).IsEmpty)
            words.Add("--enabled none");
        AddNumber("--max-ptes-none", settings.MaxPtesNone, defaults.MaxPtesNone);
        AddNumber("--max-ptes-swap", settings.MaxPtesSwap, defaults.MaxPtesSwap);
        AddNumber("--max-ptes-shared", settings.MaxPtesShared, defaults.MaxPtesShared);
        if (settings.Enabled != defaults.Enabled)
            words.Add($"--global {settings.Enabled.ToString().ToLowerInvariant()}");
        if (scenario.Kind == CollapseKind.Madvise)
            words.Add("--kind madvise");
        if (scenario.Program.IsEmpty)
            AddVma(words, scenario);
        if (scenario.ThpDisable != ThpDisable.No)
            words.Add($"--thp-disable {scenario.ThpDisable.ToString().ToLowerInvariant()}");
        if (scenario.Numa.NodeReclaim)
            words.Add("--far-nodes");
        words.AddRange(scenario.Faults.Select(fault => $"--fail {fault}"));
        return string.Join(' ', words);

        void AddList(string option, OrderSet orders)
        {
            if (!orders.IsEmpty)
                words.Add($"{option} {orders}");
        }

        void AddNumber(string option, int value, int usual)
        {
            if (value != usual)
                words.Add($"{option} {value}");
        }
    }

    /// <summary>What the arguments leave out, in words.</summary>
    public static IEnumerable<string> Unsaid(Scenario scenario)
    {
        var (settings, vma, geometry) = (scenario.Settings, scenario.Vma, scenario.Table.Geometry);
        var defaults = ThpSettings.Defaults(settings.Geometry);
        if (settings.Geometry != geometry)
            yield return $"settings of PMD order {settings.Geometry.PmdOrder}";
        if (settings.PagesToScan != defaults.PagesToScan)
            yield return $"pages_to_scan {settings.PagesToScan}";
        if (settings.ScanSleepMilliseconds != defaults.ScanSleepMilliseconds)
            yield return $"scan_sleep_millisecs {settings.ScanSleepMilliseconds}";
        if (settings.AllocSleepMilliseconds != defaults.AllocSleepMilliseconds)
            yield return $"alloc_sleep_millisecs {settings.AllocSleepMilliseconds}";
        if (settings.UseZeroPage != defaults.UseZeroPage)
            yield return $"use_zero_page {(settings.UseZeroPage ? 1 : 0)}";
        if (settings.HardwareHasThp != defaults.HardwareHasThp)
            yield return "hardware without huge pages";
        if (!scenario.Program.IsEmpty)
        {
            if (Scenario.Of(scenario.Program, geometry) is var made
                && (!made.Table.Equals(scenario.Table) || made.Vma != vma || made.Numa != scenario.Numa))
                yield return "a table, VMA or nodes beside the program";
            yield break;
        }
        var unknown = vma.Flags & ~Said;
        if (unknown != VmaFlags.None || !vma.Has(VmaFlags.Anonymous) || vma.Has(VmaFlags.HugePage | VmaFlags.NoHugePage)
            || vma.Has(VmaFlags.UffdWp | VmaFlags.UffdRwp))
            yield return $"VMA flags {vma.Flags}";
        if (!vma.HasAnonVma && Scenario.NeedsAnonVma(scenario.Table))
            yield return "no anon_vma";
        if (vma.End <= vma.Start || vma.Start >= geometry.Pages || vma.End <= 0)
            yield return $"VMA of pages {vma.Start} to {vma.End - 1}";
        if (scenario.Numa != Scenario.NodesOf(scenario.Table, scenario.Numa.NodeReclaim))
            yield return $"{scenario.Numa.Nodes} nodes";
    }

    // As the option writes them.
    private static readonly (VmaFlags Flags, string Word)[] Modes =
    [
        (VmaFlags.UffdMissing, "missing"), (VmaFlags.UffdWp, "wp"), (VmaFlags.UffdRwp, "rwp"),
            (VmaFlags.UffdMissing | VmaFlags.UffdWp, "both"),
        (VmaFlags.UffdMissing | VmaFlags.UffdRwp, "missing,rwp"),
    ];

    private const VmaFlags Uffd = VmaFlags.UffdMissing | VmaFlags.UffdWp | VmaFlags.UffdRwp,
        Said = VmaFlags.Anonymous | VmaFlags.Write | VmaFlags.HugePage | VmaFlags.NoHugePage | VmaFlags.Locked | VmaFlags.Droppable | Uffd;

    // A program makes its VMA itself.
    private static void AddVma(List<string> words, Scenario scenario)
    {
        if (Modes.FirstOrDefault(mode => mode.Flags == (scenario.Vma.Flags & Uffd)).Word is { } mode)
            words.Add($"--uffd {mode}");
        foreach (var (flag, word) in new[]
        {
            (VmaFlags.Locked, "--mlock"), (VmaFlags.Droppable, "--droppable"), (VmaFlags.NoHugePage, "--nohugepage"),
        })
        {
            if (scenario.Vma.Has(flag))
                words.Add(word);
        }
        if (!scenario.Vma.Has(VmaFlags.Write))
            words.Add("--read-only");
        if (!scenario.Vma.Has(VmaFlags.HugePage) && !scenario.Vma.Has(VmaFlags.NoHugePage))
            words.Add("--no-madvise");
        if ((scenario.Vma.Start, scenario.Vma.End) != (0, scenario.Table.Geometry.Pages))
            words.Add($"--vma {scenario.Vma.Start}-{scenario.Vma.End - 1}");
        if (scenario.Vma.HasAnonVma && !Scenario.NeedsAnonVma(scenario.Table))
            words.Add("--anon-vma");
    }
}
