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
    private const long PageBytes = 4096;

    // Far from the range, so that no VMA is ever joined to another.
    private const long ElsewhereBytes = 1L << 30, ScratchBytes = 3L << 30;

    private readonly VectorInput _input;
    private readonly PageTable _table;
    private readonly StepWriter _steps = new();
    private readonly long _base;
    private readonly long _stamp;
    private readonly int _pages;

    /// <summary>Starts a builder.</summary>
    /// <param name="input">The scenario.</param>
    /// <param name="address">Where the observed range is to be: a multiple of the PMD range's bytes, 4 GB of room above.</param>
    /// <param name="stamp">What is written in the table's first page; the others count on from there.</param>
    public TableBuilder(VectorInput input, long address, long stamp)
    {
        _input = input;
        _base = address;
        _stamp = stamp;
        _table = Wish(input);
        _pages = _table.Geometry.Pages;
    }

    /// <summary>The table that an input asks for; of one that runs past its end, what fits.</summary>
    public static PageTable Wish(VectorInput input)
    {
        var geometry = input.Settings.Geometry;
        var larger = new Geometry(geometry.PmdOrder + 4);
        var table = TableNotation.Parse(input.PatternText, larger, padWithNone: true);
        if (table.Pmd == PmdState.HugeZero)
            return PageTable.Empty(geometry, PmdState.HugeZero);
        bool huge = input.PatternText == $"m{geometry.PmdOrder}";
        return new PageTable(geometry, table.Cells[..geometry.Pages], huge ? PmdState.Huge : PmdState.Table);
    }

    /// <summary>Makes the process known to khugepaged: it is once a VMA of it was advised, whatever becomes of that.</summary>
    public string Introduce()
    {
        if (!_input.Program.IsEmpty)
            return "";
        long other = _base + ScratchBytes / 2;
        _steps.Range("map", other, 2 * _pages, 0);
        _steps.Range("write", other, 1, 1);
        _steps.Advise(other, 2 * _pages, StepWriter.HugePage);
        _steps.Range("unmap", other, 2 * _pages);
        return _steps.Take();
    }

    /// <summary>Builds everything but what must wait for the settings.</summary>
    public string Build()
    {
        if (!_input.Program.IsEmpty)
            return "";
        Map();
        Shared();
        Folios();
        Small();
        KeepShared();
        Ksm();
        Age();
        foreach (var operation in _input.Setup)
            Do(operation);
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
            return Program();
        long start = Address(Extent.First), pages = Extent.End - Extent.First;
        var flags = VectorSetup.FlagsOf(_input);
        bool isAgainstReads = flags.HasFlag(VmaFlags.UffdRwp);
        int mode = (flags.HasFlag(VmaFlags.UffdWp) ? UffdWp : 0) | (isAgainstReads ? UffdRwp : 0) | (_input.Has("uffdm") ? UffdMissing : 0);
        if (mode != 0)
            _steps.Range("userfault", start, pages, mode);
        ForEachRun(
            cell => cell.Has(CellFlags.UffdWp) || cell.Kind == PteKind.UffdWpMarker,
            (at, count) => _steps.Range(isAgainstReads ? "rwprotect" : "protect", Address(at), count));
        SwapOut(cell => cell.Kind == PteKind.Swap && cell.Has(CellFlags.UffdWp));
        ForEachRun(cell => cell.Kind == PteKind.PoisonMarker, (at, count) => _steps.Range("poison", Address(at), count));
        if (_input.Has("mlock"))
            _steps.Range("lock", start, pages);
        if (_input.Has("nohuge"))
            _steps.Advise(start, pages, StepWriter.NoHugePage);
        else if (!_input.Has("noadv"))
            _steps.Advise(start, pages, StepWriter.HugePage);
        if (_input.Has("rdonly"))
            _steps.Range("readonly", start, pages);
        Drain();
        return _steps.Take();
    }

    // What the process does if the scenario begins as a program, with nothing before it that would make it known to khugepaged.
    private string Program()
    {
        DisableThp();
        if (_input.Settings.UseZeroPage)
            _steps.SetThp("use_zero_page", 1);
        foreach (var (verb, first, pages) in _input.Program)
        {
            long address = Address((int)first);
            switch (verb)
            {
                case ProgramVerb.Mmap: _steps.Range("map", address, pages, 0); break;
                case ProgramVerb.Touch: _steps.Range("write", address, pages, _stamp + first); break;
                case ProgramVerb.Read: _steps.Range("read", address, pages); break;
                default: _steps.Advise(address, pages, Advice(verb)); break;
            }

            // Which slots they went to is told now: what comes next may bring them back.
            if (verb == ProgramVerb.PageOut)
                _steps.Line("words", "/proc/self/pagemap", _base / PageBytes, _pages);
        }

        if (_input.Settings.UseZeroPage)
            _steps.SetThp("use_zero_page", 0);

        // What MADV_FREE marked is seen once the LRU batches are empty.
        Drain();
        return _steps.Take();

        static int Advice(ProgramVerb verb) => verb switch
        {
            ProgramVerb.HugePage => StepWriter.HugePage,
            ProgramVerb.NoHugePage => StepWriter.NoHugePage,
            ProgramVerb.Cold => StepWriter.Cold,
            ProgramVerb.PageOut => StepWriter.PageOut,
            ProgramVerb.Free => StepWriter.Free,
            ProgramVerb.DontNeed => StepWriter.DontNeed,
            _ => StepWriter.GuardInstall,
        };
    }

    /// <summary>What a program did after a pass.</summary>
    public string Then()
    {
        foreach (var operation in _input.Then)
            Do(operation);
        Drain();
        return _steps.Take();
    }

    /// <summary>Reads every page whose contents are known and can be read without waiting for a userfault handler.</summary>
    /// <param name="after">The table now.</param>
    public string Check(PageTable after)
    {
        if (_input.Setup.Length + _input.Then.Length + _input.Program.Length > 0)
            return "";
        ForEachRun(i => Expected(i, after) == Content.Stamp, (at, count) => _steps.Range("check", Address(at), count, _stamp + at));
        ForEachRun(i => Expected(i, after) == Content.Zero, (at, count) => _steps.Range("check", Address(at), count, 0));
        return _steps.Take();
    }

    private (int First, int End) Extent => _input.Extent;

    private long Address(int page) => _base + page * PageBytes;

    // The range with room for whole folios on both sides.
    private void Map() => _steps.Range("map", Address(-_pages), 3 * _pages, 0);

    private void Trim()
    {
        var (first, end) = Extent;

        // A page beside the range leaves its anon_vma, and goes where the VMA is to have no other page; a page that is zapped by less than a
        // range at a time leaves its table.
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

    // A folio that is to lie off its boundary is made while the whole range is moved elsewhere by as much.
    private void Folios()
    {
        var plan = FolioPlan.Of(_table, []);
        long place = _base;
        int order = 0;
        foreach (var folio in plan)
        {
            // A huge page is made only where there is not even a PTE table.
            bool isHuge = folio.Order == _table.Geometry.PmdOrder;
            if (isHuge || (_base + folio.First * PageBytes + (place - _base)) % (PageBytes << folio.Order) != 0)
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
        if (_table.Pmd == PmdState.Table && plan.Any(folio => folio.Order == _table.Geometry.PmdOrder) && place % (PageBytes * _pages) == 0)
            place = MoveTo(place, Elsewhere(1));
        MoveTo(place, _base);

        void Enable(int size, bool isWanted)
        {
            if (size > 0)
                _steps.SetSize(size, isWanted ? "always" : StepWriter.Unbuilt(size, _table.Geometry));
        }
    }

    // A place where nothing was yet, so many pages off a boundary.
    private long Elsewhere(int shift) => _base + ElsewhereBytes + ++_places * 8 * _pages * PageBytes + shift * PageBytes;

    private long MoveTo(long from, long to)
    {
        if (from != to)
            _steps.Range("move", from - _pages * PageBytes, 3 * _pages, to - _pages * PageBytes);
        return to;
    }

    private void MakeFolio(PlannedFolio folio, long place)
    {
        foreach (var (at, count) in Runs(folio.Kept))
            _steps.Range("write", place + at * PageBytes, count, _stamp + at);
        var dropped = Enumerable.Range(folio.First, folio.Pages).Except(folio.Kept).ToList();
        foreach (var (at, count) in Runs(dropped))
            _steps.Advise(place + at * PageBytes, count, StepWriter.DontNeed);
    }

    // Before there is anything else that the child would share and write-protect.
    private void Shared()
    {
        bool some = false;
        ForEachRun(FolioPlan.IsSharedPage, (at, count) =>
        {
            _steps.Range("write", Address(at), count, _stamp + at);
            _steps.Range("keep", Address(at), count);
            some = true;
        });
        if (some)
            _steps.Range("share", Address(-_pages), 3 * _pages);
    }

    // What the recorder's own operation shares, folios too: all pages are there by then.
    private void KeepShared()
    {
        var ranges = _input.Setup.Where(operation => operation.What == 'H').ToList();
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
        ForEachRun(cell => IsWritten(cell) && !cell.Has(CellFlags.ZeroFilled), (at, count) => _steps.Range("write", Address(at), count, _stamp + at));
        ForEachRun(cell => IsWritten(cell) && cell.Has(CellFlags.ZeroFilled), (at, count) => _steps.Range("write", Address(at), count, 0));
        ForEachRun(cell => cell.Kind == PteKind.ZeroPage, (at, count) => _steps.Range("read", Address(at), count));

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
        long twin = _base + ScratchBytes + 16 * PageBytes, contents = _stamp + 4 * _pages;
        _steps.Range("map", twin, 1, 0);
        _steps.Range("write", twin, 1, contents);
        ForEachRun(IsKsm, (at, count) =>
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
        ForEachRun(IsOld, (at, count) => _steps.Advise(Address(at), count, StepWriter.Cold));
        Drain();
        ForEachRun(cell => IsOld(cell) && cell.Has(CellFlags.Referenced), (at, count) => _steps.Advise(Address(at), count, StepWriter.PopulateRead));
        ForEachRun(cell => cell.Has(CellFlags.LazyFree), (at, count) => _steps.Advise(Address(at), count, StepWriter.Free));
        Drain();
        ForEachRun(cell => cell.Has(CellFlags.LazyFree | CellFlags.Dirty), (at, count) => _steps.Range("write", Address(at), count, _stamp + at));
        ForEachRun(cell => cell.Has(CellFlags.Pinned), (at, count) => _steps.Range("pin", Address(at), count));
        SwapOut(cell => cell.Kind == PteKind.Swap && !cell.Has(CellFlags.UffdWp));
        ForEachRun(cell => cell.Kind == PteKind.HwPoison, (at, count) => _steps.Advise(Address(at), count, StepWriter.HwPoison));
        ForEachRun(cell => cell.Kind == PteKind.GuardMarker, (at, count) => _steps.Advise(Address(at), count, StepWriter.GuardInstall));

        static bool IsOld(Cell cell) => cell is { Kind: PteKind.Page, Order: 0 } && !cell.Has(CellFlags.Young) && !cell.Has(CellFlags.LazyFree);
    }

    // Entries of no slot in particular one by one, the last first, so that no two lie in a row. Slots that do are got by one call, at the
    // place in the device's next stretch of slots that is wanted.
    private void SwapOut(Func<Cell, bool> includes)
    {
        ForEachRun(cell => includes(cell) && cell.Slot == 0, (at, count) =>
        {
            for (int i = at + count - 1; i >= at; i--)
                _steps.Advise(Address(i), 1, StepWriter.PageOut);
        });
        for (int i = 0, run; i < _pages; i += run)
        {
            for (run = 1; i + run < _pages && _table.Cells[i + run - 1].ContinuesInto(_table.Cells[i + run]) && _table.Cells[i].Slot > 0;)
                run++;
            if (_table.Cells[i].Slot > 0 && includes(_table.Cells[i]))
                _steps.Range("swapout", Address(i), run, _table.Cells[i].Slot % _pages);
        }
    }

    private void Do(VectorOperation operation)
    {
        var (what, offset, pages) = operation;
        long address = Address(offset);
        switch (what)
        {
            case 'D': _steps.Advise(address, pages, StepWriter.DontNeed); break;
            case 'C': _steps.Advise(address, pages, StepWriter.Cold); break;
            case 'P': _steps.Advise(address, pages, StepWriter.PageOut); break;
            case 'F': _steps.Advise(address, pages, StepWriter.Free); break;
            case 'G': _steps.Advise(address, pages, StepWriter.GuardInstall); break;
            case 'W': _steps.Range("write", address, pages, _stamp + 8 * _pages + offset); break;
            case 'R': _steps.Range("read", address, pages); break;
            case 'N': _steps.Range("pin", address, pages); break;
        }
    }

    // MADV_COLD empties the LRU batches first, so that what they still hold can be seen; it needs a page to work on.
    private void Drain()
    {
        long scratch = _base + ScratchBytes;
        if (!_isScratchMapped)
            _steps.Range("map", scratch, 1, 0);
        _isScratchMapped = true;
        _steps.Range("write", scratch, 1, 1);
        _steps.Advise(scratch, 1, StepWriter.Cold);
    }

    private bool _isScratchMapped;
    private int _places;

    private enum Content
    {
        Unknown,
        Stamp,
        Zero,
    }

    private Content Expected(int i, PageTable after)
    {
        var (was, now) = (_table.Cells[i], after.Cells[i]);
        if (i < Extent.First || i >= Extent.End || now.Kind is not (PteKind.Page or PteKind.ZeroPage or PteKind.Swap) || was.Has(CellFlags.Ksm)
            || (_input.Has("uffdr") && was.Has(CellFlags.UffdWp)))
            return Content.Unknown;
        return was.Kind switch
        {
            PteKind.None or PteKind.ZeroPage => Content.Zero,
            PteKind.Page or PteKind.Swap => was.Has(CellFlags.ZeroFilled) ? Content.Zero : Content.Stamp,
            _ => Content.Unknown,
        };
    }

    private void ForEachRun(Func<Cell, bool> includes, Action<int, int> act) => ForEachRun(i => includes(_table.Cells[i]), act);

    private void ForEachRun(Func<int, bool> includes, Action<int, int> act)
    {
        foreach (var (at, count) in Runs([.. Enumerable.Range(0, _pages).Where(includes)]))
            act(at, count);
    }

    private static IEnumerable<(int At, int Count)> Runs(List<int> ascending)
    {
        for (int i = 0, end; i < ascending.Count; i = end)
        {
            end = i + 1;
            while (end < ascending.Count && ascending[end] == ascending[end - 1] + 1)
                end++;
            yield return (ascending[i], end - i);
        }
    }
}
