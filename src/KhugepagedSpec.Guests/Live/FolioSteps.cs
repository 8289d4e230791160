using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Guests.Live;

/// <summary>
/// The steps that make the large folios of a table. A folio that is to lie off its boundary is made while the whole range is moved
/// elsewhere by as much.
/// </summary>
internal sealed class FolioSteps(GuestRange range)
{
    private int _places;

    private long PageBytes => range.PageBytes;

    /// <summary>Makes them; nothing else is in their way yet but pages shared with a child.</summary>
    public void Write()
    {
        var plan = FolioPlan.Of(range.Table, []);
        int pmdOrder = range.Table.Geometry.PmdOrder;
        long place = range.Base;
        int order = 0;
        foreach (var folio in plan)
        {
            // A huge page is made only where there is not even a PTE table.
            bool isHuge = folio.Order == pmdOrder;
            if (isHuge || (place + folio.First * PageBytes) % (PageBytes << folio.Order) != 0)
                place = MoveTo(place, Elsewhere(folio.Shift));
            if (order != folio.Order)
            {
                Enable(order, isWanted: false);
                Enable(order = folio.Order, isWanted: true);
            }
            MakeFolio(folio, place);
        }
        Enable(order, isWanted: false);

        // Moving by less than a PMD range is what splits a huge PMD entry.
        bool someAreHuge = plan.Any(folio => folio.Order == pmdOrder);
        if (range.Table.Pmd == PmdState.Table && someAreHuge && place % (PageBytes * range.Pages) == 0)
            place = MoveTo(place, Elsewhere(1));
        MoveTo(place, range.Base);

        void Enable(int size, bool isWanted)
        {
            if (size > 0)
                range.Steps.SetSize(size, isWanted ? "always" : StepWriter.Unbuilt(size, range.Table.Geometry));
        }
    }

    // A place where nothing was yet, so many pages off a boundary.
    private long Elsewhere(int shift) => range.Elsewhere + (++_places * 8 * range.Pages + shift) * PageBytes;

    private long MoveTo(long from, long to)
    {
        if (from != to)
            range.Steps.Range("move", from - range.Pages * PageBytes, 3 * range.Pages, to - range.Pages * PageBytes);
        return to;
    }

    // Where it is decided before it is made: migration marks a folio that PTEs map as mapped in part.
    private void MakeFolio(PlannedFolio folio, long place)
    {
        int node = range.Table.Cells[folio.Kept[0]].Node;
        NodeSteps.Bind(range, node);
        foreach (var (at, count) in GuestRange.Runs(folio.Kept))
            range.Steps.Range("write", place + at * PageBytes, count, range.Stamp + at);
        NodeSteps.Unbind(range, node);
        var dropped = Enumerable.Range(folio.First, folio.Pages).Except(folio.Kept).ToList();
        foreach (var (at, count) in GuestRange.Runs(dropped))
            range.Steps.Advise(place + at * PageBytes, count, StepWriter.DontNeed);
    }
}
