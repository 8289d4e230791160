using KhugepagedSpec.PageTables;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Guests.Live;

/// <summary>
/// Tables in which what is counted is as much as a limit allows, or one more: at the scan, at isolation, at each order. Source: Linux 7.2,
/// <c>mm/khugepaged.c:collapse_scan_pmd, mthp_collapse, __collapse_huge_page_isolate</c>.
/// </summary>
internal static class AtTheLimits
{
    private const char Empty = '.', Page = 'x', Zero = 'z', Old = 'o', Shared = 'h', Swap = 's';

    /// <summary>A table at one of the limits of <paramref name="settings"/>.</summary>
    /// <param name="choices">Which, and how.</param>
    /// <param name="settings">What the table is for.</param>
    public static PageTable Next(Choices choices, ThpSettings settings)
    {
        int pages = settings.Geometry.Pages, over = choices.Below(2);
        char[] cells = new char[pages];
        Array.Fill(cells, Page);
        switch (choices.Below(5))
        {
            case 0:
                Spread(choices, cells, choices.OneIn(4) ? Zero : Empty, settings.MaxPtesNone + over, 0, pages);
                break;
            case 1:
                Block(choices, cells, settings, over);
                break;
            case 2:
                Spread(choices, cells, Shared, settings.MaxPtesShared + over, 0, pages);
                break;
            case 3:
                Spread(choices, cells, Swap, settings.MaxPtesSwap + over, 0, pages);
                break;
            default:
                // Half of the range must be referenced for one swap entry; what is not is old or empty.
                Array.Fill(cells, choices.OneIn(2) ? Old : Empty);
                Spread(choices, cells, Page, pages / 2 - over, 0, pages);
                cells[Array.FindIndex(cells, cell => cell != Page)] = Swap;
                break;
        }
        return PageTable.Parse(string.Concat(cells.Select(cell => $"{cell} ")), settings.Geometry);
    }

    // One aligned block of an enabled order with as many holes as may be in it; the rest is full or empty.
    private static void Block(Choices choices, char[] cells, ThpSettings settings, int over)
    {
        int[] orders = [.. settings.OrdersFor(advised: true).Orders()];
        int order = orders.Length == 0 ? settings.Geometry.PmdOrder : choices.Of<int>(orders);
        int first = choices.Below(cells.Length >> order) << order;
        if (choices.OneIn(2))
            Array.Fill(cells, Empty);

        // Old pages alone are refused at isolation, where the scan saw a young one elsewhere.
        bool isOld = (1 << order) < cells.Length && choices.OneIn(3);
        cells.AsSpan().Slice(first, 1 << order).Fill(isOld ? Old : Page);
        if (isOld)
            cells[(first + (1 << order)) % cells.Length] = Page;
        int holes = order == settings.Geometry.PmdOrder ? settings.MaxPtesNone
            : settings.MaxPtesNone == settings.Geometry.MaxPtesLimit ? (1 << order) - 1 : 0;
        Spread(choices, cells, Empty, holes + over, first, 1 << order);
    }

    // In a row or anywhere.
    private static void Spread(Choices choices, char[] cells, char what, int count, int first, int length)
    {
        int[] places = [.. Enumerable.Range(first, length)];
        if (choices.OneIn(2))
            choices.Shuffle<int>(places);
        foreach (int place in places.Take(count))
            cells[place] = what;
    }
}
