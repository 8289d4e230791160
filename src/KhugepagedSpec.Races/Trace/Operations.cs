using System.Collections.Immutable;

namespace KhugepagedSpec.Races.Trace;

/// <summary>Cuts what each task does into operations: a new one begins with a new lock, with a lockless walk, and behind the end of one
/// that says when it ends.</summary>
internal static class Operations
{
    // VM_FAULT_RETRY and VM_FAULT_COMPLETED.
    private const long FaultFlagWrite = 1, FaultDropsLock = 0x4400, FollowWrite = 1;
    private const string StartsLocking = "mmap_lock_start_locking", HasMmap = "mmap_lock_acquire_returned", Drops = "mmap_lock_released";

    // Functions of the kernel in which a table's lock was taken, where that tells what the operation is.
    private static readonly (string Function, OperationKind Kind)[] Lockers =
    [
        ("madvise_free_pte_range", OperationKind.MadvFree),
        ("mfill_atomic_install_pte", OperationKind.Userfaultfd),
        ("change_pte_range", OperationKind.Userfaultfd),
    ];

    private sealed class Open
    {
        public List<int> Events { get; } = [];

        public long? Mmap { get; set; }

        public bool IsClosed { get; set; }

        public bool IsLockless { get; set; }

        public bool IsInFault { get; set; }

        public int? Held { get; set; }

        public int? Released { get; set; }
    }

    /// <summary>All operations of all tasks, by task; of who collapses what is under the mmap lock for writing, for others'
    /// attempts.</summary>
    public static IEnumerable<Operation> Of(RaceTrace trace)
    {
        var open = new Dictionary<int, Open>();
        for (int i = 0; i < trace.All.Length; i++)
        {
            var one = trace.All[i];
            var now = open.GetValueOrDefault(one.Pid);
            if (now is null || Begins(one, now))
            {
                if (now is not null)
                    yield return Make(trace, now);
                open[one.Pid] = now = new Open();
            }
            now.Events.Add(i);
            Note(now, one, i);
        }
        foreach (var last in open.Values.Where(each => each.Events.Count > 0))
            yield return Make(trace, last);
    }

    // fork takes the child's lock within the parent's, and a fault tries the mmap lock within the VMA's, to make an anon_vma: that begins
    // nothing.
    private static bool Begins(TraceEvent one, Open now) => one.Name switch
    {
        "lvma_r" or "gup" => true,
        StartsLocking => now.IsClosed || (now.Mmap is null && !now.IsInFault && (now.Held is not null || now.IsLockless)),
        _ => now.IsClosed && one.Name is not ("tlbf" or "lad" or "gup_r"),
    };

    private static void Note(Open now, TraceEvent one, int i)
    {
        now.IsLockless |= one.Name is "gup" or "ttu1" or "ttm1" or "rmp";
        now.IsInFault = one.Name == "hmf" || (now.IsInFault && one.Name != "hmf_r");
        if (HasLock(one) && now.Held is null)
        {
            now.Held = i;
            now.Mmap = one.Name == HasMmap ? one.Number("mm") : null;
        }
        else if (now.Mmap is { } mm && now.Released is null && one.Name is Drops or HasMmap && one.Number("mm") == mm)
        {
            // The mmap lock for writing becomes one for reading by an event of its own: what follows needs the lock no more.
            now.Released = i;
            now.IsClosed = one.Name == Drops;
        }
        else if (now.Released is not null && one.Name == Drops && one.Number("mm") == now.Mmap)
            now.IsClosed = true;
        else if (one.Name is "hmf_r" && now.Mmap is null && now.Held is not null)
            now.IsClosed = true;
        else if (one.Name == "gup_r")
            now.IsClosed = true;
    }

    /// <summary>The task has the mmap lock, or a VMA's, with this event.</summary>
    private static bool HasLock(TraceEvent one) => one.Name switch
    {
        "lvma_r" => one.Number("vma") != 0,
        HasMmap => one.Is("success"),
        _ => false,
    };

    private static Operation Make(RaceTrace trace, Open open)
    {
        var all = open.Events.Select(i => trace.All[i]).ToList();
        TraceEvent? First(Func<TraceEvent, bool> isOne) => all.FirstOrDefault(isOne);
        var held = open.Held is { } at ? trace.All[at] : null;
        var (kind, address, size) = What(all, held, First);
        return new Operation(all[0].Pid, all[0].Task, kind, open.Events, open.Held, address, size)
        {
            Released = open.Released,
            Writes = kind == OperationKind.Gup && (all[0].Number("flags") & FollowWrite) != 0,
            Role = trace.Threads.GetValueOrDefault(all[0].Pid, ""),
            Vma = held?.Name == "lvma_r" ? held.Number("vma") : 0,
            Mm = held?.Name == HasMmap ? held.Number("mm") : trace.Spaces.Of(all[0].Pid),
            ReturnsWithLock = First(one => one.Name == "hmf_r") is { } returns && (returns.Number("ret") & FaultDropsLock) == 0,
            Zaps = kind == OperationKind.DontNeed ? [.. all.Where(one => one.Name == "zap").Select(Zap)] : [],
            FreesTable = all.Any(one => one.Name == "ptefree"),
            MovesTables = all.Any(one => one.Name == "poml_r" && one.IsIn("move_page_tables")),
            ByMappings = ByMappings(all),
        };
    }

    private static (OperationKind Kind, long Address, long Size) What(List<TraceEvent> all, TraceEvent? held,
        Func<Func<TraceEvent, bool>, TraceEvent?> first)
    {
        const long page = CollapseAttempt.PageSize;
        if (first(one => one.Name == "gup") is { } gup)
            return (OperationKind.Gup, gup.Number("start") & -page, Math.Max(1, gup.Number("nr")) * page);
        if (held is { Name: HasMmap } && held.Is("write"))
            return (first(one => one.Name is "reval") is not null ? OperationKind.Collapse
                : first(one => one.Name == "cpr") is not null ? OperationKind.Fork : OperationKind.Exclusive, 0, 0);
        if (first(one => one.Name == "zap") is { } zap)
        {
            long start = Zap(zap).Start;
            return (OperationKind.DontNeed, start, Zap(all.Last(one => one.Name == "zap")).End - start);
        }
        if (first(one => one.Name == "hmf") is { } fault)
            return ((fault.Number("flags") & FaultFlagWrite) != 0 ? OperationKind.WriteFault : OperationKind.ReadFault,
                fault.Number("addr") & -page, page);
        foreach (var (function, kind) in Lockers)
            if (first(one => one.Name == "poml_r" && one.IsIn(function)) is { } locks)
                return first(one => one.Name == "tlbf") is { } flush
                    ? (kind, flush.Number("start"), flush.Number("end") - flush.Number("start"))
                    : (kind, locks.Number("addr") & -page, page);
        // UFFDIO_MOVE locks both tables by hand; its flush is all that tells.
        if (held is { Name: "lvma_r" } && first(one => one.Name == "tlbf") is { } moved && all.All(one => one.Name is "lvma_r" or "tlbf"))
            return (OperationKind.Userfaultfd, moved.Number("start"), moved.Number("end") - moved.Number("start"));
        return (held is null ? OperationKind.ByPage : OperationKind.Look,
            (first(one => one.Name is "lvma_r" or "poml_r")?.Number("addr") ?? 0) & -page, page);
    }

    /// <summary>A range that is given up.</summary>
    internal static AddressRange Zap(TraceEvent one) => new(one.Number("addr"), one.Number("size"));

    // A folio of several pages is told by its first; how many of them were mapped, by what was removed.
    private static ImmutableArray<RmapPage> ByMappings(List<TraceEvent> all)
    {
        var found = ImmutableArray.CreateBuilder<RmapPage>();
        foreach (var one in all)
            if (one.Name is "ttu1" or "ttm1" or "rmp")
                found.Add(new RmapPage(one.Name == "ttu1" ? RmapKind.Unmap : RmapKind.Migrate, one.Number("addr"), 1));
            else if (one.Name == "rmrm" && found.Count > 0)
                found[^1] = found[^1] with { Pages = found[^1].Pages + (int)one.Number("nr") };
        return [.. found.Select(page => page.Pages > 1 ? page with { Pages = page.Pages - 1 } : page)];
    }
}
