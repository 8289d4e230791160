using System.Diagnostics;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;

namespace KhugepagedSpec.Checking.Exact;

/// <summary>
/// All that isolation at an order below the PMD's learns of some PTEs in a row: what a window comes to follows from its two
/// halves, whatever the order. Swap entries absorb: swap-in refuses the window before anything is isolated.
/// </summary>
/// <param name="LargestOrder">The largest folio before the first error; -1 if there is no page.</param>
/// <param name="Error">The first result that ends isolation; SCAN_SUCCEED if none does.</param>
/// <param name="Referenced">Some page before the first error was referenced.</param>
/// <param name="HasSwap">An entry that is not present.</param>
public readonly record struct WindowOutcome(int LargestOrder, ScanResult Error, bool Referenced, bool HasSwap)
{
    /// <summary>No PTE at all.</summary>
    public static WindowOutcome Empty => new(-1, ScanResult.Succeed, false, false);

    /// <summary>One PTE.</summary>
    /// <param name="cell">The PTE: a hole, a page, or a swap entry; what ends the scan never comes this far.</param>
    /// <param name="fillsHoles">max_ptes_none is the maximum; else 0.</param>
    public static WindowOutcome Of(Cell cell, bool fillsHoles) => cell.Kind switch
    {
        PteKind.None or PteKind.ZeroPage => Empty with { Error = fillsHoles ? ScanResult.Succeed : ScanResult.ExceedNonePte },
        PteKind.Swap or PteKind.GuardMarker => new WindowOutcome(-1, ScanResult.Succeed, false, HasSwap: true),
        _ when cell.Has(CellFlags.Shared) => Empty with { Error = ScanResult.ExceedSharedPte },
        _ => new WindowOutcome(cell.Order, ScanResult.Succeed, cell.Has(CellFlags.Young), false),
    };

    /// <summary>These PTEs, then those.</summary>
    public WindowOutcome Then(WindowOutcome next) =>
        HasSwap || next.HasSwap ? new WindowOutcome(-1, ScanResult.Succeed, false, HasSwap: true)
        : Error != ScanResult.Succeed ? this
        : new WindowOutcome(Math.Max(LargestOrder, next.LargestOrder), next.Error, Referenced || next.Referenced, false);

    /// <summary>How an attempt of khugepaged at this window ends, if nobody interferes.</summary>
    /// <param name="order">The window's order, below the PMD's.</param>
    public ScanResult At(int order) =>
        HasSwap ? ScanResult.ExceedSwapPte
        : LargestOrder >= order ? ScanResult.PteMappedHugepage
        : Error != ScanResult.Succeed ? Error
        : Referenced ? ScanResult.Succeed
        : ScanResult.LackReferencedPage;

    /// <summary>
    /// The outcomes of all windows of all lengths, found by putting PTEs together until nothing new comes, are few; and it does not
    /// matter where a window is cut.
    /// </summary>
    internal static Claim AreFinite(Geometry geometry)
    {
        var clock = Stopwatch.StartNew();
        long cases = 0;
        string? wrong = null;
        foreach (bool fillsHoles in (ReadOnlySpan<bool>)[false, true])
        {
            var all = Closure(geometry, fillsHoles);
            foreach (var a in all)
                foreach (var b in all)
                    foreach (var c in all)
                    {
                        cases++;
                        if (a.Then(b).Then(c) != a.Then(b.Then(c)))
                            wrong ??= $"{a}, {b}, {c}: it matters where the window is cut";
                    }
        }
        return new Claim(
            "outcomes-compose", "What an attempt below the PMD's order comes to follows from the two halves of its window.",
            cases, wrong, clock.Elapsed)
        {
            IsOfTheMethod = true,
        };
    }

    /// <summary>Every outcome there is.</summary>
    internal static HashSet<WindowOutcome> Closure(Geometry geometry, bool fillsHoles)
    {
        var cells = Cells(geometry).Select(cell => Of(cell, fillsHoles)).Distinct().ToList();
        var all = new HashSet<WindowOutcome> { Empty };
        var open = new Queue<WindowOutcome>(all);
        while (open.TryDequeue(out var outcome))
            foreach (var cell in cells)
                if (outcome.Then(cell) is var longer && all.Add(longer))
                    open.Enqueue(longer);
        return all;
    }

    private static IEnumerable<Cell> Cells(Geometry geometry)
    {
        yield return Cell.None;
        yield return new Cell(PteKind.Swap);
        yield return Cell.Plain with { Flags = Cell.Plain.Flags | CellFlags.Shared };
        for (int order = 0; order <= geometry.PmdOrder; order++)
        {
            yield return Cell.OfFolio(order, 0);
            yield return Cell.OfFolio(order, 0) with { Flags = CellFlags.Dirty };
        }
    }
}
