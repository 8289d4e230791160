using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Guests.Live;

/// <summary>
/// The anonymous tests of 7.2's file as <c>-s ORDER</c> runs them: the size of that order is set to always, so that a page fault fills a
/// folio, and what a test touches or counts page by page it touches and counts by folio. Source: Linux 7.2,
/// <c>tools/testing/selftests/mm/khugepaged.c</c>.
/// </summary>
internal static class FolioSelftests
{
    /// <summary>The orders that the kernel's own run of the tests uses.</summary>
    public static bool IsPossible(int order, Geometry geometry) => order >= Geometry.MinOrder && order <= geometry.PmdOrder - 4;

    /// <summary>All of them.</summary>
    public static IEnumerable<Selftest> Of(int order, Geometry geometry)
    {
        int pages = 1 << order, pmd = geometry.PmdOrder, n = geometry.Pages, half = n / 2, swap = n / 8;
        string Folios(int count) => $"f{order}*{count / pages}";
        return new Selftest[]
        {
            Both("collapse_full", Folios(n), ""),
            new("collapse_empty", "0", null, "", false, false),
            Both("collapse_single_pte_entry", $"f{order} .*{n - pages}", ""),
            Madvise("collapse_max_ptes_none, one folio short", $"{Folios(half - pages)} .*{half + pages}", $"none={half}"),
            Both("collapse_max_ptes_none, just enough", $"{Folios(half)} .*{half}", $"none={half}"),
            Both("collapse_single_pte_entry_compound", $"f{pmd}[0+1] .*{n - 1}", ""),
            Both("collapse_full_of_compound", $"f{pmd}[0+{n}]", ""),
            Both("collapse_compound_extreme", $"f{pmd}[0+1]*{n}", ""),

            // The folio that is paged out in part is split.
            Both("collapse_swapin_single_pte", $"{Folios(n - pages)} x*{pages - 1} s", ""),
            Madvise("collapse_max_ptes_swap, one too many", $"s*{swap + 1} x*{pages - 1} {Folios(n - swap - pages)}", ""),
            Both("collapse_max_ptes_swap, just as many", $"s*{swap} {Folios(n - swap)}", ""),

            // The child writes to the second page of the folio that it shares.
            Both("collapse_fork", $"f{order}[0+1]h x f{order}[2+{pages - 2}]h .*{n - pages}", "")
                with { Pattern = $"ops=H0+{pages},W1+1 pat=f{order}" },
            Both("collapse_fork_compound", $"x f{pmd}[1+{n - 1}]h", $"shared={n - 1}")
                with { Pattern = $"ops=H0+{n},W0+1 pat=M{pmd}" },
            Madvise("collapse_max_ptes_shared, one too many", $"x*{half - 1} f{pmd}[{half - 1}+{half + 1}]h", "")
                with { Pattern = $"ops=H0+{n},W0+{half - 1} pat=M{pmd}" },
            Both("collapse_max_ptes_shared, just as many", $"x*{half} f{pmd}[{half}+{half}]h", "")
                with { Pattern = $"ops=H0+{n},W0+{half} pat=M{pmd}" },
            Both("madvise_collapse_existing_thps", $"m{pmd}", ""),
        }.Select(test => test with { Name = $"{test.Name} (-s {order})" });
    }

    private static Selftest Both(string name, string table, string limit) => new(name, table, null, limit, true, true);

    private static Selftest Madvise(string name, string table, string limit) => new(name, table, null, limit, false, true);
}
