using System.Collections.Immutable;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Scenarios;

/// <summary>
/// Every scenario of a small geometry, smallest first: fewest non-empty PTEs, then fewest orders. Tables are made of aligned
/// blocks of four PTEs; 8 PTEs with every block below, 16 PTEs with the plainest of them.
/// </summary>
public static class SmallScenarios
{
    private const int BlockPages = 1 << Geometry.MinOrder;

    private static readonly string[] Blocks =
    [
        "....", "x...", "...x", "xx..", "xxx.", "xxxx", "z...", "xxxz", "oooo", "ooox", "Zxxx", "hxxx", "xxxh", "sxxx", "gxxx", "ixxx",
            "pxxx", "txxx",
        "uxxx", "wxxx", "lxxx", "Lxxx", "Wxxx", "f2", "f3[0+1]xxx", "f3[0+4]", "f3[4+4]",
    ];

    private static readonly string[] PlainBlocks = ["....", "x...", "xx..", "xxxx", "hxxx", "sxxx", "f2"];

    private static readonly VmaFlags[] Flags = [VmaFlags.None, VmaFlags.UffdMissing, VmaFlags.Locked];

    private static readonly ImmutableArray<FaultInjection>[] Faults =
        [.. new[] { "alloc-fails@3", "alloc-fails@2#1", "charge-fails@3", "copy-fails#1",
            "page-locked#1" }.Select(fault => ImmutableArray.Create(FaultInjection.Parse(fault)))];

    private static readonly Lazy<ImmutableArray<Scenario>> Eight = new(() => TablesBySize(new Geometry(3), Blocks));
    private static readonly Lazy<ImmutableArray<Scenario>> Sixteen = new(() => TablesBySize(new Geometry(4), PlainBlocks));

    /// <summary>In words, for reports.</summary>
    public const string Bound =
        "8 PTEs made of 27 kinds of blocks, 16 PTEs of 7; every set of orders; limits 0, half, just under and maximum; plain, uffd-armed, mlocked, or one of five injected faults";

    /// <summary>All of them.</summary>
    public static IEnumerable<Scenario> All() => All(settings => settings);

    /// <summary>All of them under settings that are given in part.</summary>
    /// <param name="given">Puts what is given into settings; null where it cannot be.</param>
    public static IEnumerable<Scenario> All(Func<ThpSettings, ThpSettings?> given) =>
        Of(Eight.Value, given).Concat(Of(Sixteen.Value, given));

    /// <summary>Those of 8 PTEs.</summary>
    public static IEnumerable<Scenario> OfEight() => Of(Eight.Value, settings => settings);

    private static IEnumerable<Scenario> Of(ImmutableArray<Scenario> tables, Func<ThpSettings, ThpSettings?> given)
    {
        var geometry = tables[0].Table.Geometry;
        ImmutableArray<ThpSettings> allSettings =
        [
            .. Odometer.All(choices => SupportedLimits(choices, geometry))
                .Concat(Odometer.All(choices => LimitsExceeded(choices, geometry)))
                .Where(settings => !(settings.Madvise | settings.Always).IsEmpty)
                .OrderBy(settings => settings.Madvise.Orders().Count())
                .Select(given).OfType<ThpSettings>().Distinct(),
        ];
        foreach (var table in tables)
            foreach (var settings in allSettings)
                foreach (var scenario in Odometer.All(choices => Befallen(choices, table with { Settings = settings })))
                    yield return scenario;
    }

    private static ImmutableArray<Scenario> TablesBySize(Geometry geometry, string[] texts)
    {
        Cell[][] blocks = [.. texts.Select(text => Block(text, geometry))];
        return
        [
            .. Odometer.All(choices => new TableGenerator(choices, geometry).OfBlocks(blocks))
                .OrderBy(table => table.Cells.Count(cell => cell.Kind != PteKind.None))
                .Select(Scenario.Of),
        ];
    }

    private static Cell[] Block(string text, Geometry geometry) =>
        [.. TableNotation.Parse(text, geometry, padWithNone: true).Cells[..BlockPages]];

    private static ThpSettings SupportedLimits(Choices choices, Geometry geometry)
    {
        int maximum = geometry.MaxPtesLimit;
        var orders = new OrderSet((uint)choices.Below(2 << (geometry.PmdOrder - Geometry.MinOrder)) << Geometry.MinOrder);
        return ThpSettings.Defaults(geometry).WithSizes(orders, SizeEnabled.Madvise) with
        {
            MaxPtesNone = choices.Of<int>([0, maximum / 2, maximum / 2 + 1, maximum]),
            MaxPtesShared = maximum,
            MaxPtesSwap = maximum,
        };
    }

    // The limits on swap and shared PTEs, exceeded by one.
    private static ThpSettings LimitsExceeded(Choices choices, Geometry geometry) =>
        (choices.Below(2) == 0
            ? ThpSettings.Defaults(geometry).WithSizes(geometry.AnonOrders, SizeEnabled.Madvise)
            : ThpSettings.Defaults(geometry).WithSizes(OrderSet.Of(geometry.PmdOrder), SizeEnabled.Always)) with
        {
            MaxPtesNone = 0,
            MaxPtesShared = 0,
            MaxPtesSwap = 0,
        };

    private static Scenario Befallen(Choices choices, Scenario scenario)
    {
        int which = choices.Below(Flags.Length + Faults.Length);
        return which < Flags.Length
            ? scenario with { Vma = scenario.Vma with { Flags = scenario.Vma.Flags | Flags[which] } }
            : scenario with { Faults = Faults[which - Flags.Length] };
    }
}
