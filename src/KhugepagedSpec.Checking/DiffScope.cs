using System.Collections.Immutable;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Checking;

/// <summary>What two runs may differ in.</summary>
[Flags]
public enum DifferenceIn
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Which ranges are scanned, how the scan ends, and which attempts are made, each with its result and figures.</summary>
    Attempts = 1,

    /// <summary>The table after a pass.</summary>
    Table = 2,

    /// <summary>The visit's result, and what MADV_COLLAPSE returns.</summary>
    Result = 4,

    /// <summary>Statistics by size, and pages_collapsed.</summary>
    Counters = 8,

    /// <summary>The text of trace lines.</summary>
    Trace = 16,

    /// <summary>All that a version does; not how it words it.</summary>
    Behaviour = Attempts | Table | Result | Counters,
}

/// <summary>
/// Settings that are given and not searched, as they are said of one geometry. What is null is searched.
/// </summary>
/// <param name="Geometry">The geometry that sizes and limits are said of.</param>
public sealed record GivenSettings(Geometry Geometry)
{
    /// <summary>All sizes, searched.</summary>
    public static GivenSettings Nothing { get; } = new(Geometry.X86);

    /// <summary>Sizes set to always, madvise and inherit: all three or none.</summary>
    public (OrderSet Always, OrderSet Madvise, OrderSet Inherit)? Sizes { get; init; }

    /// <summary>The global enabled file.</summary>
    public GlobalEnabled? Enabled { get; init; }

    /// <summary>khugepaged/max_ptes_none.</summary>
    public int? MaxPtesNone { get; init; }

    /// <summary>khugepaged/max_ptes_swap.</summary>
    public int? MaxPtesSwap { get; init; }

    /// <summary>khugepaged/max_ptes_shared.</summary>
    public int? MaxPtesShared { get; init; }

    /// <summary>
    /// The settings with what is given. The PMD's size stands for that of every geometry, 0 and the maximum for their like; null if the
    /// geometry has not the size, or is another and the limit lies between.
    /// </summary>
    public ThpSettings? On(ThpSettings settings)
    {
        var geometry = settings.Geometry;
        if (Sizes is { } sizes)
        {
            if (Orders(sizes.Always) is not { } always || Orders(sizes.Madvise) is not { } madvise
                || Orders(sizes.Inherit) is not { } inherit)
                return null;
            settings = settings with { Always = always, Madvise = madvise, Inherit = inherit };
        }
        if (Limit(MaxPtesNone, settings.MaxPtesNone) is not { } none || Limit(MaxPtesSwap, settings.MaxPtesSwap) is not { } swap
            || Limit(MaxPtesShared, settings.MaxPtesShared) is not { } shared)
            return null;
        return settings with { Enabled = Enabled ?? settings.Enabled, MaxPtesNone = none, MaxPtesSwap = swap, MaxPtesShared = shared };

        OrderSet? Orders(OrderSet said)
        {
            var here = OrderSet.Empty;
            foreach (int order in said.Orders())
            {
                if (order != Geometry.PmdOrder && order >= geometry.PmdOrder)
                    return null;
                here = here.With(order == Geometry.PmdOrder ? geometry.PmdOrder : order);
            }
            return here;
        }

        int? Limit(int? said, int usual) =>
            said is not { } value ? usual
            : value == 0 || geometry == Geometry ? value
            : value == Geometry.MaxPtesLimit ? geometry.MaxPtesLimit
            : null;
    }

    /// <summary>The scenario under the settings given; null if it cannot be.</summary>
    public Scenario? On(Scenario scenario) => On(scenario.Settings) is { } settings ? scenario with { Settings = settings } : null;

    /// <summary>The scenario is under the settings given.</summary>
    public bool Has(Scenario scenario) => On(scenario.Settings) == scenario.Settings;
}

/// <summary>A class of settings, as reviewers speak of them.</summary>
/// <param name="Sizes">Which sizes the VMA may have.</param>
/// <param name="MaxPtesNone">0, the maximum or between.</param>
public readonly record struct SettingsClass(string Sizes, string MaxPtesNone)
{
    /// <summary>The only size enabled is the PMD's.</summary>
    public const string PmdOnly = "the PMD's only";

    /// <summary>All classes, in the order of listings.</summary>
    public static ImmutableArray<SettingsClass> All { get; } =
    [
        .. from sizes in new[] { PmdOnly, "smaller only", "the PMD's and smaller", "none" }
           from none in new[] { "0", "between", "maximum" }
           select new SettingsClass(sizes, none),
    ];

    /// <summary>The class of a scenario.</summary>
    public static SettingsClass Of(Scenario scenario)
    {
        var settings = scenario.Settings;
        // What a program will have advised is not known before it runs.
        var orders = settings.OrdersFor(scenario.Vma.IsAdvised || !scenario.Program.IsEmpty);
        bool pmd = orders.Contains(settings.Geometry.PmdOrder), smaller = orders.HasBelow(settings.Geometry.PmdOrder);
        return new SettingsClass(
            pmd && smaller ? "the PMD's and smaller" : pmd ? PmdOnly : smaller ? "smaller only" : "none",
            settings.MaxPtesNone == 0 ? "0" : settings.MaxPtesNone == settings.Geometry.MaxPtesLimit ? "maximum" : "between");
    }
}
