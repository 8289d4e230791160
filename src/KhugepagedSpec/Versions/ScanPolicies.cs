using System.Collections.Immutable;
using System.Globalization;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Versions;

/// <summary>The scan, and what it does not see.</summary>
internal static class ScanPolicies
{
    private const string At = "mm/khugepaged.c:collapse_scan_pmd";

    /// <summary>All of them.</summary>
    public static ImmutableArray<VersionPolicy> All { get; } =
    [
        VersionPolicy.Of("scan.none-limit", "Scan.RelaxesNoneLimit", "how many empty PTEs the scan lets pass", At,
            version => version.Scan.RelaxesNoneLimit,
            (version, value) => version with { Scan = version.Scan with { RelaxesNoneLimit = value } },
            (true, new("relaxed", "all PTEs but one empty at the scan, where a smaller order is enabled")),
            (false, new("as-set", "max_ptes_none held by the scan whatever is enabled") { Source = "Linux 7.1 and before" })),
        VersionPolicy.Of("scan.uffd-holes", "Scan.EndsAtUffdHoles", "what an empty PTE of a VMA armed by userfaultfd does to the scan", At,
            version => version.Scan.EndsAtUffdHoles,
            (version, value) => version with { Scan = version.Scan with { EndsAtUffdHoles = value } },
            (false, new("pass", "empty PTEs of an armed VMA passed by the scan, where a smaller order is enabled")),
            (true, new("end", "the scan ended by an empty PTE of an armed VMA")
            {
                Source = "v5 patch 7; W. Yang, N. Pache, 2026-05, on v18 patch 11",
            })),
        VersionPolicy.Of("scan.occupancy", "Scan.OccupancyIsByChunk", "what a bit of the occupancy stands for", At,
            version => version.Scan.OccupancyIsByChunk,
            (version, value) => version with { Scan = version.Scan with { OccupancyIsByChunk = value } },
            (false, new("ptes", "a bit a PTE")),
            (true, new("chunks", "a bit a chunk of order 2, off by one") { Source = "v5 patch 7, as quoted by H. Dickins, 2025-05" })),
        VersionPolicy.Of("scan.non-swap", "Scan.EndsAtNonSwapEntries", "what a non-present PTE that is no swap entry does to the scan", At,
            version => version.Scan.EndsAtNonSwapEntries,
            (version, value) => version with { Scan = version.Scan with { EndsAtNonSwapEntries = value } },
            (false, new("count", "non-swap entries counted as swap entries by the scan")),
            (true, new("end", "the scan ended by a non-swap entry")
            {
                Source = "L. Yang, \"abort collapse scan on non-swap entries\", 2025-10-07",
            })),
        Limit("max_ptes_swap", Limits.MaxPtesSwap),
        Limit("max_ptes_shared", Limits.MaxPtesShared),
        Flag("uffd-wp", "userfaultfd's write protection", PteFlags.UffdWp),
        Flag("young", "the accessed bit", PteFlags.Young),
        Flag("secondary-young", "accesses through a secondary MMU", PteFlags.SecondaryYoung),
        Flag("dirty", "the dirty bit", PteFlags.Dirty),
        Flag("locked", "the folio lock", FolioFlags.Locked),
        Flag("off-lru", "that a folio is on no LRU list", FolioFlags.OffLru),
        Flag("lazyfree", "that a folio is lazily freeable", FolioFlags.LazyFree),
        Sight("references", "references that mappings do not explain", "References", true, blindness => blindness.References,
            (blindness, value) => blindness with { References = value }),
    ];

    private static VersionPolicy Limit(string name, Limits limit) => Sight(name, name, $"Limits.{limit}", limit,
        blindness => blindness.Limits, (blindness, limits) => blindness with { Limits = limits });

    private static VersionPolicy Flag(string name, string what, PteFlags flag) => Sight(name, what, $"PteFlags.{flag}", flag,
        blindness => blindness.PteFlags, (blindness, flags) => blindness with { PteFlags = flags });

    private static VersionPolicy Flag(string name, string what, FolioFlags flag) => Sight(name, what, $"FolioFlags.{flag}", flag,
        blindness => blindness.FolioFlags, (blindness, flags) => blindness with { FolioFlags = flags });

    private static VersionPolicy Sight<T>(string name, string what, string part, T unseen, Func<Blindness, T> get,
        Func<Blindness, T, Blindness> set)
        where T : struct => SightPolicy.Of($"scan.{name}", $"BlindAtScan.{part}", "the scan", At, what, unseen,
            version => version.BlindAtScan, (version, blindness) => version with { BlindAtScan = blindness }, get, set);
}

/// <summary>What a version does not see: a bit of a <see cref="Blindness"/>.</summary>
internal static class SightPolicy
{
    /// <summary>Whether something is looked at.</summary>
    public static VersionPolicy Of<T>(string name, string member, string where, string source, string what, T unseen,
        Func<KhugepagedVersion, Blindness> from, Func<KhugepagedVersion, Blindness, KhugepagedVersion> to, Func<Blindness, T> get,
        Func<Blindness, T, Blindness> set)
        where T : struct => VersionPolicy.Of(
            name, member, $"whether {where} looks at {what.TrimEnd(',')}", source,
            version => (Number(get(from(version))) & Number(unseen)) != 0,
            (version, isBlind) => to(version, set(from(version), With(get(from(version)), unseen, isBlind))),
            (false, new("seen", $"{what} seen by {where}")), (true, new("ignored", $"{what} ignored by {where}")));

    private static T With<T>(T all, T one, bool isBlind)
        where T : struct
    {
        int bits = isBlind ? Number(all) | Number(one) : Number(all) & ~Number(one);
        return one is bool ? (T)(object)(bits != 0) : (T)Enum.ToObject(typeof(T), bits);
    }

    private static int Number<T>(T value)
        where T : struct => Convert.ToInt32(value, CultureInfo.InvariantCulture);
}
