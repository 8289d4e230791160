using System.Globalization;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Cli.Text;

/// <summary>The settings of a machine in one line.</summary>
internal static class SettingsText
{
    /// <summary>Sizes that are not never, the limits, and the pace.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="pageKb">Kilobytes of a page.</param>
    public static string Of(ThpSettings settings, int pageKb) => string.Create(CultureInfo.InvariantCulture,
        $"{SizesAndLimits(settings, pageKb)}; pages_to_scan {settings.PagesToScan} every {settings.ScanSleepMilliseconds / 1000.0} s");

    /// <summary>Sizes that are not never, and the limits.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="pageKb">Kilobytes of a page.</param>
    public static string SizesAndLimits(ThpSettings settings, int pageKb)
    {
        var sizes = settings.Geometry.AnonOrders.Orders().Where(order => settings.SizeOf(order) != SizeEnabled.Never)
            .Select(order => $"{Sizes.Name(order, pageKb)} {settings.SizeOf(order).ToString().ToLowerInvariant()}");
        return string.Create(CultureInfo.InvariantCulture, $"{string.Join(", ", sizes.DefaultIfEmpty("no size"))}; global {settings.Enabled.ToString().ToLowerInvariant()}; max_ptes_none {settings.MaxPtesNone}, max_ptes_swap {settings.MaxPtesSwap}, max_ptes_shared {settings.MaxPtesShared}");
    }
}
