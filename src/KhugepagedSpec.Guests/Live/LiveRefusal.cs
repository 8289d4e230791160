using KhugepagedSpec.Daemon;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Guests.Live;

/// <summary>What of a scenario no guest can be given, so that it is refused and not changed.</summary>
public static class LiveRefusal
{
    private const int MostPages = 1 << 16;

    /// <summary>The first thing of a scenario that cannot be made on a kernel, as one line that says what was expected; null if all
    /// can.</summary>
    /// <param name="scenario">The scenario, as somebody asked for it.</param>
    /// <param name="kernel">The kernel.</param>
    /// <param name="beside">What the VMA has beside the range is populated, and gives it its anon_vma.</param>
    public static string? Of(Scenario scenario, KernelAbilities kernel, bool beside = false) =>
        OfMachine(scenario, kernel)
        ?? OfKernel(scenario, kernel)
        ?? OfSettings(scenario, kernel)
        ?? (scenario.Program.IsEmpty ? OfVma(scenario, beside) ?? OfTable(scenario, kernel) : OfProgram(scenario))
        ?? OfFaults(scenario)
        ?? OfNodes(scenario, kernel);

    /// <summary>The same for what this kernel lacks, and not every one.</summary>
    public static string? OfKernel(Scenario scenario, KernelAbilities kernel)
    {
        if (scenario.Vma.Has(VmaFlags.UffdRwp) && !kernel.HasUffdRwp)
            return $"--uffd rwp: Linux {kernel.Release} has no read-write protection: expected missing, wp, or a kernel from 7.3 on";
        if (scenario.ThpDisable == ThpDisable.ExceptAdvised && !kernel.HasThpDisableExceptAdvised)
            return $"--thp-disable exceptadvised: Linux {kernel.Release} has no such flag: expected no, completely, or a kernel from 6.18 on";
        if (kernel.IsHere && !scenario.Settings.OrdersFor(advised: false).IsEmpty)
            return $"sizes {scenario.Settings.OrdersFor(advised: false)} set to always: all processes of this machine would be scanned: "
                + "expected madvise";
        if (kernel.IsHere && !scenario.Faults.IsEmpty)
            return $"--fail {scenario.Faults[0]}: this machine is not made short of memory: expected no --fail";
        foreach (var lack in kernel.Lacks)
        {
            bool takesUffd = scenario.Vma.Has(VmaFlags.UffdWp) || scenario.Vma.Has(VmaFlags.UffdMissing)
                || scenario.Vma.Has(VmaFlags.UffdRwp);
            if ((lack.Kinds.Contains("--uffd") && takesUffd) || (lack.Kinds.Contains("--uffd wp") && scenario.Vma.Has(VmaFlags.UffdWp)))
                return $"--uffd: Linux {kernel.Release}: {lack.What}: {lack.Why}";
            if (scenario.Program.FirstOrDefault(step => lack.Kinds.Contains(step.Name)) is { Pages: > 0 } step)
                return $"--program: {step.Name}: Linux {kernel.Release}: {lack.What}: {lack.Why}";
            if (lack.Kinds.Contains("charge-fails") && Shortage.IsOfCharge(scenario.Faults))
                return $"--fail charge-fails: Linux {kernel.Release}: {lack.What}: {lack.Why}";
            for (int i = 0; i < scenario.Table.Cells.Length; i++)
                if (LetterOf(scenario.Table.Cells[i]) is { } letter && lack.Kinds.Contains(letter))
                    return $"PTE {i} is {letter}: Linux {kernel.Release}: {lack.What}: {lack.Why}";
        }
        var orders = scenario.Settings.OrdersFor(advised: true);
        return kernel.NeedsPmdSize && !orders.Contains(scenario.Settings.Geometry.PmdOrder)
            ? $"sizes {(orders.IsEmpty ? "none" : orders)}: khugepaged of Linux {kernel.Release} does not run unless the PMD's size is enabled: "
                + "expected 2M among them"
            : null;
    }

    private static string? LetterOf(Cell cell) =>
        cell.Kind == PteKind.None ? null : TableNotation.LetterOf(cell with { Slot = 0 })?.ToString();

    private static string? OfMachine(Scenario scenario, KernelAbilities kernel)
    {
        var (geometry, machine) = (scenario.Table.Geometry, kernel.Machine);
        return geometry != machine.Geometry
            ? $"--pmd-order {geometry.PmdOrder}: the guest's page tables have {machine.Geometry.Pages} PTEs: "
                + $"expected {machine.Geometry.PmdOrder}"
            : scenario.Machine != machine ? $"--machine {scenario.Machine}: the guest is {machine}: expected that"
            : null;
    }

    // The child is scanned too where it is eligible unasked.
    private static string? OfSettings(Scenario scenario, KernelAbilities kernel)
    {
        var unasked = scenario.Settings.OrdersFor(advised: false);
        int shared = 0;
        while (shared < scenario.Table.Cells.Length && !FolioPlan.IsShared(scenario.Table.Cells[shared]))
            shared++;
        return shared == scenario.Table.Cells.Length || unasked.IsEmpty ? null
            : $"PTE {shared} is shared with another process, which khugepaged of Linux {kernel.Release} would scan too, as sizes {unasked} "
                + "are set to always: expected madvise";
    }

    private static string? OfVma(Scenario scenario, bool beside)
    {
        var vma = scenario.Vma;
        int pages = scenario.Table.Geometry.Pages;
        if (vma.Has(VmaFlags.Droppable))
            return "--droppable: every page of droppable memory is lazyfree to a kernel, which no table says: expected other memory";
        if (vma.Start < -pages || vma.End > 2 * pages)
            return $"--vma {vma.Start}-{vma.End - 1}: the guest has room for pages {-pages} to {2 * pages - 1}";
        if (!beside && vma.HasAnonVma && !Scenario.NeedsAnonVma(scenario.Table) && (vma.Start, vma.End) == (-pages, 2 * pages))
            return $"--anon-vma with --vma {vma.Start}-{vma.End - 1}: there is no room for the page elsewhere that it would come of";
        return scenario.Table.Cells.Any(LiveInput.IsArming) && (vma.Flags & (VmaFlags.UffdWp | VmaFlags.UffdRwp)) == VmaFlags.None
            ? $"PTE {scenario.Table.Cells.IndexOf(scenario.Table.Cells.First(LiveInput.IsArming))} takes a VMA that is registered with userfaultfd: expected --uffd wp"
            : null;
    }

    private static string? OfTable(Scenario scenario, KernelAbilities kernel)
    {
        var (table, vma) = (scenario.Table, scenario.Vma);
        if (table.Pmd is PmdState.Migration or PmdState.DevicePrivate)
            return $"table {table}: user space cannot make that PMD entry: expected 0, mz, m{table.Geometry.PmdOrder} or PTEs";
        if (table.Pmd == PmdState.Huge && !vma.Covers(0, table.Cells.Length))
            return $"table {table}: a huge page lies in a VMA that holds all of it: expected no --vma {vma.Start}-{vma.End - 1}";
        bool hasKsm = table.Cells.Any(cell => cell.Has(CellFlags.Ksm));
        for (int i = 0; i < table.Cells.Length; i++)
        {
            var cell = table.Cells[i];
            if (cell.Kind != PteKind.None && !vma.Covers(i, i + 1))
                return $"PTE {i} is not empty and lies outside the VMA, pages {vma.Start} to {vma.End - 1}: expected '.'";
            if (hasKsm && LetterOf(cell) == "Z")
                return $"PTE {i} is Z: ksmd would merge it too, as there is K: expected one of them";
            if (!LiveInput.CanBeMade(cell with { Node = 0 }, kernel, hasKsm))
                return $"PTE {i} is {TableNotation.Text(cell)}: user space cannot make it: expected one of {kernel.Kinds}, "
                    + $"or f2 to f{table.Geometry.PmdOrder} and their parts, without letters but o, l or L after a whole one, "
                    + "or h after all, of the largest none";
            if (vma.Has(VmaFlags.UffdRwp) && cell.Kind is not PteKind.Page && LiveInput.IsArming(cell))
                return $"PTE {i} is {TableNotation.Text(cell)}, which takes --uffd wp: expected that, or another entry";
        }
        if (FolioPlan.Folios(table.Cells).Find(folio => LiveInput.IsSplitByAdvice(table.Cells, folio)) is { } part)
            return $"the folio of order {part.Order} with pages at PTE {part.Kept[0]}: what makes its pages cold or lazyfree would split "
                + "it: expected all of its pages";
        if (FolioPlan.Folios(table.Cells).Find(folio => LiveInput.IsAgedByFaults(table.Cells, folio, kernel)) is { } aged)
            return $"the folio of order {aged.Order} with pages at PTE {aged.Kept[0]}: a fault that NUMA balancing makes on one page "
                + "may make all young: expected pages that are equally old, or no --numa-balancing";
        if (LiveInput.UnsharedFolioBesideShared(table.Cells) is var alone and >= 0)
            return $"PTE {alone} is {TableNotation.Text(table.Cells[alone])}: a child maps pages of other large folios, "
                + "and is forked when all are there: expected h with it too, or with none";
        return FolioPlan.Impossible(table) is [var folio, ..]
            ? $"the folio of order {folio.Order} with pages at PTE {folio.Kept[0]}: no order of page faults makes it beside the others"
            : null;
    }

    private static string? OfProgram(Scenario scenario) =>
        scenario.Program.FirstOrDefault(step => step.First < -MostPages || step.First + step.Pages > 2 * MostPages) is { Pages: > 0 } far
            ? $"--program: {far.Name} {far.First}+{far.Pages}: the guest has room for pages {-MostPages} to {2 * MostPages - 1}"
            : null;

    // A shortage is made of the whole guest, or of the process; nothing else befalls an attempt that is asked to.
    private static string? OfFaults(Scenario scenario)
    {
        if (scenario.Faults.IsEmpty)
            return null;
        int pmdOrder = scenario.Table.Geometry.PmdOrder;
        string text = string.Join(" and ", scenario.Faults.Select(fault => $"--fail {fault}"));
        int? from = Shortage.BlocksFrom(scenario.Faults, scenario.Table.Geometry);
        if (from is null && !Shortage.IsOfCharge(scenario.Faults))
            return $"{text}: no guest can be made to do that: expected charge-fails alone, "
                + $"or alloc-fails at every order from one of {Shortage.LowestBlockOrder} to {pmdOrder} up to {pmdOrder}";
        if (!scenario.Program.IsEmpty)
            return $"{text} with --program: the program would run short too: expected TABLE";
        if (from is { } blocks)
            return scenario.Kind == CollapseKind.Madvise
                ? $"{text} with --kind madvise: the call would make blocks by compaction: expected khugepaged"
                : scenario.Table.Pmd is PmdState.Huge or PmdState.HugeZero || scenario.Table.Cells.Any(cell => cell.Order >= blocks)
                    ? $"{text}: the table has folios of such orders: expected smaller ones"
                : null;
        return scenario.Table.Pmd is PmdState.Huge or PmdState.HugeZero ? $"{text}: the PMD entry takes a huge page: expected PTEs"
            : scenario.Settings.OrdersFor(advised: true) is { IsEmpty: false } orders && orders.Lowest < Shortage.LowestChargedOrder
                ? $"{text} with sizes {orders}: a CPU has up to 64 pages charged in advance: "
                    + $"expected orders {Shortage.LowestChargedOrder} to {pmdOrder}"
            : null;
    }

    private static string? OfNodes(Scenario scenario, KernelAbilities kernel) =>
        scenario.Numa.Nodes <= kernel.Nodes ? null
        : (scenario.Numa.NodeReclaim ? "--far-nodes" : $"@{scenario.Numa.Nodes - 1}")
            + (kernel.Nodes == 1 ? ": the guest has one NUMA node: expected a table on node 0, or --nodes 2"
                : ": the guest has two NUMA nodes: expected a table on nodes 0 and 1");
}
