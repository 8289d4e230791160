using System.Globalization;
using System.Numerics;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Cli.Shell;

/// <summary>Folio sizes as users write them: <c>16k</c>, <c>2M</c>, or an order number.</summary>
internal static class Sizes
{
    /// <summary>Reads a comma-separated list of sizes or orders, or <c>none</c>.</summary>
    /// <exception cref="UsageException">One of them is neither, or outside the geometry.</exception>
    public static OrderSet Parse(string list, string option, Geometry geometry, int pageKb)
    {
        var orders = OrderSet.Empty;
        if (list == "none")
            return orders;
        foreach (string item in list.Split(',', StringSplitOptions.TrimEntries))
        {
            int order = OrderOf(item, pageKb)
                ?? throw new UsageException($"{option}: '{item}' is no size: expected an order, or a power of two times {pageKb}k, as in 4,64k,2M; none for no size");
            if (!geometry.AnonOrders.Contains(order))
                throw new UsageException($"{option}: '{item}' is order {order}: expected {Geometry.MinOrder} to {geometry.PmdOrder} ({Name(Geometry.MinOrder, pageKb)} to {Name(geometry.PmdOrder, pageKb)})");
            orders = orders.With(order);
        }
        return orders;
    }

    /// <summary>The size of an order, as sysfs names it: <c>64kB</c>.</summary>
    public static string Name(int order, int pageKb) => $"{(long)pageKb << order}kB";

    private static int? OrderOf(string item, int pageKb)
    {
        string text = item.ToLowerInvariant();
        if (text.EndsWith('b'))
            text = text[..^1];
        long unit = text.EndsWith('k') ? 1 : text.EndsWith('m') ? 1024 : text.EndsWith('g') ? 1024 * 1024 : 0;
        string digits = unit == 0 ? text : text[..^1];
        if (!int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int number))
            return null;
        if (unit == 0)
            return number < 32 ? number : null;
        long pages = number * unit / pageKb;
        return pages > 0 && pages * pageKb == number * unit && BitOperations.IsPow2(pages) ? BitOperations.Log2((ulong)pages) : null;
    }
}
