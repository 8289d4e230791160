using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;

namespace KhugepagedSpec.Guests.Live;

/// <summary>The steps that look at what the pages of a table hold after a pass.</summary>
internal static class ContentSteps
{
    private enum Content
    {
        Unknown,
        Stamp,
        Zero,
    }

    /// <summary>Reads every page whose contents are known and can be read without waiting for a userfault handler.</summary>
    /// <param name="range">The table as it was built.</param>
    /// <param name="input">The scenario.</param>
    /// <param name="after">The table now.</param>
    public static void Check(GuestRange range, VectorInput input, PageTable after)
    {
        if (input.Setup.Length + input.Then.Length + input.Program.Length > 0)
            return;
        range.ForEachRun(i => Expected(i) == Content.Stamp, (at, count) => Read(at, count, range.Stamp + at));
        range.ForEachRun(i => Expected(i) == Content.Zero, (at, count) => Read(at, count, 0));

        void Read(int at, int count, long contents) => range.Steps.Range("check", range.Address(at), count, contents);

        Content Expected(int i)
        {
            var (was, now) = (range.Table.Cells[i], after.Cells[i]);
            var (first, end) = input.Extent;
            if (i < first || i >= end || now.Kind is not (PteKind.Page or PteKind.ZeroPage or PteKind.Swap) || was.Has(CellFlags.Ksm)
                || (input.Has("uffdr") && was.Has(CellFlags.UffdWp)))
                return Content.Unknown;
            return was.Kind switch
            {
                PteKind.None or PteKind.ZeroPage => Content.Zero,
                PteKind.Page or PteKind.Swap => was.Has(CellFlags.ZeroFilled) ? Content.Zero : Content.Stamp,
                _ => Content.Unknown,
            };
        }
    }
}
