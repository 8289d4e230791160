using System.Collections.Immutable;

namespace KhugepagedSpec.Races.Trace;

/// <summary>What a task does under one lock, or without one.</summary>
public enum OperationKind
{
    /// <summary>It takes a lock, looks, and drops it.</summary>
    Look,

    /// <summary>A page fault that writes.</summary>
    WriteFault,

    /// <summary>A page fault that reads.</summary>
    ReadFault,

    /// <summary>MADV_DONTNEED.</summary>
    DontNeed,

    /// <summary>MADV_FREE.</summary>
    MadvFree,

    /// <summary>GUP-fast.</summary>
    Gup,

    /// <summary>Under the mmap lock for writing: the kernel's own name of what it does is not told.</summary>
    Exclusive,

    /// <summary>fork.</summary>
    Fork,

    /// <summary>Another collapse.</summary>
    Collapse,

    /// <summary>It changes entries in a way of userfaultfd's.</summary>
    Userfaultfd,

    /// <summary>No lock of the process's: migration and the like, by page.</summary>
    ByPage,
}

/// <summary>How an operation comes by a page: through its mappings.</summary>
public enum RmapKind
{
    /// <summary>Swapped out.</summary>
    Unmap,

    /// <summary>Migrated, or split.</summary>
    Migrate,
}

/// <summary>A page that an operation comes to by the page's mappings.</summary>
/// <param name="Kind">What becomes of the entry.</param>
/// <param name="Address">The page's address.</param>
/// <param name="Pages">Pages of its folio that lost their mapping.</param>
public readonly record struct RmapPage(RmapKind Kind, long Address, int Pages)
{
    /// <summary>Where those pages are mapped.</summary>
    public AddressRange Range => new(Address, Pages * CollapseAttempt.PageSize);
}

/// <summary>One operation of a task beside khugepaged, from the lock it takes to its last event.</summary>
/// <param name="Pid">The task's thread id.</param>
/// <param name="Task">Its name.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Events">Its events, as indexes into the trace.</param>
/// <param name="Held">The event with which it has its lock; null if the trace shows none.</param>
/// <param name="Address">Where, in bytes; 0 if it does not say.</param>
/// <param name="Size">How much of it, in bytes.</param>
public sealed record Operation(int Pid, string Task, OperationKind Kind, IReadOnlyList<int> Events, int? Held, long Address, long Size)
{
    /// <summary>Its first event.</summary>
    public int First => Events[0];

    /// <summary>Its last event.</summary>
    public int Last => Events[^1];

    /// <summary>The event with which it drops the mmap lock, or turns it into one for reading; null if it has none, or the trace ends
    /// before.</summary>
    public int? Released { get; init; }

    /// <summary>The VMA whose lock it holds; 0 if it is the mmap lock.</summary>
    public long Vma { get; init; }

    /// <summary>Whose page tables it is about; null if no event tells.</summary>
    public long? Mm { get; init; }

    /// <summary>A fault that returns with its lock held: it does not have to be tried again, nor did it sleep without.</summary>
    public bool ReturnsWithLock { get; init; }

    /// <summary>GUP that wants to write.</summary>
    public bool Writes { get; init; }

    /// <summary>Who the task is, by the name that the recorder gave it; empty if it gave none.</summary>
    public string Role { get; init; } = "";

    /// <summary>The ranges that it gives up one by one, in bytes, as many as there are VMAs; empty if it gives up none.</summary>
    public ImmutableArray<AddressRange> Zaps { get; init; } = [];

    /// <summary>It frees a page table.</summary>
    public bool FreesTable { get; init; }

    /// <summary>It moves entries, or a table, from here or to here.</summary>
    public bool MovesTables { get; init; }

    /// <summary>It unmaps pages because they are poisoned.</summary>
    public bool Poisons => Role == Roles.HwPoison;

    /// <summary>Pages that it comes to by their mappings.</summary>
    public ImmutableArray<RmapPage> ByMappings { get; init; } = [];

    /// <summary>What it is, in the words of explore where it has them.</summary>
    public string Actor => Kind switch
    {
        OperationKind.WriteFault or OperationKind.ReadFault => "fault",
        OperationKind.DontNeed => "dontneed",
        OperationKind.MadvFree => "madv-free",
        OperationKind.Gup => Writes ? "gup-fast" : "gup-read",
        OperationKind.Fork => "fork",
        OperationKind.Collapse => "madv-collapse",
        OperationKind.Userfaultfd => Roles.Userfaultfd,
        OperationKind.Exclusive => Roles.IsOfWriter(Role) ? Role : "mmap lock for writing",
        _ when ByMappings.Any(page => page.Kind == RmapKind.Unmap) => Poisons ? Roles.HwPoison : "reclaim",
        _ when !ByMappings.IsEmpty => "migrate",
        _ => "look",
    };

    /// <summary>From <see cref="Address"/> on; empty if it does not say where.</summary>
    public AddressRange Range => new(Address, Address == 0 ? 0 : Size);

    /// <summary>It is about this range.</summary>
    public bool IsIn(AddressRange range) => Range.Overlaps(range) || ByMappings.Any(page => page.Range.Overlaps(range));

    /// <summary>Whether it works on that address space's tables; what nothing tells may be.</summary>
    public bool IsOf(long? mm) => Mm is null || mm is null || Mm == mm;
}
