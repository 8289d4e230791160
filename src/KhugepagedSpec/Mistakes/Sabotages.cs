using KhugepagedSpec.Collapse;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Mistakes;

/// <summary>What an empty or zero-page PTE becomes is not cleared.</summary>
internal sealed record HolesNotCleared : Sabotage
{
    internal override void AfterCopy(Machine machine, ReadOnlySpan<Pte> window, int folio)
    {
        for (int i = 0; i < window.Length; i++)
            if (window[i].Kind != PteKind.Page)
                machine.Memory.Contents(folio + i) = machine.Memory.NextTag();
    }
}

/// <summary>Each page gets the contents of its neighbour.</summary>
internal sealed record CopiedFromTheWrongPage : Sabotage
{
    internal override void AfterCopy(Machine machine, ReadOnlySpan<Pte> window, int folio)
    {
        var memory = machine.Memory;
        for (int i = 0; i < window.Length; i += 2)
            (memory.Contents(folio + i), memory.Contents(folio + i + 1)) = (memory.Contents(folio + i + 1), memory.Contents(folio + i));
    }
}

/// <summary>The last page is not copied.</summary>
internal sealed record LastPageNotCopied : Sabotage
{
    internal override void AfterCopy(Machine machine, ReadOnlySpan<Pte> window, int folio) =>
        machine.Memory.Contents(folio + window.Length - 1) = 0;
}

/// <summary>A failed attempt puts all entries back but the window's first.</summary>
internal sealed record RollbackLeavesOneOut : Sabotage
{
    internal override void AfterReinstate(PteTable table, Span<Pte> window) => window[0] = Pte.None;
}

/// <summary>A failed attempt leaves the PMD entry empty.</summary>
internal sealed record RollbackForgetsThePmd : Sabotage
{
    internal override void AfterReinstate(PteTable table, Span<Pte> window) => table.Clear();
}

/// <summary>One PTE too few is set.</summary>
internal sealed record OnePteTooFew : Sabotage
{
    internal override void AfterInstall(Machine machine, AddressSpace mm, PteTable table, int offset, int order)
    {
        if (table.Pmd == PmdState.Table)
            Overwriting.One(machine, mm, ref table.Ptes[offset + (1 << order) - 1], Pte.None);
    }
}

/// <summary>One PTE too many is set: the neighbour's.</summary>
internal sealed record OnePteTooMany : Sabotage
{
    internal override void AfterInstall(Machine machine, AddressSpace mm, PteTable table, int offset, int order)
    {
        int end = offset + (1 << order);
        if (table.Pmd == PmdState.Table && end < table.Ptes.Length)
            Overwriting.One(machine, mm, ref table.Ptes[end], table.Ptes[end - 1]);
    }
}

/// <summary>New PTEs are without the accessed bit.</summary>
internal sealed record MappedOld : Sabotage
{
    internal override void AfterInstall(Machine machine, AddressSpace mm, PteTable table, int offset, int order)
    {
        if (table.Pmd != PmdState.Table)
            return;
        foreach (ref var pte in table.Ptes.Slice(offset, 1 << order))
            pte = pte with { Flags = pte.Flags & ~PteFlags.Young };
    }
}

/// <summary>collapse_alloc is counted twice.</summary>
internal sealed record AllocationsCountedTwice : Sabotage
{
    internal override void AtCounter(Machine machine, MthpStatistic statistic, VmEvent vmEvent, int order)
    {
        if (statistic == MthpStatistic.CollapseAlloc)
            machine.Statistics.Count(statistic, order);
    }
}

/// <summary>pages_collapsed counts folios, not PMD ranges.</summary>
internal sealed record PagesCollapsedByFolio : Sabotage
{
    internal override void AtPagesCollapsed(Machine machine, TableRun run) =>
        machine.Statistics.PagesCollapsed += run.Attempts.Count(attempt => attempt.Status == ScanResult.Succeed) - 1;
}

/// <summary>vmstat's events are counted at every order.</summary>
internal sealed record EventsAtEveryOrder : Sabotage
{
    internal override void AtCounter(Machine machine, MthpStatistic statistic, VmEvent vmEvent, int order)
    {
        if (order < machine.Geometry.PmdOrder)
            machine.Statistics.Count(vmEvent);
    }
}

/// <summary>Limits that were exceeded below the PMD's order are not counted.</summary>
internal sealed record LimitsNotCounted : Sabotage
{
    internal override void AtCounter(Machine machine, MthpStatistic statistic, VmEvent vmEvent, int order)
    {
        bool isLimit = statistic is MthpStatistic.CollapseExceedNonePte or MthpStatistic.CollapseExceedSwapPte or MthpStatistic.CollapseExceedSharedPte;
        if (isLimit && order < machine.Geometry.PmdOrder)
            machine.Statistics.Count(statistic, order, -1);
    }
}

/// <summary>After a success the walk goes on by the smallest order.</summary>
internal sealed record SuccessAdvancesByTheMinimum : Sabotage
{
    internal override int AfterAttempt(Machine machine, AddressSpace mm, TableRun run, Attempt attempt) =>
        1 << (attempt.Status == ScanResult.Succeed ? Geometry.MinOrder : attempt.Order);
}

/// <summary>The walk goes on by the folio that it found mapped.</summary>
internal sealed record AdvanceByTheMappedFolio : Sabotage
{
    internal override int AfterAttempt(Machine machine, AddressSpace mm, TableRun run, Attempt attempt)
    {
        int order = attempt.Order;
        if (attempt.Status == ScanResult.PteMappedHugepage)
            foreach (var pte in mm.TableAt(run.Start).Ptes.Slice(attempt.Offset, 1 << attempt.Order))
                if (pte.Kind == PteKind.Page)
                    order = Math.Max(order, machine.Memory.FolioOf(pte.Pfn).Order);
        return 1 << order;
    }
}

/// <summary>One PTE set over another.</summary>
internal static class Overwriting
{
    public static void One(Machine machine, AddressSpace mm, ref Pte pte, Pte other)
    {
        if (pte.Kind == PteKind.Page)
            machine.Memory.Unmap(pte.Pfn, 1, mm.Id);
        pte = other;
        if (pte.Kind == PteKind.Page)
            machine.Memory.Map(pte.Pfn, 1, mm.Id);
    }
}
