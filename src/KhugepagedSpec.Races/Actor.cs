using System.Collections.Immutable;

namespace KhugepagedSpec.Races;

/// <summary>Something that can run beside khugepaged.</summary>
public sealed class Actor
{
    private Actor(string name, string says, Action<ActorWriter> write, bool ofProcess = true, bool onlyOnce = false) =>
        (Name, Says, Write, IsOfProcess, IsOnlyOnce) = (name, says, write, ofProcess, onlyOnce);

    /// <summary>All of them.</summary>
    public static ImmutableArray<Actor> All { get; } =
    [
        new("fault", "a page fault under the VMA's lock, or the mmap lock", UserActors.Fault),
        new("writer", "a CPU that stores through its TLB, a table it remembers, or a fault", HardwareActors.Writer),
        new("dontneed", "MADV_DONTNEED of a page or of the range", UserActors.DontNeed),
        new("munmap", "munmap of the range, and perhaps a new mapping there", UserActors.Munmap),
        new("merge", "a VMA merge that frees the VMA", UserActors.Merge),
        new("anon-vma", "a first write that gives the VMA its neighbour's anon_vma, and an rmap walk from there", RmapActors.AnonVma),
        new("neighbour", "a second VMA in the range, split off, and a fault in it", UserActors.Neighbour),
        new("fork", "fork; the child may exit again", UserActors.Fork),
        new("reclaim", "swap-out of a page, by an rmap walk", ReclaimActors.Reclaim, ofProcess: false),
        new("migrate", "migration of a page, with its entries, or of the huge page", ReclaimActors.Migrate, ofProcess: false),
        new("split", "a large folio is split", RmapActors.Split, ofProcess: false),
        new("gup-fast", "a lockless pin, a write through it, and its end", HardwareActors.GupFast),
        new("gup-read", "a lockless pin to read, or a reference", HardwareActors.GupRead),
        new("userfaultfd", "registration, then UFFDIO_COPY, UFFDIO_WRITEPROTECT or its end", UserfaultfdActor.Write),
        new("uffd-move", "UFFDIO_MOVE of a page out of the range", RangeActors.UffdMove),
        new("secondary-mmu", "a guest that maps and writes a page under the mmu notifier", HardwareActors.SecondaryMmu),
        new("hwpoison", "a memory error", ReclaimActors.HwPoison, ofProcess: false),
        new("madv-free", "MADV_FREE of a page", UserActors.MadvFree),
        new("madv-collapse", "MADV_COLLAPSE: a second collapse", RangeActors.MadvCollapse, onlyOnce: true),
        new("mremap", "mremap of the range: the table moves, or its entries", RangeActors.Mremap),
        new("mprotect", "mprotect: the range may only be read from then on", RangeActors.Mprotect),
        new("mlock", "mlock, and munlock of a page", RangeActors.Mlock),
        new("ksm", "KSM merges a page", RangeActors.Ksm),
        new("exit", "the process ends", RangeActors.Exit, onlyOnce: true),
        new("aging", "the accessed bits are cleared", ReclaimActors.Aging, ofProcess: false),
        new("lru-drain", "the LRU batches are emptied", ReclaimActors.LruDrain, ofProcess: false),
        new("settings", "sysfs and prctl writes", UserActors.Settings),
    ];

    /// <summary>Why these cannot run beside each other; null if they can.</summary>
    public static string? CannotBe(IReadOnlyList<Actor> actors) =>
        actors.Any(actor => actor.IsOnlyOnce && actors.Count(other => other == actor) > 1)
            ? "once a process is all there is of exit, and this model of a second collapse"
        : actors.Any(actor => actor.Name == "exit")
            && actors.FirstOrDefault(actor => actor.IsOfProcess && actor.Name != "exit") is { } other
            ? $"when exit begins nobody runs {other} for the process any more"
        : null;

    /// <summary>The name users give on the command line.</summary>
    public string Name { get; }

    /// <summary>What it is, in one line.</summary>
    public string Says { get; }

    /// <summary>It runs for the process whose table it is, so not beside its exit.</summary>
    public bool IsOfProcess { get; }

    /// <summary>Two of it cannot run beside each other.</summary>
    public bool IsOnlyOnce { get; }

    internal Action<ActorWriter> Write { get; }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
