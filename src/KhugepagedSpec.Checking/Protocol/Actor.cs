using System.Collections.Immutable;

namespace KhugepagedSpec.Checking.Protocol;

/// <summary>Something that can run beside khugepaged.</summary>
public sealed class Actor
{
    private Actor(string name, string says, Action<ActorWriter> write) => (Name, Says, Write) = (name, says, write);

    /// <summary>All of them.</summary>
    public static ImmutableArray<Actor> All { get; } =
    [
        new("fault", "a page fault under the VMA's lock, or the mmap lock if a writer has the VMA", w => UserActors.Fault(w, underVmaLock: true)),
        new("fault-mmap", "a page fault under the mmap lock", w => UserActors.Fault(w, underVmaLock: false)),
        new("writer", "a CPU that stores through its TLB, and faults", HardwareActors.Writer),
        new("dontneed", "MADV_DONTNEED of a page or of the range", UserActors.DontNeed),
        new("munmap", "munmap of the range, and perhaps a new mapping there", UserActors.Munmap),
        new("merge", "a VMA merge that frees the VMA", UserActors.Merge),
        new("neighbour", "a second VMA in the range, split off, and a fault in it", UserActors.Neighbour),
        new("fork", "fork; the child may exit again", UserActors.Fork),
        new("reclaim", "swap-out of a page, by an rmap walk", ReclaimActors.Reclaim),
        new("migrate", "migration of a page, with its entries", ReclaimActors.Migrate),
        new("gup-fast", "a lockless pin, a write through it, and its end", HardwareActors.GupFast),
        new("userfaultfd", "registration, then UFFDIO_COPY or UFFDIO_WRITEPROTECT", UserActors.Userfaultfd),
        new("secondary-mmu", "a guest that maps and writes a page under the mmu notifier", HardwareActors.SecondaryMmu),
        new("hwpoison", "a memory error", ReclaimActors.HwPoison),
        new("madv-free", "MADV_FREE of a page", UserActors.MadvFree),
        new("aging", "the accessed bits are cleared", ReclaimActors.Aging),
        new("lru-drain", "the LRU batches are emptied", ReclaimActors.LruDrain),
        new("settings", "sysfs and prctl writes", UserActors.Settings),
    ];

    /// <summary>The name users give on the command line.</summary>
    public string Name { get; }

    /// <summary>What it is, in one line.</summary>
    public string Says { get; }

    internal Action<ActorWriter> Write { get; }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
