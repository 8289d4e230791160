using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;

namespace KhugepagedSpec.Guests.Live;

/// <summary>The steps of a thread that keeps writing to pages while khugepaged works, on another CPU: what that CPU's TLB still holds of a
/// PTE that is gone loses what is written.</summary>
internal static class WriterSteps
{
    // A TLB that is too small forgets by itself what it was not told to forget. An emulated one may have no more than a place for each
    // page number modulo 64.
    private const int Most = 8, Places = 64;

    private const CellFlags Written = CellFlags.Young | CellFlags.Dirty, Other = CellFlags.LazyFree | CellFlags.Shared | CellFlags.Ksm
        | CellFlags.UffdWp | CellFlags.Pinned | CellFlags.ZeroFilled;

    /// <summary>Begins to write, to pages that are written to already: the table stays what it is.</summary>
    /// <param name="range">The table as it was built.</param>
    /// <param name="input">The scenario.</param>
    /// <param name="before">The table now.</param>
    public static void Start(GuestRange range, VectorInput input, PageTable before)
    {
        var (first, end) = input.Extent;
        bool isLeft = input.Setup.Length + input.Program.Length > 0 || input.Has("rdonly");
        var all = Enumerable.Range(0, isLeft ? 0 : range.Pages).Where(page => page >= first && page < end
            && IsWritten(range.Table.Cells[page]) && IsWritten(before.Cells[page])).ToList();
        var some = Enumerable.Range(0, Most).SelectMany(part => all.Where(page => page >= part * (Places + Most)).Take(1))
            .DistinctBy(page => page % Places).Order();
        foreach (int page in some)
            range.Steps.Range("along", range.Address(page), 1);
        range.Steps.Line("start-writing");
    }

    private static bool IsWritten(Cell cell) => cell.Kind == PteKind.Page && (cell.Flags & (Written | Other)) == Written;
}
