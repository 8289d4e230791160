using System.Collections.Immutable;
using KhugepagedSpec.Guests.Live;

namespace KhugepagedSpec.Guests.Race;

/// <summary>An actor of KhugepagedSpec.Races that a thread of a guest can be: <c>Machine/race.c</c> has what it does.</summary>
/// <param name="Name">Its name there.</param>
/// <param name="Does">What the thread does, in the words of system calls.</param>
public sealed record RaceActor(string Name, string Does)
{
    /// <summary>How many may race at once.</summary>
    public const int Most = 16;

    /// <summary>All of them.</summary>
    public static ImmutableArray<RaceActor> All { get; } =
    [
        new("fault", "writes, or reads, aligned runs of 1 to 32 pages"),
        new("writer", "stores to four pages again and again"),
        new("dontneed", "MADV_DONTNEED of a PMD range, 16 pages, or a page"),
        new("munmap", "munmap of a PMD range, and a new mapping there"),
        new("merge", "splits the VMA by MADV_DONTDUMP, and merges it again"),
        new("neighbour", "splits the VMA, and writes into the part"),
        new("fork", "fork; the child writes up to 15 pages and exits"),
        new("reclaim", "MADV_PAGEOUT of a page, or of 16") { NeedsSwap = true },
        new("migrate", "compacts all memory"),
        new("split", "splits the large folios of 16 pages, through debugfs"),
        new("gup-fast", "a direct read from the swap device into a page") { NeedsSwap = true },
        new("gup-read", "vmsplice of a page into a pipe"),
        new("userfaultfd", "registers a PMD range, then UFFDIO_COPY or UFFDIO_WRITEPROTECT of a page, and the end of it"),
        new("uffd-move", "UFFDIO_MOVE of a page out of the range"),
        new("madv-free", "MADV_FREE of a page, or of 16"),
        new("madv-collapse", "MADV_COLLAPSE of a PMD range"),
        new("mremap", "mremap of a PMD range away, and back"),
        new("mprotect", "mprotect of a PMD range, and back"),
        new("mlock", "mlock and munlock of a page"),
        new("aging", "clear_refs of the process"),
        new("lru-drain", "MADV_COLD elsewhere, which drains this CPU's batches"),
        new("settings", "max_ptes_none to 511 and back, or PR_SET_THP_DISABLE and back"),
        new("hwpoison", "MADV_HWPOISON of a page") { NeedsHwPoison = true },
    ];

    /// <summary>The words of all that are possible, for messages.</summary>
    public static string Names => string.Join(", ", All.Select(actor => actor.Name));

    /// <summary>It takes a swap device.</summary>
    public bool NeedsSwap { get; init; }

    /// <summary>It takes a kernel that lets pages be poisoned.</summary>
    public bool NeedsHwPoison { get; init; }

    /// <summary>The actor of a name; null if none is called that.</summary>
    public static RaceActor? Named(string name) => All.FirstOrDefault(actor => actor.Name == name);

    /// <summary>Why it cannot be on a kernel; null if it can.</summary>
    public string? WhyNotOn(KernelAbilities kernel) =>
        NeedsSwap && !kernel.HasSwap ? $"Linux {kernel.Release} has no swap device here"
        : NeedsHwPoison && !kernel.HasHwPoison ? $"Linux {kernel.Release} lets no page be poisoned" : null;
}
