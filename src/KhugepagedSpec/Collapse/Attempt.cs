using KhugepagedSpec.Policies;
using KhugepagedSpec.Results;
using KhugepagedSpec.Walk;

namespace KhugepagedSpec.Collapse;

/// <summary>What isolation counted, when it ran.</summary>
/// <param name="NoneOrZero">Empty and zero-page PTEs of the window.</param>
/// <param name="Referenced">PTEs of the window referenced; 0 for MADV_COLLAPSE.</param>
public readonly record struct IsolateReport(int NoneOrZero, int Referenced);

/// <summary>What the swap-in step did, when it ran.</summary>
/// <param name="SwappedIn">Entries brought back.</param>
/// <param name="Result">How it ended.</param>
public readonly record struct SwapinReport(int SwappedIn, ScanResult Result);

/// <summary>One call of collapse_huge_page.</summary>
/// <param name="Offset">The window's first PTE, counted from the start of its PMD range.</param>
/// <param name="Order">The window's order.</param>
/// <param name="Status">How it ended.</param>
/// <param name="Isolate">What isolation counted; null if it did not run.</param>
/// <param name="Swapin">What swap-in did; null if it did not run.</param>
public readonly record struct Attempt(int Offset, int Order, ScanResult Status, IsolateReport? Isolate, SwapinReport? Swapin)
{
    /// <summary>The offset of an attempt of which only tracepoints told.</summary>
    public const int UnknownOffset = int.MinValue;

    /// <summary>Whether a PTE is of a window that was collapsed; any is if the offset is not known.</summary>
    /// <param name="index">The PTE.</param>
    public bool Collapsed(int index) =>
        Status == ScanResult.Succeed && (Offset == UnknownOffset || (index >= Offset && index - Offset < 1 << Order));

    /// <summary>The recorders' form:
    /// <c>offset/order:status:n&lt;none&gt;:r&lt;referenced&gt;:sw&lt;swapped&gt;/&lt;result&gt;</c>.</summary>
    public override string ToString() =>
        (Offset == UnknownOffset ? "?" : $"{Offset}") + $"/{Order}:{Status.TraceName()}"
        + (Isolate is { } isolate ? $":n{isolate.NoneOrZero}:r{isolate.Referenced}" : "")
        + (Swapin is { } swapin ? $":sw{swapin.SwappedIn}/{(int)swapin.Result}" : "");
}

/// <summary>Why a walk did what it did at one window.</summary>
public enum WalkReason
{
    /// <summary>The order is not enabled.</summary>
    Disabled,

    /// <summary>Too few PTEs of the window hold a page.</summary>
    TooEmpty,

    /// <summary>The window was tried.</summary>
    Tried,

    /// <summary>The version supports no such max_ptes_none below the PMD's order, and the walk ends (v13 to v17).</summary>
    Unsupported,

    /// <summary>The VMA does not cover the window (rounds, which visits ranges that a VMA covers in part).</summary>
    OutsideVma,

    /// <summary>The window does not lie in the range, and the walk ends; no kernel's does that.</summary>
    OutsideTable,
}

/// <summary>One step of a walk: a window, what was found there, and where that led.</summary>
/// <param name="Offset">The window's first PTE.</param>
/// <param name="Order">The window's order.</param>
/// <param name="Reason">Why it was tried or not.</param>
/// <param name="Occupied">PTEs with a usable page, as the scan saw them; chunks if <see cref="CountsChunks"/>.</param>
/// <param name="Needed">How many of them the limit asks for; for <see cref="WalkReason.Unsupported"/> the limit itself.</param>
/// <param name="Result">For a window that was tried: how that ended.</param>
/// <param name="Verdict">Where the walk went.</param>
public readonly record struct WalkStep(int Offset, int Order, WalkReason Reason, int Occupied, int Needed, ScanResult Result,
    WalkVerdict Verdict)
{
    /// <summary>Occupied and needed are chunks of order 2 and not PTEs (v5).</summary>
    public bool CountsChunks { get; init; }

    /// <summary>The version tries such a window without a look at its occupancy.</summary>
    public bool IsUntested { get; init; }

    /// <summary>How many of the occupied are entries that are not present, of the whole table or the window: the version's rule.</summary>
    public int NotPresent { get; init; }

    /// <summary>For a window that was tried in vain: what was in the way.</summary>
    public Refusal? Why { get; init; }

    /// <summary>What lay on the stack once this window had been popped; null for a walk without a stack.</summary>
    public WindowStack? Waiting { get; init; }
}

/// <summary>A PTE that others changed during a visit.</summary>
/// <param name="Attempt">The index of the attempt in whose gaps it was.</param>
/// <param name="Index">The PTE.</param>
/// <param name="Cell">What it was then.</param>
public readonly record struct ChangeByOthers(int Attempt, int Index, PageTables.Cell Cell);

/// <summary>All that was done to one PMD range in one visit: scan, walk, attempts.</summary>
public sealed class TableRun
{
    internal TableRun(int mm, long start, ScanReport scan, TraceText text)
    {
        Text = text;
        Mm = mm;
        Start = start;
        Scan = scan;
        Status = scan.Result;
    }

    // The same visit of a range elsewhere.
    private TableRun(TableRun like, int mm, long start)
        : this(mm, start, like.Scan, like.Text)
    {
        Status = like.Status;
        Attempts = like.Attempts;
        Changes = like.Changes;
        Walk = like.Walk;
        (WriteLocks, PmdFlushes, PagesCopied) = (like.WriteLocks, like.PmdFlushes, like.PagesCopied);
    }

    /// <summary>The same visit of a range that looks the same, elsewhere.</summary>
    /// <param name="mm">The process.</param>
    /// <param name="start">The first page of that range.</param>
    public TableRun At(int mm, long start) => new(this, mm, start);

    /// <summary>How the version that ran names its results.</summary>
    public TraceText Text { get; }

    /// <summary>The process.</summary>
    public int Mm { get; }

    /// <summary>The first page of the range.</summary>
    public long Start { get; }

    /// <summary>What the scan found.</summary>
    public ScanReport Scan { get; }

    /// <summary>How the visit ended: the walk's result after a scan that succeeded, else the scan's. Tracepoints print this.</summary>
    public ScanResult Status { get; internal set; }

    /// <summary>
    /// The mmap lock was dropped: a VMA found before the visit may be gone. So it is once the scan succeeds, whatever the walk does; a
    /// scan that ends early keeps the lock. Source: Linux 7.2, <c>mm/khugepaged.c:collapse_scan_pmd</c>, <c>lock_dropped</c>.
    /// </summary>
    public bool LockDropped => Scan.Result == ScanResult.Succeed;

    /// <summary>The calls of collapse_huge_page, in order.</summary>
    public List<Attempt> Attempts => field ??= [];

    /// <summary>The walk made the kernel log that it does not support this max_ptes_none below the PMD order; the first of a boot
    /// only.</summary>
    public bool WarnedOfMaxPtesNone { get; internal set; }

    /// <summary>The walk came to a window that does not lie in the range; no version discussed does that.</summary>
    public bool LeftTheTable { get; internal set; }

    /// <summary>What others changed in the gaps of its attempts.</summary>
    public List<ChangeByOthers> Changes => field ??= [];

    /// <summary>The index of the first attempt that found the VMA armed by userfaultfd under the write lock; null if none did.</summary>
    public int? ArmedFrom { get; internal set; }

    /// <summary>The mmap lock was still held when the visit ended; no version of a kernel does that.</summary>
    public bool LeftLocked { get; internal set; }

    /// <summary>An attempt waits for ever for a lock that an earlier one did not give back.</summary>
    public bool Hangs { get; internal set; }

    /// <summary>How often its attempts held the mmap lock for writing.</summary>
    public int WriteLocks { get; internal set; }

    /// <summary>How often they cleared the PMD entry and flushed: an interrupt to every CPU that runs the process.</summary>
    public int PmdFlushes { get; internal set; }

    /// <summary>Pages that they copied into new folios.</summary>
    public int PagesCopied { get; internal set; }

    /// <summary>Every step of the walk; empty unless the machine keeps walks.</summary>
    public List<WalkStep> Walk => field ??= [];
}
