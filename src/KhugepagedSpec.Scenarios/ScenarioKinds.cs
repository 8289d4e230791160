using System.Collections.Immutable;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;
using KhugepagedSpec.UserSpace;

namespace KhugepagedSpec.Scenarios;

/// <summary>One thing that a scenario can have.</summary>
/// <param name="Family">What it is one of: <c>letter</c>, <c>attribute</c>, <c>fault</c>.</param>
/// <param name="Name">Which one.</param>
/// <param name="IsIn">Whether a scenario has it.</param>
public sealed record ScenarioKind(string Family, string Name, Func<Scenario, bool> IsIn)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Family} {Name}";
}

/// <summary>
/// Everything that a scenario can have, taken from the lists that say what there is: the notation, the faults, the settings. What
/// is added to one of them is here of itself, and wants its share of what is generated.
/// </summary>
public static class ScenarioKinds
{
    /// <summary>Flags of a VMA that are not generated, and why.</summary>
    public static ImmutableDictionary<VmaFlags, string> NotGenerated { get; } = new Dictionary<VmaFlags, string>
    {
        [VmaFlags.None] = "no flag",
        [VmaFlags.UffdMinor] = "cannot be registered on anonymous memory",
        [VmaFlags.UffdRwp] = "7.3 alone has it, and every other version refuses it; drawn for kernels that have it",
        [VmaFlags.NoKhugepaged] = "never looked at, and no way to write it as a command",
        [VmaFlags.TemporaryStack] = "never looked at, and no way to write it as a command",
    }.ToImmutableDictionary();

    /// <summary>All of them.</summary>
    public static ImmutableArray<ScenarioKind> All { get; } =
    [
        .. TableNotation.Letters.Select(
            letter => new ScenarioKind("letter", $"{letter.Letter}", scenario => scenario.Table.Cells.Contains(letter.Cell))),
        .. TableNotation.Attributes.Select(
            attribute => new ScenarioKind("attribute", $"{attribute.Letter}", scenario => HasAttribute(scenario.Table, attribute.Letter))),
        .. Enum.GetValues<PmdState>().Select(state => new ScenarioKind("PMD entry", $"{state}", scenario => scenario.Table.Pmd == state)),
        .. FaultInjection.Names.Where(named => named.What < InjectedFault.PageTurnsExclusive)
            .SelectMany(named => FaultInjection.GapsOf(named.What)
            .Select(gap => Fault(new FaultInjection(named.What, gap)))),
        .. Enum.GetValues<CollapseKind>().Select(kind => new ScenarioKind("who", $"{kind}", scenario => scenario.Kind == kind)),
        .. Enum.GetValues<GlobalEnabled>()
            .Select(value => new ScenarioKind("global", $"{value}", scenario => scenario.Settings.Enabled == value)),
        .. Enum.GetValues<SizeEnabled>()
            .Select(value => new ScenarioKind("size", $"{value}", scenario => HasSize(scenario.Settings, value))),
        .. Limits("max_ptes_none", settings => settings.MaxPtesNone),
        .. Limits("max_ptes_swap", settings => settings.MaxPtesSwap),
        .. Limits("max_ptes_shared", settings => settings.MaxPtesShared),
        .. Enum.GetValues<ThpDisable>()
            .Select(value => new ScenarioKind("thp-disable", $"{value}", scenario => scenario.ThpDisable == value)),
        .. Enum.GetValues<VmaFlags>().Where(flag => !NotGenerated.ContainsKey(flag))
            .Select(flag => new ScenarioKind("VMA", $"{flag}", scenario => scenario.Vma.Has(flag))),
        new("VMA", "read-only", scenario => !scenario.Vma.Has(VmaFlags.Write)),
        new("VMA", "not advised", scenario => !scenario.Vma.IsAdvised),
        new("VMA", "armed for both", scenario => scenario.Vma.Has(VmaFlags.UffdMissing | VmaFlags.UffdWp)),
        new("VMA", "without anon_vma", scenario => !scenario.Vma.HasAnonVma),
        .. Surroundings.Extents.Select(extent => new ScenarioKind(
            "extent", extent.Name, scenario => extent.Of(scenario.Table.Cells.Length) == (scenario.Vma.Start, scenario.Vma.End))),
        new("swap slots", "in a row, aligned", scenario => HasRow(scenario.Table, isAligned: true)),
        new("swap slots", "in a row, not aligned", scenario => HasRow(scenario.Table, isAligned: false)),
        .. ProgramStep.Verbs.Select(
            verb => new ScenarioKind("program", verb.Text, scenario => scenario.Program.Any(step => step.Verb == verb.Verb))),
        new("no page", "no table, and an anon_vma from elsewhere", scenario => HasNoPage(scenario, PmdState.None)),
        new("no page", "an empty table, and an anon_vma from elsewhere", scenario => HasNoPage(scenario, PmdState.Table)),
        new("NUMA", "one node", scenario => scenario.Numa.Nodes == 1),
        new("NUMA", "two near nodes", scenario => scenario.Numa is { Nodes: 2, NodeReclaim: false }),
        new("NUMA", "two far nodes", scenario => scenario.Numa is { Nodes: 2, NodeReclaim: true }),
    ];

    private static bool HasRow(PageTable table, bool isAligned)
    {
        for (int i = 1; i < table.Cells.Length; i++)
            if (table.Cells[i - 1].Kind == PteKind.Swap && table.Cells[i - 1].ContinuesInto(table.Cells[i])
                && ((table.Cells[i].Slot - i) % table.Cells.Length == 0) == isAligned)
                return true;
        return false;
    }

    private static bool HasNoPage(Scenario scenario, PmdState pmd) =>
        scenario.Table.Pmd == pmd && scenario.Vma.HasAnonVma && scenario.Table.Cells.All(cell => cell.Kind == PteKind.None);

    private static ScenarioKind Fault(FaultInjection fault) =>
        new("fault", $"{fault}", scenario => scenario.Faults.Any(one => (one.What, one.When) == (fault.What, fault.When)));

    private static IEnumerable<ScenarioKind> Limits(string name, Func<ThpSettings, int> limit) =>
    [
        new("limit", $"{name} 0", scenario => limit(scenario.Settings) == 0),
        new("limit", $"{name} between", scenario => limit(scenario.Settings) > 0
            && limit(scenario.Settings) < scenario.Settings.Geometry.MaxPtesLimit),
        new("limit", $"{name} maximum", scenario => limit(scenario.Settings) == scenario.Settings.Geometry.MaxPtesLimit),
    ];

    private static bool HasSize(ThpSettings settings, SizeEnabled value)
    {
        for (int order = Geometry.MinOrder; order <= settings.Geometry.PmdOrder; order++)
            if (settings.SizeOf(order) == value)
                return true;
        return false;
    }

    // On what has no letter of its own.
    private static bool HasAttribute(PageTable table, char attribute)
    {
        foreach (var cell in table.Cells)
            if (cell.Kind == PteKind.Page && (cell.Order > 0 || TableNotation.LetterOf(cell) is null)
                && TableNotation.AttributesOf(cell).Any(of => of.Letter == attribute))
            {
                return true;
            }
        return false;
    }
}
