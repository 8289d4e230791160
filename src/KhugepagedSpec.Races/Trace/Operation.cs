namespace KhugepagedSpec.Races.Trace;

/// <summary>What a task does under one lock.</summary>
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

    /// <summary>Something else.</summary>
    Other,
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

    /// <summary>An event that makes it one of <see cref="OperationKind.Other"/>, by name.</summary>
    public string? Unknown { get; init; }

    /// <summary>The VMA whose lock it holds; 0 if it is the mmap lock.</summary>
    public long Vma { get; init; }

    /// <summary>It frees a page table.</summary>
    public bool FreesTable { get; init; }

    /// <summary>The name of the model's actor; null if it has none.</summary>
    public string? Actor => Kind switch
    {
        OperationKind.WriteFault or OperationKind.ReadFault => "fault",
        OperationKind.DontNeed => "dontneed",
        _ => null,
    };

    /// <summary>It is about this range.</summary>
    public bool IsIn(long start, long size) => Address != 0 && Address < start + size && start < Address + Size;
}
