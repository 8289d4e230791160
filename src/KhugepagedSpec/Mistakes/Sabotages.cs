using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;

namespace KhugepagedSpec.Mistakes;

/// <summary>What an empty or zero-page PTE becomes is not cleared.</summary>
public sealed record HolesNotCleared : Sabotage
{
    /// <inheritdoc/>
    public override SabotagePlace Place => SabotagePlace.Copy;

    internal override void AfterCopy(Machine machine, ReadOnlySpan<Pte> window, int folio)
    {
        for (int i = 0; i < window.Length; i++)
            if (window[i].Kind != PteKind.Page)
                machine.Memory.Contents(folio + i) = machine.Memory.NextTag();
    }
}

/// <summary>Each page gets the contents of its neighbour.</summary>
public sealed record CopiedFromTheWrongPage : Sabotage
{
    /// <inheritdoc/>
    public override SabotagePlace Place => SabotagePlace.Copy;

    internal override void AfterCopy(Machine machine, ReadOnlySpan<Pte> window, int folio)
    {
        var memory = machine.Memory;
        for (int i = 0; i < window.Length; i += 2)
            (memory.Contents(folio + i), memory.Contents(folio + i + 1)) = (memory.Contents(folio + i + 1), memory.Contents(folio + i));
    }
}

/// <summary>The last page is not copied.</summary>
public sealed record LastPageNotCopied : Sabotage
{
    /// <inheritdoc/>
    public override SabotagePlace Place => SabotagePlace.Copy;

    internal override void AfterCopy(Machine machine, ReadOnlySpan<Pte> window, int folio) =>
        machine.Memory.Contents(folio + window.Length - 1) = 0;
}

/// <summary>A failed attempt puts all entries back but the window's first.</summary>
public sealed record RollbackLeavesOneOut : Sabotage
{
    /// <inheritdoc/>
    public override SabotagePlace Place => SabotagePlace.Reinstate;

    internal override void AfterReinstate(PteTable table, Span<Pte> window) => window[0] = Pte.None;
}

/// <summary>A failed attempt leaves the PMD entry empty.</summary>
public sealed record RollbackForgetsThePmd : Sabotage
{
    /// <inheritdoc/>
    public override SabotagePlace Place => SabotagePlace.Reinstate;

    internal override void AfterReinstate(PteTable table, Span<Pte> window) => table.Clear();
}

/// <summary>One PTE too few is set.</summary>
public sealed record OnePteTooFew : Sabotage
{
    /// <inheritdoc/>
    public override SabotagePlace Place => SabotagePlace.Install;

    internal override void AfterInstall(Machine machine, AddressSpace mm, PteTable table, int offset, int order)
    {
        if (table.Pmd == PmdState.Table)
            Overwriting.One(machine, mm, ref table.Ptes[offset + (1 << order) - 1], Pte.None);
    }
}

/// <summary>One PTE too many is set: the neighbour's.</summary>
public sealed record OnePteTooMany : Sabotage
{
    /// <inheritdoc/>
    public override SabotagePlace Place => SabotagePlace.Install;

    internal override void AfterInstall(Machine machine, AddressSpace mm, PteTable table, int offset, int order)
    {
        int end = offset + (1 << order);
        if (table.Pmd == PmdState.Table && end < table.Ptes.Length)
            Overwriting.One(machine, mm, ref table.Ptes[end], table.Ptes[end - 1]);
    }
}

/// <summary>New PTEs are without the accessed bit.</summary>
public sealed record MappedOld : Sabotage
{
    /// <inheritdoc/>
    public override SabotagePlace Place => SabotagePlace.Install;

    internal override void AfterInstall(Machine machine, AddressSpace mm, PteTable table, int offset, int order)
    {
        if (table.Pmd != PmdState.Table)
            return;
        foreach (ref var pte in table.Ptes.Slice(offset, 1 << order))
            pte = pte with { Flags = pte.Flags & ~PteFlags.Young };
    }
}

/// <summary>collapse_alloc is counted twice.</summary>
public sealed record AllocationsCountedTwice : Sabotage
{
    /// <inheritdoc/>
    public override SabotagePlace Place => SabotagePlace.Counter;

    internal override void AtCounter(Machine machine, MthpStatistic statistic, VmEvent vmEvent, int order)
    {
        if (statistic == MthpStatistic.CollapseAlloc)
            machine.Statistics.Count(statistic, order);
    }
}

/// <summary>pages_collapsed counts folios, not PMD ranges.</summary>
public sealed record PagesCollapsedByFolio : Sabotage
{
    /// <inheritdoc/>
    public override SabotagePlace Place => SabotagePlace.Counter;

    internal override void AtPagesCollapsed(Machine machine, int collapses) => machine.Statistics.PagesCollapsed += collapses - 1;
}

/// <summary>vmstat's events are counted at every order.</summary>
public sealed record EventsAtEveryOrder : Sabotage
{
    /// <inheritdoc/>
    public override SabotagePlace Place => SabotagePlace.Counter;

    internal override void AtCounter(Machine machine, MthpStatistic statistic, VmEvent vmEvent, int order)
    {
        if (order < machine.Geometry.PmdOrder)
            machine.Statistics.Count(vmEvent);
    }
}

/// <summary>Limits that were exceeded below the PMD's order are not counted.</summary>
public sealed record LimitsNotCounted : Sabotage
{
    /// <inheritdoc/>
    public override SabotagePlace Place => SabotagePlace.Counter;

    internal override void AtCounter(Machine machine, MthpStatistic statistic, VmEvent vmEvent, int order)
    {
        bool isLimit = statistic is MthpStatistic.CollapseExceedNonePte
            or MthpStatistic.CollapseExceedSwapPte or MthpStatistic.CollapseExceedSharedPte;
        if (isLimit && order < machine.Geometry.PmdOrder)
            machine.Statistics.Count(statistic, order, -1);
    }
}

/// <summary>After a success the walk goes on by the smallest order.</summary>
public sealed record SuccessAdvancesByTheMinimum : Sabotage
{
    /// <inheritdoc/>
    public override SabotagePlace Place => SabotagePlace.Walk;

    internal override int AfterAttempt(Machine machine, PteTable table, int offset, int order, ScanResult result) =>
        1 << (result == ScanResult.Succeed ? Geometry.MinOrder : order);
}

/// <summary>The walk goes on by the folio that it found mapped.</summary>
public sealed record AdvanceByTheMappedFolio : Sabotage
{
    /// <inheritdoc/>
    public override SabotagePlace Place => SabotagePlace.Walk;

    internal override int AfterAttempt(Machine machine, PteTable table, int offset, int order, ScanResult result)
    {
        int mapped = order;
        if (result == ScanResult.PteMappedHugepage)
            foreach (var pte in table.Ptes.Slice(offset, 1 << order))
                if (pte.Kind == PteKind.Page)
                    mapped = Math.Max(mapped, machine.Memory.FolioOf(pte.Pfn).Order);
        return 1 << mapped;
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
