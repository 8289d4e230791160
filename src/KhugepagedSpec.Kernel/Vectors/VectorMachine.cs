using System.Collections.Immutable;
using System.Runtime.InteropServices;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.UserSpace;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Kernel.Vectors;

/// <summary>
/// The recorder's guest, rebuilt in the model: the process with the observed PMD range, its neighbours if it had some, and the
/// child that shares pages with it. Runs pass by pass.
/// </summary>
public sealed class VectorMachine
{
    private const int NeighbourPages = 64;

    private readonly VectorInput _input;
    private readonly AddressSpace _process;
    private readonly Khugepaged _khugepaged;
    private Statistics _lastRead = new();

    /// <summary>Rebuilds the guest as it was just before the first pass.</summary>
    /// <param name="vector">What was recorded.</param>
    /// <param name="version">The khugepaged to run on it.</param>
    /// <param name="traced">Keep trace lines and every step of each walk.</param>
    public VectorMachine(RecordedVector vector, KhugepagedVersion version, bool traced = false)
    {
        _input = vector.Input;
        Machine = new Machine(version, _input.Settings) { KeepWalks = traced, Trace = traced ? [] : null };
        _process = Machine.AddProcess();
        _khugepaged = new Khugepaged(Machine);
        Base = 4L * Machine.Geometry.Pages;
        Place(vector.Before);
    }

    /// <summary>The machine.</summary>
    public Machine Machine { get; }

    /// <summary>The VMA around the observed range.</summary>
    public Vma Vma => _process.Vmas[0];

    /// <summary>The first page of the observed range.</summary>
    public long Base { get; }

    /// <summary>The observed range as it is now.</summary>
    public PageTable Table => TableImage.Read(Machine, _process, Base, Machine.Memory.Clock - 1);

    /// <summary>The memory of our VMA that is mapped by huge PMD entries, in KB.</summary>
    public long PmdMappedKb
    {
        get
        {
            long pages = 0;
            for (long start = Base - Machine.Geometry.Pages; start <= Base + Machine.Geometry.Pages; start += Machine.Geometry.Pages)
                if (_process.TableAt(start).Pmd == PmdState.Huge)
                    pages += Machine.Geometry.Pages;
            return pages * 4;
        }
    }

    /// <summary>True if the settings make VMAs eligible that never asked: the recorder's own, too.</summary>
    public bool OthersAreEligible => !Machine.Settings.OrdersFor(advised: false).IsEmpty;

    /// <summary>What the counters grew by since they were last read this way; the recorder reads them after each pass.</summary>
    public Statistics ReadStatistics()
    {
        var added = Machine.Statistics.Since(_lastRead);
        _lastRead = Machine.Statistics.Copy();
        return added;
    }

    /// <summary>One full scan, or one MADV_COLLAPSE call.</summary>
    public (PassReport Report, MadviseReport? Madvise) Pass()
    {
        Machine.Memory.Clock++;
        if (_input.Kind == CollapseKind.Khugepaged)
            return (_khugepaged.Pass(), null);
        var madvise = MadviseCollapse.Call(Machine, _process, Vma, Base, Base + Machine.Geometry.Pages);
        return (madvise.Report, madvise);
    }

    /// <summary>Does what the recorder's program did after the first pass.</summary>
    public void RunThen()
    {
        var program = new UserProgram(Machine, _process);
        foreach (var (what, offset, length) in _input.Then)
            Do(program, what, Base + offset, length);
    }

    private static void Do(UserProgram program, char what, long start, int length)
    {
        Action<long, long> act = what switch
        {
            'D' => program.DontNeed,
            'W' => program.Write,
            'R' => program.Read,
            'C' => program.Cold,
            'P' => program.PageOut,
            'F' => program.Free,
            'G' => program.Guard,
            'N' => program.Pin,
            _ => throw new ArgumentOutOfRangeException(nameof(what), what, "not something a program does between passes"),
        };
        act(start, length);
    }

    private void Place(PageTable before)
    {
        if (_input.Has("thpdis"))
            _process.ThpDisable = ThpDisable.Completely;
        _process.Add(VmaOf(_input, Base));
        var table = VectorSetup.WithHiddenState(before, _input);
        var shared = SharedCells(table);
        TableImage.Place(Machine, _process, Base, shared.IsEmpty ? table : Unshared(table));
        if (_input.Shape == VmaShape.Big3)
        {
            TableImage.Place(Machine, _process, Base - Machine.Geometry.Pages, Neighbour(atEnd: true));
            TableImage.Place(Machine, _process, Base + Machine.Geometry.Pages, Neighbour(atEnd: false));
        }
        if (!shared.IsEmpty)
            new UserProgram(Machine, _process).Fork(
                page => shared.Contains((int)(page - Base)),
                flags => flags & ~(VmaFlags.HugePage | VmaFlags.NoHugePage | VmaFlags.Locked | VmaFlags.UffdMissing | VmaFlags.UffdWp));
    }

    /// <summary>The recorder's VMA, around an observed range that begins at <paramref name="start"/>.</summary>
    internal static Vma VmaOf(VectorInput input, long start)
    {
        int pages = input.Settings.Geometry.Pages;
        var (below, above) = input.Shape switch
        {
            VmaShape.Big => (NeighbourPages, NeighbourPages),
            VmaShape.Big3 => (pages, pages),
            VmaShape.Low => (NeighbourPages / 2, 0),
            VmaShape.High => (0, NeighbourPages / 2),
            VmaShape.Short => (-1, 0),
            VmaShape.ShortEnd => (0, -1),
            _ => (0, 0),
        };
        return new Vma(start - below, start + pages + above, VectorSetup.FlagsOf(input), VectorSetup.HasAnonVma(input));
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
        var cells = new Cell[Machine.Geometry.Pages];
        (atEnd ? cells.AsSpan()[^NeighbourPages..] : cells.AsSpan()[..NeighbourPages]).Fill(Cell.Plain);
        return new PageTable(Machine.Geometry, ImmutableCollectionsMarshal.AsImmutableArray(cells));
    }
}
