using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.UserSpace;

namespace KhugepagedSpec.Guests.Live;

/// <summary>
/// The steps that build a written page table in a real process, page by page, with what user space can do: a part before the
/// settings are made, and one after.
/// </summary>
internal sealed class TableBuilder
{
    private const int UffdMissing = 1, UffdWp = 2, UffdRwp = 8, PrSetThpDisable = 41, ExceptAdvised = 2;

    private readonly VectorInput _input;
    private readonly PageTable _table;
    private readonly GuestRange _range;
    private readonly FolioSteps _folios;
    private readonly StepWriter _steps;
    private readonly long _stamp;
    private readonly int _pages;

    // Pages of folios that are cold, or some of whose pages are.
    private readonly bool[] _cold;

    /// <summary>Starts a builder.</summary>
    /// <param name="input">The scenario.</param>
    /// <param name="address">Where the observed range is to be: a multiple of the PMD range's bytes, 4 GB of room above.</param>
    /// <param name="stamp">What is written in the table's first page; the others count on from there.</param>
    public TableBuilder(VectorInput input, long address, long stamp)
    {
        _input = input;
        _table = Wish(input);
        _range = new GuestRange(_table, address, stamp, input.Machine);
        _folios = new FolioSteps(_range);
        (_steps, _stamp, _pages) = (_range.Steps, stamp, _range.Pages);
        _cold = new bool[_pages];
        foreach (var folio in FolioPlan.Folios(_table.Cells).Where(folio => folio.Kept.Exists(i => IsOld(_table.Cells[i]))))
            foreach (int page in folio.Kept)
                _cold[page] = true;
    }

    /// <summary>Where it is built.</summary>
    public GuestRange Range => _range;

    /// <summary>The table that an input asks for; of one that runs past its end, what fits.</summary>
    public static PageTable Wish(VectorInput input)
    {
        var geometry = input.Settings.Geometry;
        var larger = new Geometry(Math.Min(geometry.PmdOrder + 4, Geometry.MaxPmdOrder));
        var table = TableNotation.Parse(input.PatternText, larger, padWithNone: true);
        if (table.Pmd == PmdState.HugeZero)
            return PageTable.Empty(geometry, PmdState.HugeZero);
        bool huge = input.PatternText == $"m{geometry.PmdOrder}";
        return new PageTable(geometry, table.Cells[..geometry.Pages], huge ? PmdState.Huge : PmdState.Table);
    }

    /// <summary>Makes the process known to khugepaged.</summary>
    public string Introduce()
    {
        if (!_input.Program.IsEmpty)
            return "";
        _steps.MakeKnown(_range.Apart, 2 * _pages);
        return _steps.Take();
    }

    /// <summary>Builds everything but what must wait for the settings.</summary>
    public string Build()
    {
        if (!_input.Program.IsEmpty)
            return "";
        Map();
        Shared();
        _folios.Write();
        if (HasSharedFolios)
            Share();
        Small();
        KeepShared();
        Ksm();
        NodeSteps.MoveSmall(_range);
        Age();
        foreach (var operation in _input.Setup.Where(each => each.Verb != ProgramVerb.Share))
            ProgramSteps.Do(_range, operation);
        Trim();
        DisableThp();
        return _steps.Take();
    }

    private void DisableThp()
    {
        if (_input.ThpDisable != ThpDisable.No)
            _steps.Line("prctl", PrSetThpDisable, 1, _input.ThpDisable == ThpDisable.ExceptAdvised ? ExceptAdvised : 0);
    }

    /// <summary>Registers the VMA with userfaultfd and advises it, under the settings that the passes will have.</summary>
    public string Register()
    {
        if (!_input.Program.IsEmpty)
        {
            DisableThp();
            ProgramSteps.Begin(_range, _input);
            return _steps.Take();
        }
        long start = Address(Extent.First), pages = Extent.End - Extent.First;
        var flags = VectorSetup.FlagsOf(_input);
        bool isAgainstReads = flags.HasFlag(VmaFlags.UffdRwp);
        int mode = (flags.HasFlag(VmaFlags.UffdWp) ? UffdWp : 0) | (isAgainstReads ? UffdRwp : 0) | (_input.Has("uffdm") ? UffdMissing : 0);
        if (mode != 0)
            _steps.Range("userfault", start, pages, mode);
        _range.ForEachRun(
            cell => cell.Has(CellFlags.UffdWp) || cell.Kind == PteKind.UffdWpMarker,
            (at, count) => _steps.Range(isAgainstReads ? "rwprotect" : "protect", Address(at), count));
        SwapOut(cell => cell.Kind == PteKind.Swap && cell.Has(CellFlags.UffdWp));
        _range.ForEachRun(cell => cell.Kind == PteKind.PoisonMarker, (at, count) => _steps.Range("poison", Address(at), count));
        if (_input.Has("mlock"))
            _steps.Range("lock", start, pages);
        if (_input.Has("nohuge"))
            _steps.Advise(start, pages, StepWriter.NoHugePage);
        else if (!_input.Has("noadv"))
            _steps.Advise(start, pages, StepWriter.HugePage);
        if (_input.Has("rdonly"))
            _steps.Range("readonly", start, pages);
        _range.Drain();
        return _steps.Take();
    }

    /// <summary>A thread keeps writing to some pages.</summary>
    /// <param name="before">The table now.</param>
    public string StartWriting(PageTable before)
    {
        WriterSteps.Start(_range, _input, before);
        return _steps.Take();
    }

    /// <summary>What a program did after a pass.</summary>
    public string Then()
    {
        foreach (var operation in _input.Then)
            ProgramSteps.Do(_range, operation);
        _range.Drain();
        return _steps.Take();
    }

    /// <summary>Reads every page whose contents are known and can be read without waiting for a userfault handler.</summary>
    /// <param name="after">The table now.</param>
    public string Check(PageTable after)
    {
        ContentSteps.Check(_range, _input, after);
        return _steps.Take();
    }

    private (int First, int End) Extent => _input.Extent;

    private long Address(int page) => _range.Address(page);

    // The range with room for whole folios on both sides.
    private void Map() => _steps.Range("map", Address(-_pages), 3 * _pages, 0);

    private void Trim()
    {
        var (first, end) = Extent;

        // A page beside the range leaves its anon_vma, and goes where the VMA is to have no other page; a page that is zapped by less
        // than a range at a time leaves its table.
        if (_input.Has("anonvma"))
            _steps.Range("write", Address(_input.Bare is null ? -1 : first > -_pages ? -_pages : 2 * _pages - 1), 1, 1);
        if (_input.Has("table"))
        {
            _steps.Range(_input.Has("anonvma") ? "write" : "read", Address(0), 1, 1);
            _steps.Advise(Address(0), _pages / 2, StepWriter.DontNeed);
        }
        if (first > -_pages)
            _steps.Range("unmap", Address(-_pages), first + _pages);
        if (end < 2 * _pages)
            _steps.Range("unmap", Address(end), 2 * _pages - end);
    }

    private bool HasSharedFolios => _table.Cells.Any(cell => cell.Order > 0 && FolioPlan.IsShared(cell));

    // Before there is anything else that the child would share and write-protect.
    private void Shared()
    {
        Write(FolioPlan.IsSharedPage);
        if (!HasSharedFolios && _table.Cells.Any(FolioPlan.IsSharedPage))
            Share();
    }

    private void Share()
    {
        _range.ForEachRun(FolioPlan.IsShared, (at, count) => _steps.Range("keep", Address(at), count));
        _steps.Range("share", Address(-_pages), 3 * _pages);
    }

    // What the recorder's own operation shares, folios too: all pages are there by then.
    private void KeepShared()
    {
        var ranges = _input.Setup.Where(operation => operation.Verb == ProgramVerb.Share).ToList();
        foreach (var range in ranges)
            _steps.Range("keep", Address(range.Offset), range.Length);
        if (ranges.Count > 0)
            _steps.Range("share", Address(-_pages), 3 * _pages);
    }

    private void Small()
    {
        if (_table.Pmd == PmdState.HugeZero)
            HugeZero();
        var (below, above) = VectorProcess.Neighbours(_input.Shape);
        if (below > 0)
            _steps.Range("write", Address(-below), below, _stamp + 2 * _pages);
        if (above > 0)
            _steps.Range("write", Address(_pages), above, _stamp + 3 * _pages);
        Write(cell => IsWritten(cell) && !cell.Has(CellFlags.ZeroFilled));
        _range.ForEachRun(
            cell => IsWritten(cell) && cell.Has(CellFlags.ZeroFilled),
            (at, count) => _steps.Range("write", Address(at), count, 0));
        _range.ForEachRun(cell => cell.Kind == PteKind.ZeroPage, (at, count) => _steps.Range("read", Address(at), count));

        static bool IsWritten(Cell cell) =>
            (cell is { Kind: PteKind.Page, Order: 0 } && !cell.Has(CellFlags.Shared)) || cell.Kind is PteKind.Swap or PteKind.HwPoison;
    }

    // A read fault in an advised range without a PTE table, while such faults may use it.
    private void HugeZero()
    {
        _steps.SetThp("use_zero_page", 1);
        _steps.SetSize(_table.Geometry.PmdOrder, "always");
        _steps.Range("read", Address(0), 1);
        _steps.SetSize(_table.Geometry.PmdOrder, StepWriter.Unbuilt(_table.Geometry.PmdOrder, _table.Geometry));
        _steps.SetThp("use_zero_page", 0);
    }

    // Equal pages, one of them elsewhere, until ksmd has made them one.
    private void Ksm()
    {
        if (!_table.Cells.Any(IsKsm))
            return;
        long twin = _range.Scratch + 16 * _range.PageBytes, contents = _stamp + 4 * _pages;
        _steps.Range("map", twin, 1, 0);
        _steps.Range("write", twin, 1, contents);
        _range.ForEachRun(IsKsm, (at, count) =>
        {
            for (int i = at; i < at + count; i++)
                _steps.Range("write", Address(i), 1, contents);
        });
        _steps.Advise(twin, 1, StepWriter.Mergeable);
        _steps.Advise(Address(-_pages), 3 * _pages, StepWriter.Mergeable);
        _steps.Line("merge", 4);

        static bool IsKsm(Cell cell) => cell.Has(CellFlags.Ksm);
    }

    private void Age()
    {
        Advise(cell => cell.Order == 0 && IsOld(cell), StepWriter.Cold);
        _range.ForEachRun(i => _cold[i], (at, count) => _steps.Advise(Address(at), count, StepWriter.Cold));
        _range.Drain();
        _range.ForEachRun(i => _cold[i] && _table.Cells[i].Has(CellFlags.Young), (at, count) => _steps.Range("read", Address(at), count));
        Advise(cell => cell.Order == 0 && IsOld(cell) && cell.Has(CellFlags.Referenced), StepWriter.PopulateRead);
        Advise(cell => cell.Has(CellFlags.LazyFree), StepWriter.Free);
        _range.Drain();
        Write(cell => cell.Has(CellFlags.LazyFree | CellFlags.Dirty));
        _range.ForEachRun(cell => cell.Has(CellFlags.Pinned), (at, count) => _steps.Range("pin", Address(at), count));
        SwapOut(cell => cell.Kind == PteKind.Swap && !cell.Has(CellFlags.UffdWp));
        Advise(cell => cell.Kind == PteKind.HwPoison, StepWriter.HwPoison);
        Advise(cell => cell.Kind == PteKind.GuardMarker, StepWriter.GuardInstall);
    }

    private static bool IsOld(Cell cell) => cell.Kind == PteKind.Page && !cell.Has(CellFlags.Young) && !cell.Has(CellFlags.LazyFree);

    private void Write(Func<Cell, bool> includes) =>
        _range.ForEachRun(includes, (at, count) => _steps.Range("write", Address(at), count, _stamp + at));

    private void Advise(Func<Cell, bool> includes, int advice) =>
        _range.ForEachRun(includes, (at, count) => _steps.Advise(Address(at), count, advice));

    // Entries of no slot in particular one by one, the last first, so that no two lie in a row. Slots that do are got by one call, in the
    // device's next stretch of slots that is free.
    private void SwapOut(Func<Cell, bool> includes)
    {
        _range.ForEachRun(cell => includes(cell) && cell.Slot == 0, (at, count) =>
        {
            for (int i = at + count - 1; i >= at; i--)
                _steps.Advise(Address(i), 1, StepWriter.PageOut);
        });
        foreach (var run in SwapRun.Of(_table.Cells.AsSpan()).Where(run => includes(_table.Cells[run.At])))
            _steps.Line("swapout", Address(run.At), run.Pages, run.Place, run.Stretch);
    }
}
