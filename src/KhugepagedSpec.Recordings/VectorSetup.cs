using System.Buffers;
using System.Runtime.InteropServices;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.UserSpace;

namespace KhugepagedSpec.Recordings;

/// <summary>
/// What the recorder's set-up left behind that its first snapshot cannot show: accessed bits, pins, lazyfree pages written
/// again, pages of zeroes.
/// </summary>
internal static class VectorSetup
{
    private static readonly SearchValues<char> Arming = SearchValues.Create("wWqSk");
    private static readonly SearchValues<char> WithoutAnonVma = SearchValues.Create(".zWq");

    /// <summary>The flags the recorder gave its VMA.</summary>
    public static VmaFlags FlagsOf(VectorInput input)
    {
        var flags = VmaFlags.Anonymous | VmaFlags.Write;
        if (input.Has("rdonly"))
            flags &= ~VmaFlags.Write;
        if (input.Has("nohuge"))
            flags |= VmaFlags.NoHugePage;
        else if (!input.Has("noadv"))
            flags |= VmaFlags.HugePage;
        if (input.Has("mlock"))
            flags |= VmaFlags.Locked;
        if (input.Has("uffdm"))
            flags |= VmaFlags.UffdMissing;
        if (input.Has("uffdr"))
            flags |= VmaFlags.UffdRwp;
        else if (input.Has("uffdw") || input.Pattern.AsSpan().ContainsAny(Arming))
            flags |= VmaFlags.UffdWp;
        return flags;
    }

    /// <summary>Something in the VMA needed an anon_vma. Zero pages and uffd-wp markers do not; guard and poison markers do.</summary>
    public static bool HasAnonVma(VectorInput input) =>
        input.Has("anonvma")
        || input.Shape is VmaShape.Big or VmaShape.Big3 or VmaShape.Low or VmaShape.High
        || input.Pattern.AsSpan().ContainsAnyExcept(WithoutAnonVma)
        || input.Setup.Any(operation => operation.Verb == ProgramVerb.Touch);

    /// <summary>The table before the first pass, with what the snapshot could not show.</summary>
    public static PageTable WithHiddenState(PageTable before, VectorInput input)
    {
        if (before.Pmd != PmdState.Table)
            return before;
        if (!HasTable(before, input))
            return PageTable.Empty(before.Geometry, PmdState.None);
        var cells = before.Cells.ToArray();
        for (int i = 0; i < cells.Length; i++)
            if (cells[i].Kind == PteKind.Page)
                cells[i] = cells[i] with { Flags = FromPattern(cells[i].Flags, input.Pattern[i]) };
        foreach (var operation in input.Setup)
            Apply(operation, cells);
        if (!input.Has("noretouch") && input.Setup.Length > 0)
            Retouch(cells, input.Pattern);
        return new PageTable(before.Geometry, ImmutableCollectionsMarshal.AsImmutableArray(cells));
    }

    private static CellFlags FromPattern(CellFlags flags, char kind) => kind switch
    {
        'o' => flags & ~CellFlags.Young,
        'r' => (flags & ~CellFlags.Young) | CellFlags.Referenced,
        'p' => flags | CellFlags.Pinned,
        'Z' => flags | CellFlags.ZeroFilled,
        'L' => flags | CellFlags.Young | CellFlags.Dirty,
        _ => flags,
    };

    private static void Apply(VectorOperation operation, Cell[] cells)
    {
        int end = Math.Min(operation.Offset + operation.Length, cells.Length);
        for (int i = operation.Offset; i < end; i++)
        {
            if (cells[i].Kind != PteKind.Page)
                continue;
            switch (operation.Verb)
            {
                case ProgramVerb.Cold when !cells[i].Has(CellFlags.Shared):
                    cells[i] = cells[i] with { Flags = cells[i].Flags & ~CellFlags.Young };
                    break;
                case ProgramVerb.Touch:
                    cells[i] = cells[i] with { Flags = (cells[i].Flags | CellFlags.Young | CellFlags.Dirty) & ~CellFlags.ZeroFilled };
                    break;
                case ProgramVerb.Read:
                    cells[i] = cells[i] with { Flags = cells[i].Flags | CellFlags.Young };
                    break;
                case ProgramVerb.Free when cells[i].Has(CellFlags.LazyFree):
                    cells[i] = cells[i] with { Flags = cells[i].Flags & ~(CellFlags.Young | CellFlags.Dirty) };
                    break;
                case ProgramVerb.Pin:
                    PinFolio(cells, i);
                    break;
            }
        }
    }

    private static void PinFolio(Cell[] cells, int index)
    {
        var (first, order) = (index - cells[index].Page, cells[index].Order);
        for (int i = 0; i < cells.Length; i++)
            if (cells[i].Kind == PteKind.Page && cells[i].Order == order && i - cells[i].Page == first)
                cells[i] = cells[i] with { Flags = cells[i].Flags | CellFlags.Pinned };
    }

    private static void Retouch(Cell[] cells, string pattern)
    {
        for (int i = 0; i < cells.Length; i++)
            if (pattern[i] == 'x' && cells[i].Kind == PteKind.Page && !cells[i].Has(CellFlags.LazyFree))
                cells[i] = cells[i] with { Flags = cells[i].Flags | CellFlags.Young | CellFlags.Dirty };
    }

    // An untouched range has no PTE table, and MADV_DONTNEED of the whole range frees the one it had.
    private static bool HasTable(PageTable before, VectorInput input)
    {
        foreach (var cell in before.Cells)
            if (cell.Kind != PteKind.None)
                return true;
        if (input.Has("table"))
            return true;
        bool wasPopulated = input.Pattern.AsSpan().ContainsAnyExcept('.');
        return wasPopulated && !input.Setup.Any(o => o.Verb == ProgramVerb.DontNeed && o.Offset == 0 && o.Length >= before.Geometry.Pages);
    }
}
