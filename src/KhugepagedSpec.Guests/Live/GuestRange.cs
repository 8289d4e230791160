using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Guests.Live;

/// <summary>Where a page table is built in a process of a guest, and the steps that are written for it.</summary>
/// <param name="table">The table that is to be built.</param>
/// <param name="address">Where its range begins: a multiple of the PMD range's bytes, 4 GB of room above.</param>
/// <param name="stamp">What is written in the range's first page; the others count on from there.</param>
/// <param name="machine">The machine that the guest is.</param>
internal sealed class GuestRange(PageTable table, long address, long stamp, MachineType machine)
{
    // In PMD ranges, far from the range, so that no VMA is ever joined to another.
    private const long ElsewhereRanges = 512, ScratchRanges = 1536, RangesEach = 8192, FirstAddress = 1L << 44;

    private bool _isScratchMapped;

    public PageTable Table => table;

    public int Pages => table.Geometry.Pages;

    public long Base => address;

    public long Stamp => stamp;

    public long PageBytes => machine.PageBytes;

    public StepWriter Steps { get; } = new(machine);

    /// <summary>What a PMD entry of a machine spans, in bytes.</summary>
    public static long RangeBytes(MachineType machine) => machine.PageBytes * machine.Geometry.Pages;

    /// <summary>The addresses that belong to one scenario.</summary>
    public static long BytesEach(MachineType machine) => RangesEach * RangeBytes(machine);

    /// <summary>Where the observed range of each scenario lies, so that there is room around it: in the middle of a table of PMD entries,
    /// so that what lies beside it shares that, and there is one. The later it is scanned the lower: an address that the daemon keeps from
    /// one process to the next leaves out the next.</summary>
    /// <param name="index">Which scenario, from 0.</param>
    /// <param name="machine">The machine.</param>
    public static long AddressOf(int index, MachineType machine) =>
        FirstAddress + machine.Geometry.Pages / 2 * RangeBytes(machine) + (LiveScenarios.Together - 1 - index) * BytesEach(machine);

    /// <summary>Where pages are moved to for a while.</summary>
    public long Elsewhere => address + ElsewhereRanges * RangeBytes(machine);

    /// <summary>Where a VMA of its own is to be for a while.</summary>
    public long Apart => address + ScratchRanges / 2 * RangeBytes(machine);

    /// <summary>Where pages are that have nothing to do with the table; the first is <see cref="Drain"/>'s.</summary>
    public long Scratch => address + ScratchRanges * RangeBytes(machine);

    public long Address(int page) => address + page * PageBytes;

    /// <summary>MADV_COLD empties the LRU batches first, so that what they still hold can be seen; it needs a page to work on.</summary>
    public void Drain()
    {
        if (!_isScratchMapped)
            Steps.Range("map", Scratch, 1, 0);
        _isScratchMapped = true;
        Steps.Range("write", Scratch, 1, 1);
        Steps.Advise(Scratch, 1, StepWriter.Cold);
    }

    /// <summary>Calls an action with each run of cells that are included: the first, and how many.</summary>
    public void ForEachRun(Func<Cell, bool> includes, Action<int, int> act) => ForEachRun(i => includes(table.Cells[i]), act);

    /// <summary>The same, of pages.</summary>
    public void ForEachRun(Func<int, bool> includes, Action<int, int> act)
    {
        foreach (var (at, count) in Runs([.. Enumerable.Range(0, Pages).Where(includes)]))
            act(at, count);
    }

    /// <summary>What lies in a row.</summary>
    public static IEnumerable<(int At, int Count)> Runs(List<int> ascending)
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
