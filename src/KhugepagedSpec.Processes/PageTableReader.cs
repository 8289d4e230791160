using System.Runtime.InteropServices;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Processes;

/// <summary>Reads the PTEs of one PMD range, or of the part of it that a VMA has.</summary>
/// <param name="proc">The machine.</param>
/// <param name="pagemap">The process's pagemap.</param>
/// <param name="geometry">The geometry of its tables.</param>
/// <param name="figures">What smaps says of the VMA: what no word of a page tells is taken from there.</param>
internal sealed class PageTableReader(IProcFiles proc, string pagemap, Geometry geometry, SmapsFigures figures)
{
    /// <summary>The flags of every page frame.</summary>
    public const string KernelFlags = "/proc/kpageflags";

    private const string KernelCounts = "/proc/kpagecount";

    // How often a range may change while it is read before it is taken as it is.
    private const int Tries = 3;

    // Folios are aligned, so one of the PMD's order or below lies within this many frames of its kind.
    private int BlockFrames => geometry.Pages;

    /// <summary>Reads them.</summary>
    /// <param name="start">The first page.</param>
    /// <param name="pages">How many; a whole range gives a table.</param>
    /// <param name="isHuge">The PMD entry maps them.</param>
    public (PageTable? Table, PageCounts Counts, bool Changed) Read(long start, int pages, bool isHuge)
    {
        WordRun[] run = [new(start, pages)];
        var entries = proc.Words(pagemap, run) ?? new ulong[pages];
        for (int tries = 1; ; tries++)
        {
            var (cells, counts) = Decode(entries, isHuge);
            var again = proc.Words(pagemap, run) ?? new ulong[pages];
            bool changed = !again.AsSpan().SequenceEqual(entries);
            if (changed && tries < Tries)
            {
                entries = again;
                continue;
            }
            var table = pages != geometry.Pages ? null
                : isHuge ? PageMap.HugeTable(geometry, cells)
                : new PageTable(geometry, ImmutableCollectionsMarshal.AsImmutableArray(cells), IsEmpty(cells) ? PmdState.None
                    : PmdState.Table);
            return (table, counts, changed);
        }
    }

    private static bool IsEmpty(Cell[] cells) => Array.TrueForAll(cells, cell => cell.Kind == PteKind.None);

    private (Cell[] Cells, PageCounts Counts) Decode(ulong[] entries, bool isHuge)
    {
        var runs = Frames(entries);
        int present = runs.Sum(run => run.Count);
        var flags = proc.Words(KernelFlags, runs) ?? new ulong[present];
        var mappings = proc.Words(KernelCounts, runs) ?? new ulong[present];
        RefuseHiddenFrames(entries);
        var folios = Folios(runs, flags);
        var cells = new Cell[entries.Length];
        var ksm = new Dictionary<ulong, int>();
        long anonymous = 0, large = 0, swap = 0;
        for (int i = 0, at = 0; i < entries.Length; i++)
        {
            ulong frame = PageMap.FrameOf(entries[i]);
            if (!PageMap.IsPresent(entries[i]))
            {
                cells[i] = PageMap.CellOf(entries[i], 0, 0, 0);
                swap += cells[i].Kind == PteKind.Swap ? 1 : 0;

                // smaps looks through entries that stand for a page.
                anonymous += cells[i].Kind == PteKind.HwPoison ? 1 : 0;
                continue;
            }
            var (order, page) = PageMap.IsLarge(flags[at]) ? folios[frame] : (0, 0);
            cells[i] = WithWhatIsKnown(PageMap.CellOf(entries[i], flags[at], order, page), flags[at], mappings[at]);
            if (PageMap.IsKsm(flags[at]) && !ksm.TryAdd(frame, i))
                cells[i] = cells[ksm[frame]] = TableNotation.CellOf('K')!.Value;
            bool isAnon = PageMap.IsAnon(flags[at]);
            anonymous += isAnon ? 1 : 0;
            large += isAnon && order > 0 ? 1 : 0;
            at++;
        }
        PageMap.ShareWholeFolios(cells);
        return (cells, new PageCounts(anonymous, isHuge ? anonymous : 0, large, swap));
    }

    // Of accessed and dirty bits only sums by VMA are to be had.
    private Cell WithWhatIsKnown(Cell cell, ulong flags, ulong mappings)
    {
        if (cell.Kind != PteKind.Page)
            return cell;
        var state = cell.Flags;
        if (figures.Referenced == 0)
            state &= ~CellFlags.Young;
        if (cell.Has(CellFlags.LazyFree) && figures.LazyFree == 0)
            state |= CellFlags.Young | CellFlags.Dirty;
        if (mappings > 1)
            state |= CellFlags.Shared;
        if (PageMap.IsLocked(flags))
            state |= CellFlags.Locked;
        return cell with { Flags = state };
    }

    // Which order and which page of the folio each frame of a large one is.
    private Dictionary<ulong, (int Order, int Page)> Folios(List<WordRun> runs, ulong[] flags)
    {
        var blocks = new HashSet<long>();
        int at = 0;
        foreach (var run in runs)
            for (int i = 0; i < run.Count; i++)
                if (PageMap.IsLarge(flags[at++]))
                    blocks.Add((run.First + i) / BlockFrames);
        var folios = new Dictionary<ulong, (int, int)>();
        if (blocks.Count == 0)
            return folios;
        var wanted = blocks.Order().Select(block => new WordRun(block * BlockFrames, BlockFrames)).ToList();
        var words = proc.Words(KernelFlags, wanted) ?? new ulong[wanted.Count * BlockFrames];
        for (int block = 0; block < wanted.Count; block++)
            Measure(words.AsSpan(block * BlockFrames, BlockFrames), (ulong)wanted[block].First, folios);
        return folios;
    }

    // A head and the tails after it. What does not begin here belongs to a folio above the PMD's order, or is in flux: single pages.
    private static void Measure(ReadOnlySpan<ulong> flags, ulong first, Dictionary<ulong, (int Order, int Page)> folios)
    {
        for (int i = 0; i < flags.Length;)
        {
            int end = i + 1;
            if (PageMap.IsHead(flags[i]))
                while (end < flags.Length && PageMap.IsTail(flags[end]))
                    end++;
            int order = System.Numerics.BitOperations.Log2((uint)(end - i));
            for (int page = 0; page < end - i; page++)
                folios[first + (ulong)(i + page)] = (order, page & ((1 << order) - 1));
            i = end;
        }
    }

    // Frames of present PTEs, in the order of the PTEs; neighbours together.
    private static List<WordRun> Frames(ulong[] entries)
    {
        var runs = new List<WordRun>();
        foreach (ulong entry in entries)
        {
            if (!PageMap.IsPresent(entry))
                continue;
            long frame = (long)PageMap.FrameOf(entry);
            if (runs.Count > 0 && runs[^1].First + runs[^1].Count == frame)
                runs[^1] = runs[^1] with { Count = runs[^1].Count + 1 };
            else
                runs.Add(new WordRun(frame, 1));
        }
        return runs;
    }

    // Without CAP_SYS_ADMIN pagemap shows frame 0 everywhere, and no error.
    private static void RefuseHiddenFrames(ulong[] entries)
    {
        foreach (ulong entry in entries)
            if (PageMap.IsPresent(entry) && PageMap.FrameOf(entry) == 0)
                throw new CaptureException("pagemap hides the frames: expected to run as root, with CAP_SYS_ADMIN");
    }
}
