using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Daemon;

/// <summary>What two scenarios differ in, for whoever writes one down and reads it back.</summary>
public static class ScenarioDifference
{
    /// <summary>The first part of a scenario that differs, as <c>VMA flags: Write instead of Write, Locked</c>; null if all of it is
    /// equal.</summary>
    /// <param name="wanted">The scenario that was to be.</param>
    /// <param name="other">The scenario that came of it.</param>
    public static string? First(Scenario wanted, Scenario other) =>
        Tables(wanted.Table, other.Table)
        ?? Part("VMA flags", wanted.Vma.Flags, other.Vma.Flags)
        ?? Part("VMA's first page", wanted.Vma.Start, other.Vma.Start)
        ?? Part("VMA's last page", wanted.Vma.End - 1, other.Vma.End - 1)
        ?? Part("anon_vma", wanted.Vma.HasAnonVma, other.Vma.HasAnonVma)
        ?? Settings(wanted.Settings, other.Settings)
        ?? Part("kind", wanted.Kind, other.Kind)
        ?? Part("PR_SET_THP_DISABLE", wanted.ThpDisable, other.ThpDisable)
        ?? Part("machine", wanted.Machine, other.Machine)
        ?? (wanted.Numa == other.Numa ? null : $"NUMA: {other.Numa.Nodes} nodes instead of {wanted.Numa.Nodes}, or others")
        ?? Part("faults", string.Join(' ', wanted.Faults), string.Join(' ', other.Faults))
        ?? (wanted.Faults.AsSpan().SequenceEqual(other.Faults.AsSpan()) ? null : "faults")
        ?? (wanted.Program.AsSpan().SequenceEqual(other.Program.AsSpan()) ? null : "program");

    private static string? Part<T>(string name, T wanted, T other) =>
        EqualityComparer<T>.Default.Equals(wanted, other) ? null
            : FormattableString.Invariant($"{name}: {Text(other)} instead of {Text(wanted)}");

    private static string Text<T>(T value) => value?.ToString() is { Length: > 0 } text ? text : "none";

    private static string? Tables(PageTable wanted, PageTable other)
    {
        if (wanted.Geometry != other.Geometry)
            return Part("PMD order", wanted.Geometry.PmdOrder, other.Geometry.PmdOrder);
        if (wanted.Pmd != other.Pmd)
            return Part("PMD entry", wanted.Pmd, other.Pmd);
        for (int i = 0; i < wanted.Cells.Length; i++)
            if (wanted.Cells[i] != other.Cells[i])
                return Part($"PTE {i}", wanted.Cells[i], other.Cells[i]);
        return null;
    }

    private static string? Settings(ThpSettings wanted, ThpSettings other) => wanted == other ? null :
        Part("enabled", wanted.Enabled, other.Enabled)
        ?? Part("sizes set to always", wanted.Always, other.Always)
        ?? Part("sizes set to madvise", wanted.Madvise, other.Madvise)
        ?? Part("sizes set to inherit", wanted.Inherit, other.Inherit)
        ?? Part("max_ptes_none", wanted.MaxPtesNone, other.MaxPtesNone)
        ?? Part("max_ptes_swap", wanted.MaxPtesSwap, other.MaxPtesSwap)
        ?? Part("max_ptes_shared", wanted.MaxPtesShared, other.MaxPtesShared)
        ?? Part("pages_to_scan", wanted.PagesToScan, other.PagesToScan)
        ?? Part("scan_sleep_millisecs", wanted.ScanSleepMilliseconds, other.ScanSleepMilliseconds)
        ?? Part("alloc_sleep_millisecs", wanted.AllocSleepMilliseconds, other.AllocSleepMilliseconds)
        ?? Part("use_zero_page", wanted.UseZeroPage, other.UseZeroPage)
        ?? "settings";
}
