using System.Collections.Immutable;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Processes;

/// <summary>
/// Whether khugepaged comes to a VMA, or to a process, as far as it can be told from outside. Whether a process is on khugepaged's list
/// (<c>MMF_VM_HUGEPAGE</c>) is shown nowhere.
/// </summary>
public enum Visit
{
    /// <summary>It does not: no size is possible there.</summary>
    None,

    /// <summary>
    /// Only if something else brought the process onto the list: MADV_HUGEPAGE after the first touch, two VMAs that became one, or
    /// fork. A fault does not, since the PMD's size is not enabled at faults here, or no whole PMD range lies here.
    /// </summary>
    OnlyIfListed,

    /// <summary>The first fault of the PMD's size puts the process onto the list, if it touches a range for the first time under these
    /// settings.</summary>
    AtFault,

    /// <summary>The process has PMD-mapped memory: so it was put onto the list once, unless by MADV_COLLAPSE, which does not.</summary>
    Seen,
}

/// <summary>Whether khugepaged comes to a process. Source: Linux 7.2, <c>mm/khugepaged.c:khugepaged_enter_vma</c> and its
/// callers.</summary>
public static class ProcessVisit
{
    /// <summary>Whether it comes to a process, by its VMAs.</summary>
    public static Visit Of(ProcessCapture capture, WhatIfCase what)
    {
        if (capture.Pages.PmdMapped > 0 && capture.Head.ThpDisable != ThpDisable.Completely)
            return Visit.Seen;
        var process = ProcessOf(capture, what);
        return capture.Vmas.Select(vma => Of(vma, what, process)).DefaultIfEmpty(Visit.None).Max();
    }

    /// <summary>Whether it comes to a VMA.</summary>
    public static Visit Of(ProcessCapture capture, CapturedVma vma, WhatIfCase what) => Of(vma, what, ProcessOf(capture, what));

    private static Visit Of(CapturedVma captured, WhatIfCase what, AddressSpace process)
    {
        var vma = captured.Vma with { HasAnonVma = true };
        var geometry = what.Settings.Geometry;
        var orders = Eligibility.PossibleOrders(what.Settings, process, vma, CollapseKind.Khugepaged);
        if (what.Version.IsPmdOnly)
            orders &= OrderSet.Of(geometry.PmdOrder);
        bool hasRange = geometry.NextRangeStart(vma.Start) < geometry.RangeStart(vma.End);
        return orders.IsEmpty || !vma.IsAnonymous ? Visit.None
            : captured.Pages.PmdMapped > 0 ? Visit.Seen
            : orders.Contains(geometry.PmdOrder) && hasRange && captured.Vma.HasAnonVma ? Visit.AtFault
            : Visit.OnlyIfListed;
    }

    private static AddressSpace ProcessOf(ProcessCapture capture, WhatIfCase what) =>
        new(what.Settings.Geometry, id: 1) { ThpDisable = capture.Head.ThpDisable };

    /// <summary>VMAs with anonymous pages that khugepaged has nothing to scan in, by reason, those with most memory first.</summary>
    public static ImmutableArray<PassedBy> NotScanned(MachineCapture machine, WhatIfCase what) =>
    [
        .. machine.Processes.SelectMany(capture =>
            {
                var process = ProcessOf(capture, what);
                return capture.Vmas.Where(vma => vma.Pages.Anonymous > 0)
                    .Select(vma => (capture, vma, why: Why(vma.Vma, what, process)));
            })
            .Where(one => one.why is not null).GroupBy(one => one.why!.Value)
            .Select(group => new PassedBy(group.Key, group.Count(), group.Sum(one => one.vma.Pages.Anonymous),
                group.First().vma, group.First().capture.Head))
            .OrderByDescending(passed => passed.Pages).ThenBy(passed => passed.Reason),
    ];

    private static PassedByReason? Why(Vma vma, WhatIfCase what, AddressSpace process)
    {
        var geometry = what.Settings.Geometry;
        var sizes = what.Settings.OrdersFor(vma.IsAdvised);
        return !vma.IsAnonymous ? PassedByReason.File
            : Eligibility.Objection(what.Settings, process, vma with { HasAnonVma = true }, CollapseKind.Khugepaged) switch
            {
                ThpObjection.NoHardware => PassedByReason.NoHardware,
                ThpObjection.NoHugePage => PassedByReason.NoHugePage,
                ThpObjection.SpecialVma or ThpObjection.TemporaryStack => PassedByReason.Special,
                ThpObjection.Disabled or ThpObjection.DisabledUnlessAdvised => PassedByReason.Disabled,
                _ => (what.Version.IsPmdOnly ? sizes & OrderSet.Of(geometry.PmdOrder) : sizes).IsEmpty
                    ? vma.IsAdvised ? PassedByReason.NoSizeAdvised : PassedByReason.NoSize
                    : geometry.NextRangeStart(vma.Start) >= geometry.RangeStart(vma.End) ? PassedByReason.NoWholeRange : null,
            };
    }
}

/// <summary>Why khugepaged scans nothing of a VMA.</summary>
public enum PassedByReason
{
    /// <summary>The hardware has no huge pages.</summary>
    NoHardware,

    /// <summary>MADV_NOHUGEPAGE was called: <c>nh</c> in smaps.</summary>
    NoHugePage,

    /// <summary>A kind that khugepaged leaves alone: <c>io</c>, <c>pf</c>, <c>de</c> or <c>mm</c> in smaps.</summary>
    Special,

    /// <summary>The process refuses THP.</summary>
    Disabled,

    /// <summary>No size is enabled for VMAs that did not ask by MADV_HUGEPAGE.</summary>
    NoSize,

    /// <summary>No size is enabled, though it asked.</summary>
    NoSizeAdvised,

    /// <summary>No whole PMD range lies in it.</summary>
    NoWholeRange,

    /// <summary>A file is mapped: its private copies stay as they are.</summary>
    File,
}

/// <summary>VMAs that khugepaged scans nothing of, for the same reason.</summary>
/// <param name="Reason">The reason.</param>
/// <param name="Vmas">How many.</param>
/// <param name="Pages">Anonymous pages in them.</param>
/// <param name="First">The first of them.</param>
/// <param name="Process">The process that the first is in.</param>
public sealed record PassedBy(PassedByReason Reason, int Vmas, long Pages, CapturedVma First, CaptureHead Process);
