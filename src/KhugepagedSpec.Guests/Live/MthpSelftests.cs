using System.Collections.Immutable;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Guests.Live;

/// <summary>
/// Tests of a collapse below the PMD's order, which 7.2's file does not have: for order 2 and for order 4, the only size enabled. Source:
/// the names of those queued since (B. Wang, "selftests: mm: add mTHP collapse test cases"; K. Shutsemau, 2026-08); the tables are ours.
/// </summary>
internal static class MthpSelftests
{
    private const string NoHoles = "none=0";

    /// <summary>All of them.</summary>
    public static ImmutableArray<Selftest> On(MachineType machine) => [.. Of(2, machine.Geometry), .. Of(4, machine.Geometry)];

    private static IEnumerable<Selftest> Of(int order, Geometry geometry)
    {
        int pages = 1 << order, all = geometry.Pages, half = all / 2, rest = all - pages;
        string most = $"none={geometry.MaxPtesLimit}";
        return new Selftest[]
        {
            Made("collapse_full", $"x*{all}", NoHoles) with { Folios = all / pages },
            Not("collapse_empty", "0", most),
            Made("collapse_single_mthp", $"x*{pages} .*{rest}", NoHoles),
            Made("collapse_order_single_window", $".*{half} x*{pages} .*{half - pages}", NoHoles),
            Not("collapse_order_partial_window", $"x*{pages - 1} .*{rest + 1}", NoHoles),
            Made("collapse_order_partial_window, holes filled", $"x*{pages - 1} .*{rest + 1}", most),
            Not("collapse_order_max_ptes_none, a value between", $"x*{pages - 1} .*{rest + 1}", $"none={half - 1}"),
            Made("collapse_order_mixed_sources", order > 2 ? $"f2*2 x*{pages - 8} .*{rest}" : $"x*{pages - 1} z .*{rest}", most),
            Not("collapse_order_sub_pmd_vma", $"x*{half} .*{half}", NoHoles) with { VmaEnd = half },
            Made("collapse_order_sub_pmd_holes", $"x*{pages} .*{pages} x*{pages} .*{rest - 2 * pages}", NoHoles) with { Folios = 2 },
            Made("collapse_order_mlocked", $"x*{pages} .*{rest}", NoHoles) with { IsLocked = true },
        }.Select(test => test with { Name = $"{test.Name} ({order})", Order = order });
    }

    private static Selftest Made(string name, string table, string limit) => new(name, table, null, limit, true, false);

    private static Selftest Not(string name, string table, string limit) => new(name, table, null, limit, false, false);
}
