using System.Collections.Immutable;
using System.Globalization;

namespace KhugepagedSpec.Memory;

/// <summary>Something outside collapse's control that an attempt runs into.</summary>
public enum InjectedFault
{
    /// <summary>No folio of the order can be allocated.</summary>
    AllocFails,

    /// <summary>The memory cgroup refuses the charge.</summary>
    ChargeFails,

    /// <summary>The memcg's deferred split list cannot be set up.</summary>
    DeferredSplitFails,

    /// <summary>Swap-in drops the mmap lock and asks to retry.</summary>
    SwapinRetries,

    /// <summary>Swap-in fails.</summary>
    SwapinFails,

    /// <summary>Swap-in finds no folio of the order: the next lower one is tried.</summary>
    SwapinAllocFails,

    /// <summary>Someone locked the window's first page after the scan.</summary>
    PageLocked,

    /// <summary>Someone took the window's first page off its LRU list after the scan.</summary>
    PageOffLru,

    /// <summary>Reading the window's first page hits a hardware memory error.</summary>
    CopyFails,

    /// <summary>The process begins to exit.</summary>
    MmExits,

    /// <summary>The VMA is unmapped.</summary>
    VmaUnmapped,

    /// <summary>The VMA loses its last page.</summary>
    VmaShrinks,

    /// <summary>The attempted size is set to never.</summary>
    SizeTurnedOff,

    /// <summary>The VMA is replaced by one of a file.</summary>
    VmaTurnsFile,

    /// <summary>The PTE table is freed.</summary>
    TableFreed,

    /// <summary>The PMD entry turns into a huge page.</summary>
    PmdTurnsHuge,

    /// <summary>The PMD entry comes to hold another PTE table.</summary>
    TableReplaced,

    /// <summary>The window's first page is unmapped.</summary>
    PageZapped,

    /// <summary>The window's first page is swapped out.</summary>
    PageSwappedOut,

    /// <summary>The window's first page gets a long-lived reference.</summary>
    PagePinned,

    /// <summary>The window's first page becomes lazily freeable.</summary>
    PageFreed,

    /// <summary>The window's first page is write-protected by userfaultfd.</summary>
    PageWriteProtected,

    /// <summary>The window's first page moves to a device.</summary>
    PageTurnsDevice,

    /// <summary>The window's first page, if it is a single one, comes under migration: an entry that is not present stands for
    /// it.</summary>
    PageMigrates,

    /// <summary>Every size is set to never.</summary>
    SizesTurnedOff,

    /// <summary>The VMA is registered with userfaultfd, for missing pages.</summary>
    UffdRegistered,

    /// <summary>The window's plain 4K pages become pages of one PTE-mapped folio of the window's order, each at its place.</summary>
    PagesTurnFolio,

    /// <summary>Nothing in the window counts as referenced any more.</summary>
    PagesAge,

    /// <summary>The window's pages grow old in their PTEs, and are young in a secondary MMU only.</summary>
    PagesUsedElsewhere,

    /// <summary>A device takes the window's first page for itself: an entry that is not present stands for it, and what maps it by a
    /// PMD entry maps it by PTEs first.</summary>
    PageTurnsExclusive,

    /// <summary>The window's first page moves to memory of a device that knows no huge pages: a large folio is split first.</summary>
    PageMovesToDevice,
}

/// <summary>Where in an attempt other actors get their turn: collapse holds no lock there.</summary>
public enum Gap
{
    /// <summary>After the allocation, before the mmap lock is taken for reading.</summary>
    BeforeRead,

    /// <summary>After swap-in, before the mmap lock is taken for writing.</summary>
    BeforeWrite,

    /// <summary>
    /// Between the look at the VMA and the scan of a range: the mmap lock is held for reading, so that only sysfs can change.
    /// </summary>
    BeforeScan,

    /// <summary>Between two passes: anything may happen.</summary>
    BetweenPasses,
}

/// <summary>One injected fault and the attempts it befalls.</summary>
/// <param name="What">What happens.</param>
/// <param name="When">For what other actors do: in which gap.</param>
/// <param name="Order">Attempts of this order only; null for any. Outside attempts: a window of this order; null for the PMD's.</param>
/// <param name="Offset">Attempts at this PTE only; null for any. Outside attempts: the window at this PTE; null for 0.</param>
/// <param name="Times">How many attempts, scans or breaks between passes at most; null for all.</param>
public sealed record FaultInjection(InjectedFault What, Gap When = Gap.BeforeRead, int? Order = null, int? Offset = null, int? Times = null)
{
    /// <summary>Names as in <c>alloc-fails</c>.</summary>
    public static ImmutableArray<(string Name, InjectedFault What)> Names { get; } =
        [.. Enum.GetValues<InjectedFault>().Select(what => (Dashed(what), what))];

    /// <summary>The gaps as they are written after a name; the first may be left out.</summary>
    public static ImmutableArray<(string Name, Gap Gap)> GapNames { get; } =
        [("read", Gap.BeforeRead), ("write", Gap.BeforeWrite), ("scan", Gap.BeforeScan), ("pass", Gap.BetweenPasses)];

    /// <summary>The gaps in which it can happen. What befalls an attempt of its own accord has one, and no other name for it.</summary>
    public static ImmutableArray<Gap> GapsOf(InjectedFault what) => what switch
    {
        <= InjectedFault.CopyFails => [Gap.BeforeRead],
        InjectedFault.TableReplaced => [Gap.BeforeWrite],
        InjectedFault.SizeTurnedOff or InjectedFault.SizesTurnedOff => [Gap.BeforeRead, Gap.BeforeWrite, Gap.BeforeScan, Gap.BetweenPasses],
        _ => [Gap.BeforeRead, Gap.BeforeWrite, Gap.BetweenPasses],
    };

    /// <summary>
    /// Reads <c>what[/gap][@order[:offset]][#times]</c>, as in <c>alloc-fails@9</c> or <c>mm-exits/write@4:16#1</c>; any order at one place
    /// is <c>@:16</c>.
    /// </summary>
    /// <exception cref="FormatException">The text is not an injected fault; the message is one line.</exception>
    public static FaultInjection Parse(string text)
    {
        var (rest, times) = Split(text, '#');
        (rest, var place) = Split(rest, '@');
        (rest, var gap) = Split(rest, '/');
        var (order, offset) = place is null ? (null, null) : Split(place, ':');
        var found = Names.FirstOrDefault(pair => pair.Name == rest);
        if (found.Name is null)
            throw new FormatException(
                $"unknown fault '{rest}' in '{text}': expected one of {string.Join(", ", Names.Select(n => n.Name))}");
        var when = GapNames.FirstOrDefault(pair => pair.Name == (gap ?? "read"));
        if (when.Name is null)
            throw new FormatException(
                $"unknown gap '{gap}' in '{text}': expected one of {string.Join(", ", GapNames.Select(n => n.Name))}");
        if (when.Gap is Gap.BeforeScan or Gap.BetweenPasses && !GapsOf(found.What).Contains(when.Gap))
            throw new FormatException(
                $"'{text}': {rest} cannot happen there: expected {string.Join(" or ", GapsOf(found.What).Select(NameOf))}");
        return new(found.What, when.Gap, order is "" && offset is not null ? null : Number(order), Number(offset), Number(times));

        int? Number(string? digits) =>
            digits is null ? null
            : int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value
            : throw new FormatException($"'{digits}' in '{text}' is no number: expected what[/write][@order[:offset]][#times]");
    }

    /// <summary>The text that <see cref="Parse"/> reads.</summary>
    public override string ToString() =>
        Dashed(What)
        + (When == Gap.BeforeRead ? "" : $"/{NameOf(When)}")
        + (Order is null && Offset is null ? "" : $"@{Order}{(Offset is { } offset ? $":{offset}" : "")}")
        + (Times is { } times ? $"#{times}" : "");

    private static string NameOf(Gap gap) => GapNames.First(pair => pair.Gap == gap).Name;

    private static (string Head, string? Tail) Split(string text, char at)
    {
        int index = text.IndexOf(at);
        return index < 0 ? (text, null) : (text[..index], text[(index + 1)..]);
    }

    private static string Dashed(InjectedFault what) =>
        string.Concat(what.ToString()
            .Select((c, i) => char.IsUpper(c) && i > 0 ? $"-{char.ToLowerInvariant(c)}" : $"{char.ToLowerInvariant(c)}"));
}

/// <summary>A list of injected faults under way: counts how often each was injected.</summary>
public sealed class EnvironmentScript
{
    private readonly (FaultInjection Fault, int Left)[] _faults;
    private readonly uint _gaps;

    /// <summary>Starts the script.</summary>
    public EnvironmentScript(IEnumerable<FaultInjection> faults)
    {
        _faults = [.. faults.Select(fault => (fault, fault.Times ?? int.MaxValue))];
        foreach (var (fault, _) in _faults)
            _gaps |= 1u << (int)fault.When;
    }

    /// <summary>Nothing ever happens.</summary>
    public bool IsEmpty => _faults.Length == 0;

    /// <summary>Something may happen in that gap.</summary>
    public bool HasAnyIn(Gap gap) => (_gaps & 1u << (int)gap) != 0;

    /// <summary>Those that were injected.</summary>
    public IEnumerable<FaultInjection> Injected =>
        _faults.Where(entry => entry.Left < (entry.Fault.Times ?? int.MaxValue)).Select(entry => entry.Fault);

    /// <summary>True if <paramref name="what"/> befalls the attempt at this place, now.</summary>
    public bool Injects(InjectedFault what, int order, int offset, Gap gap = Gap.BeforeRead) => Next(what, gap, order, offset) is not null;

    /// <summary>What happens between passes, or before a scan, where there is no attempt; null if nothing of that kind does.</summary>
    public FaultInjection? InjectedOutsideAttempts(InjectedFault what, Gap gap) => Next(what, gap, null, null);

    private FaultInjection? Next(InjectedFault what, Gap gap, int? order, int? offset)
    {
        foreach (ref var entry in _faults.AsSpan())
        {
            var fault = entry.Fault;
            if (fault.What == what && fault.When == gap && entry.Left > 0
                && (order is null || ((fault.Order ?? order) == order && (fault.Offset ?? offset) == offset)))
            {
                entry.Left--;
                return fault;
            }
        }
        return null;
    }
}
