using System.Collections.Immutable;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Checking;

/// <summary>
/// Every scenario of a small geometry, smallest first: fewest non-empty PTEs, then fewest orders. Tables are made of aligned
/// blocks of four PTEs; 8 PTEs with every block below, 16 PTEs with the plainest of them.
/// </summary>
public static class SmallScenarios
{
    private static readonly string[] Blocks =
    [
        "....", "x...", "...x", "xx..", "xxx.", "xxxx", "z...", "xxxz", "oooo", "ooox", "Zxxx", "hxxx", "xxxh", "sxxx", "gxxx", "ixxx", "pxxx", "txxx",
        "uxxx", "wxxx", "lxxx", "Lxxx", "Wxxx", "f2", "f3[0+1]xxx", "f3[0+4]", "f3[4+4]",
    ];

    private static readonly string[] PlainBlocks = ["....", "x...", "xx..", "xxxx", "hxxx", "sxxx", "f2"];

    private static readonly VmaFlags[] Flags = [VmaFlags.None, VmaFlags.UffdMissing, VmaFlags.Locked];

    private static readonly ImmutableArray<ScriptedMishap>[] Mishaps =
        [.. new[] { "alloc-fails@3", "alloc-fails@2#1", "charge-fails@3", "copy-fails#1", "page-locked#1" }.Select(mishap => ImmutableArray.Create(ScriptedMishap.Parse(mishap)))];

    private static readonly Lazy<ImmutableArray<(PageTable Table, Vma Vma)>> Eight = new(() => TablesBySize(new Geometry(3), Blocks));
    private static readonly Lazy<ImmutableArray<(PageTable Table, Vma Vma)>> Sixteen = new(() => TablesBySize(new Geometry(4), PlainBlocks));

    /// <summary>In words, for reports.</summary>
    public const string Bound =
        "8 PTEs made of 27 kinds of blocks, 16 PTEs of 7; every set of orders; limits 0, half, just under and maximum; plain, uffd-armed, mlocked, or one of five mishaps";

    /// <summary>All of them.</summary>
    public static IEnumerable<Scenario> All() => OfEight().Concat(Of(Sixteen.Value));

    /// <summary>Those of 8 PTEs.</summary>
    public static IEnumerable<Scenario> OfEight() => Of(Eight.Value);

    private static IEnumerable<Scenario> Of(ImmutableArray<(PageTable Table, Vma Vma)> tables)
    {
        var allSettings = SettingsFor(tables[0].Table.Geometry);
        foreach (var (table, vma) in tables)
            foreach (var settings in allSettings)
            {
                foreach (var flags in Flags)
                    yield return new Scenario { Table = table, Vma = vma with { Flags = vma.Flags | flags }, Settings = settings };
                foreach (var mishap in Mishaps)
                    yield return new Scenario { Table = table, Vma = vma, Settings = settings, Mishaps = mishap };
            }
    }

    private static ImmutableArray<(PageTable Table, Vma Vma)> TablesBySize(Geometry geometry, string[] blocks) =>
        [.. Tables(geometry, blocks).OrderBy(NonEmpty).Select(table => (table, Scenario.Of(table).Vma))];

    private static IEnumerable<PageTable> Tables(Geometry geometry, string[] blocks)
    {
        int count = geometry.Pages / 4;
        var digits = new int[count];
        while (true)
        {
            if (TryParse(string.Join(' ', digits.Select(digit => blocks[digit])), geometry) is { } table)
                yield return table;
            int place = 0;
            while (place < count && ++digits[place] == blocks.Length)
                digits[place++] = 0;
            if (place == count)
                yield break;
        }
    }

    private static PageTable? TryParse(string text, Geometry geometry)
    {
        try
        {
            return PageTable.Parse(text, geometry);
        }
        catch (NotationException)
        {
            return null;
        }
    }

    private static int NonEmpty(PageTable table) => table.Cells.Count(cell => cell.Kind != PteKind.None);

    private static ImmutableArray<ThpSettings> SettingsFor(Geometry geometry)
    {
        int maximum = geometry.MaxPtesLimit;
        var settings = ImmutableArray.CreateBuilder<ThpSettings>();
        var defaults = ThpSettings.Defaults(geometry) with { MaxPtesShared = maximum, MaxPtesSwap = maximum };
        for (uint bits = 4; bits < 1u << (geometry.PmdOrder + 1); bits += 4)
            foreach (int none in new[] { 0, maximum / 2, maximum / 2 + 1, maximum })
                settings.Add(defaults.WithSizes(new OrderSet(bits), SizeEnabled.Madvise) with { MaxPtesNone = none });
        // The limits on swap and shared PTEs, exceeded by one.
        settings.Add(defaults.WithSizes(geometry.AnonOrders, SizeEnabled.Madvise) with { MaxPtesNone = 0, MaxPtesShared = 0, MaxPtesSwap = 0 });
        settings.Add(defaults.WithSizes(OrderSet.Of(geometry.PmdOrder), SizeEnabled.Always) with { MaxPtesNone = 0, MaxPtesShared = 0, MaxPtesSwap = 0 });
        return [.. settings.OrderBy(s => s.Madvise.Orders().Count())];
    }
}
