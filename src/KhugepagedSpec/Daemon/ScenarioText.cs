using KhugepagedSpec.Collapse;
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
        if (settings.Geometry != Geometry.X86)
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
        words.AddRange(scenario.Mishaps.Select(mishap => $"--fail {mishap}"));
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

    // A program makes its VMA itself.
    private static void AddVma(List<string> words, Scenario scenario)
    {
        foreach (var (flag, word) in new[]
        {
            (VmaFlags.UffdMissing | VmaFlags.UffdWp, "--uffd both"), (VmaFlags.UffdMissing, "--uffd missing"), (VmaFlags.UffdWp, "--uffd wp"),
            (VmaFlags.UffdRwp, "--uffd rwp"), (VmaFlags.Locked, "--mlock"), (VmaFlags.Droppable, "--droppable"),
            (VmaFlags.NoHugePage, "--nohugepage"),
        })
        {
            if (scenario.Vma.Has(flag) && !(word.StartsWith("--uffd", StringComparison.Ordinal) && words.Contains("--uffd both")))
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
