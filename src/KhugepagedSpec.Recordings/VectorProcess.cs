using System.Collections.Immutable;
using System.Runtime.InteropServices;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.UserSpace;

namespace KhugepagedSpec.Recordings;

/// <summary>
/// The recorder's process, rebuilt in the model: the observed PMD range, its neighbours if it had some, and the child that
/// shares pages with it.
/// </summary>
public sealed class VectorProcess
{
    private const int NeighbourPages = 64;

    private readonly VectorInput _input;
    private readonly Machine _machine;
    private readonly AddressSpace _process;
    private readonly RecordedVector _vector;
    private readonly AddressSpace? _child;
    private readonly TraceNormalForm _trace = new();
    private Dictionary<ulong, int> _before = [];

    internal VectorProcess(Machine machine, RecordedVector vector)
    {
        _vector = vector;
        _input = vector.Input;
        _machine = machine;
        _process = _input.Program.IsEmpty ? machine.AddProcess() : machine.StartProcess();
        _process.ThpDisable = _input.ThpDisable;
        Base = 4L * machine.Geometry.Pages;
        _child = _input.Program.IsEmpty ? Place(vector.Before) : null;
    }

    /// <summary>The program that the scenario begins as, if it does; to be run once every other process is there.</summary>
    internal void Begin()
    {
        var slots = new Queue<string>(_vector.ProgramSlots);

        // The recorder sets it around each program, whatever the others in the same passes have.
        var shared = _machine.Settings;
        _machine.Settings = shared with { UseZeroPage = _input.Settings.UseZeroPage };
        foreach (var step in _input.Program)
        {
            step.Run(_machine, _process, Base);
            if (step.Verb == ProgramVerb.PageOut && slots.TryDequeue(out string? seen))
                NoteSlots(seen);
        }
        _machine.Settings = shared;
    }

    /// <summary>The process itself.</summary>
    public AddressSpace Process => _process;

    /// <summary>The VMA around the observed range; an empty one where there is none.</summary>
    public Vma Vma => _process.FindVma(Base) ?? VmaOf(_input, Base) with { Flags = VmaFlags.None };

    /// <summary>The first page of the observed range.</summary>
    public long Base { get; }

    /// <summary>The observed range as it is now.</summary>
    public PageTable Table => TableImage.Read(_machine, _process, Base, _machine.Memory.Clock - 1);

    /// <summary>The same, without regard to what is new.</summary>
    internal PageTable TableBefore => TableImage.Read(_machine, _process, Base);

    /// <summary>The memory of our VMA that is mapped by huge PMD entries, in KB.</summary>
    public long PmdMappedKb
    {
        get
        {
            long pages = 0;
            for (long start = Base - _machine.Geometry.Pages; start <= Base + _machine.Geometry.Pages; start += _machine.Geometry.Pages)
                if (_process.TableAt(start).Pmd == PmdState.Huge)
                    pages += _machine.Geometry.Pages;
            return pages * _machine.Type.PageKilobytes;
        }
    }

    /// <summary>True if the visit was to this process or its child.</summary>
    internal bool Owns(int mm) => mm == _process.Id || mm == _child?.Id;

    /// <summary>One MADV_COLLAPSE call on the observed range.</summary>
    internal MadviseReport Collapse() => MadviseCollapse.Call(_machine, _process, Vma, Base, Base + _machine.Geometry.Pages);

    /// <summary>Notes where each folio is, for the trace lines of the pass to come.</summary>
    internal void LookAtFolios() => _before = Folios();

    /// <summary>Trace lines of ranges of this process, after the pass they are of.</summary>
    internal ImmutableArray<string> InNormalForm(IEnumerable<string> lines)
    {
        var after = Folios();
        return [.. lines.Select(line => _trace.Of(line, _before, after))];
    }

    // By first frame; the neighbours' ranges too.
    private Dictionary<ulong, int> Folios()
    {
        var places = new Dictionary<ulong, int>();
        int pages = _machine.Geometry.Pages;
        for (int page = -pages; page < 2 * pages; page++)
        {
            var table = _process.TableAt(Base + page);
            int index = _machine.Geometry.IndexOf(Base + page);
            int pfn = table.Pmd == PmdState.Huge ? table.HugePfn + index
                : table.Pmd == PmdState.Table && table.Ptes[index].Kind == PteKind.Page ? table.Ptes[index].Pfn
                : -1;
            if (pfn >= 0)
                places.TryAdd((ulong)_machine.Memory.HeadOf(pfn), page);
        }
        return places;
    }

    /// <summary>Does what the recorder's program did after a pass.</summary>
    public void RunThen()
    {
        foreach (var (verb, offset, length) in _input.Then)
            new ProgramStep(verb, offset, length).Run(_machine, _process, Base);
        if (_vector.ThenSlots is { } slots)
            NoteSlots(slots);
    }

    /// <summary>The recorder's VMA, around an observed range that begins at <paramref name="start"/>.</summary>
    internal static Vma VmaOf(VectorInput input, long start)
    {
        var (first, end) = input.Extent;
        return new Vma(start + first, start + end, VectorSetup.FlagsOf(input), VectorSetup.HasAnonVma(input));
    }

    /// <summary>The first page of a VMA of that shape and one past its last, from the observed range's first.</summary>
    internal static (int First, int End) Extent(VmaShape shape, int pages) => shape switch
    {
        VmaShape.Big => (-NeighbourPages, pages + NeighbourPages),
        VmaShape.Big3 => (-pages, pages + pages),
        VmaShape.Low => (-NeighbourPages / 2, pages),
        VmaShape.High => (0, pages + NeighbourPages / 2),
        VmaShape.Short => (1, pages),
        VmaShape.ShortEnd => (0, pages - 1),
        _ => (0, pages),
    };

    /// <summary>The populated pages beside the observed range, below and above it.</summary>
    internal static (int Below, int Above) Neighbours(VmaShape shape) => shape switch
    {
        VmaShape.Big or VmaShape.Big3 => (NeighbourPages, NeighbourPages),
        VmaShape.Low => (NeighbourPages / 2, 0),
        VmaShape.High => (0, NeighbourPages / 2),
        _ => (0, 0),
    };

    // Which slots a swap device gives is its own affair; what follows from them is not.
    private void NoteSlots(string seen)
    {
        if (_process.TableAt(Base).Pmd != PmdState.Table)
            return;
        var ptes = _process.TableAt(Base).Ptes;
        int[] slots = TableNotation.ReadSlots(seen, ptes.Length);
        for (int i = 0; i < ptes.Length; i++)
            if (ptes[i].Kind == PteKind.Swap && slots[i] > 0)
            {
                _machine.Swap.Release(_machine.Memory, ptes[i]);
                _machine.Swap.Claim(_machine.Memory, ptes[i].Pfn, slots[i]);
            }
    }

    private AddressSpace? Place(PageTable before)
    {
        _process.Add(VmaOf(_input, Base));
        var table = VectorSetup.WithHiddenState(before, _input);
        var shared = SharedCells(table);
        TableImage.Place(_machine, _process, Base, shared.IsEmpty ? table : Unshared(table));
        if (_input.Shape == VmaShape.Big3)
        {
            TableImage.Place(_machine, _process, Base - _machine.Geometry.Pages, Neighbour(atEnd: true));
            TableImage.Place(_machine, _process, Base + _machine.Geometry.Pages, Neighbour(atEnd: false));
        }
        return shared.IsEmpty ? null : new UserProgram(_machine, _process).Fork(
            page => shared.Contains((int)(page - Base)),
            flags => flags & ~(VmaFlags.HugePage | VmaFlags.NoHugePage | VmaFlags.Locked | VmaFlags.UffdMissing | VmaFlags.UffdWp));
    }

    private static ImmutableHashSet<int> SharedCells(PageTable table)
    {
        ImmutableHashSet<int>.Builder? shared = null;
        for (int i = 0; i < table.Cells.Length; i++)
            if (table.Cells[i].Has(CellFlags.Shared))
                (shared ??= ImmutableHashSet.CreateBuilder<int>()).Add(i);
        return shared?.ToImmutable() ?? [];
    }

    private static PageTable Unshared(PageTable table) =>
        new(table.Geometry, [.. table.Cells.Select(cell => cell with { Flags = cell.Flags & ~CellFlags.Shared })], table.Pmd);

    private PageTable Neighbour(bool atEnd)
    {
        var cells = new Cell[_machine.Geometry.Pages];
        (atEnd ? cells.AsSpan()[^NeighbourPages..] : cells.AsSpan()[..NeighbourPages]).Fill(Cell.Plain);
        return new PageTable(_machine.Geometry, ImmutableCollectionsMarshal.AsImmutableArray(cells));
    }
}
