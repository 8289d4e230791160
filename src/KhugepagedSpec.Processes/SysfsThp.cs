using System.Globalization;
using System.Numerics;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Processes;

/// <summary>What <c>/sys/kernel/mm/transparent_hugepage</c> says of a machine.</summary>
internal static class SysfsThp
{
    private const string Folder = "/sys/kernel/mm/transparent_hugepage";

    /// <summary>How many pages a PMD entry spans there.</summary>
    /// <param name="proc">The machine.</param>
    /// <param name="pageBytes">The size of its base pages.</param>
    /// <exception cref="CaptureException">It has no THP.</exception>
    public static Geometry Geometry(IProcFiles proc, int pageBytes) =>
        new(BitOperations.Log2((ulong)(Number(proc, $"{Folder}/hpage_pmd_size") / pageBytes)));

    /// <summary>The settings as they are now.</summary>
    /// <exception cref="CaptureException">It has no THP.</exception>
    public static ThpSettings Settings(IProcFiles proc, Geometry geometry, int pageBytes)
    {
        var settings = ThpSettings.Defaults(geometry) with
        {
            Enabled = Chosen<GlobalEnabled>(Text(proc, $"{Folder}/enabled")),
            MaxPtesNone = (int)Number(proc, $"{Folder}/khugepaged/max_ptes_none"),
            MaxPtesSwap = (int)Number(proc, $"{Folder}/khugepaged/max_ptes_swap"),
            MaxPtesShared = (int)Number(proc, $"{Folder}/khugepaged/max_ptes_shared"),
            PagesToScan = Number(proc, $"{Folder}/khugepaged/pages_to_scan"),
            ScanSleepMilliseconds = Number(proc, $"{Folder}/khugepaged/scan_sleep_millisecs"),
            AllocSleepMilliseconds = Number(proc, $"{Folder}/khugepaged/alloc_sleep_millisecs"),
        };
        var sizes = geometry.AnonOrders.Orders()
            .Select(order => (order, text: proc.Text($"{Folder}/hugepages-{((long)pageBytes << order) / 1024}kB/enabled")))
            .Where(size => size.text is not null).ToLookup(size => Chosen<SizeEnabled>(size.text!), size => size.order);

        // Before there were sizes (6.8), the PMD's followed the global file, as it does by default since.
        return sizes.Count == 0 ? settings : settings with
        {
            Always = Orders(sizes[SizeEnabled.Always]),
            Madvise = Orders(sizes[SizeEnabled.Madvise]),
            Inherit = Orders(sizes[SizeEnabled.Inherit]),
        };
    }

    private static OrderSet Orders(IEnumerable<int> orders) => orders.Aggregate(OrderSet.Empty, (set, order) => set.With(order));

    // The word in brackets.
    private static T Chosen<T>(string text)
        where T : struct, Enum
    {
        int open = text.IndexOf('['), close = text.IndexOf(']');
        return open >= 0 && close > open && Enum.TryParse(text[(open + 1)..close], ignoreCase: true, out T chosen)
            ? chosen
            : throw new CaptureException(
                $"{Folder}: '{text.Trim()}': expected one of {string.Join(", ", Enum.GetNames<T>()).ToLowerInvariant()} in brackets");
    }

    private static long Number(IProcFiles proc, string path) =>
        long.Parse(Text(proc, path), NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture);

    private static string Text(IProcFiles proc, string path) =>
        proc.Text(path) ?? throw new CaptureException($"no {path}: expected a kernel with CONFIG_TRANSPARENT_HUGEPAGE");
}
