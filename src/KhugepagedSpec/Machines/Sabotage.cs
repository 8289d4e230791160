using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;

namespace KhugepagedSpec.Machines;

/// <summary>Where a known-bad variant spoils something.</summary>
public enum SabotagePlace
{
    /// <summary>After the copy.</summary>
    Copy,

    /// <summary>After a failed attempt put the table back.</summary>
    Reinstate,

    /// <summary>After the new folio was mapped.</summary>
    Install,

    /// <summary>At a counter.</summary>
    Counter,

    /// <summary>When the walk goes on.</summary>
    Walk,
}

/// <summary>
/// What a known-bad variant spoils, at the five places where the algorithm lets it: after the copy, after a failed attempt put the table
/// back, after the new folio was mapped, at a counter, and when the walk goes on. The algorithm around it is the right one.
/// </summary>
public abstract record Sabotage
{
    /// <summary>Which of the places it is.</summary>
    public abstract SabotagePlace Place { get; }

    /// <summary>The window was copied into the folio.</summary>
    internal virtual void AfterCopy(Machine machine, ReadOnlySpan<Pte> window, int folio)
    {
    }

    /// <summary>An attempt failed, and the table is where it was.</summary>
    internal virtual void AfterReinstate(PteTable table, Span<Pte> window)
    {
    }

    /// <summary>The new folio is mapped.</summary>
    internal virtual void AfterInstall(Machine machine, AddressSpace mm, PteTable table, int offset, int order)
    {
    }

    /// <summary>A counter of a size was counted, and at the PMD order the event of vmstat that belongs to it.</summary>
    internal virtual void AtCounter(Machine machine, MthpStatistic statistic, VmEvent vmEvent, int order)
    {
    }

    /// <summary>pages_collapsed was counted for a range, in which so many attempts succeeded.</summary>
    internal virtual void AtPagesCollapsed(Machine machine, int collapses)
    {
    }

    /// <summary>How many PTEs the walk goes on by after an attempt.</summary>
    internal virtual int AfterAttempt(Machine machine, PteTable table, int offset, int order, ScanResult result) => 1 << order;
}
