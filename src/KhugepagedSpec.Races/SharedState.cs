using System.Collections.Immutable;
using ModelChecker.Guarded;

namespace KhugepagedSpec.Races;

/// <summary>
/// Everything that the processes share, for one shape of table: the model of semantics.md section E. Three other processes fit
/// beside khugepaged, or as many as a trace needs.
/// </summary>
internal sealed class SharedState
{
    /// <summary>Processes beside khugepaged in a search.</summary>
    public const int Slots = 3;

    /// <summary>A state at its beginning.</summary>
    /// <param name="shape">The table's shape.</param>
    /// <param name="oneTableLock">The pte lock is the pmd lock, as where page tables have no lock of their own.</param>
    /// <param name="withFolio">Sources of an even entry and the next can be one folio.</param>
    /// <param name="slots">Processes beside khugepaged.</param>
    public SharedState(Shape shape, bool oneTableLock = false, bool withFolio = false, int slots = Slots)
    {
        (Shape, HasFolios) = (shape, withFolio);
        Processes = [.. Enumerable.Range(1, slots).Select(AddSlot)];
        Broken = Add("broken", 31, 0, ["nothing", .. Safety.All.Select(property => property.Name)]);
        Mmap = new ReadWriteLock("mmap lock", Add("mmap_readers", slots + 1), Add("mmap_writer"));
        VmaLock = new ReadWriteLock("vma lock", Add("vma_readers", slots + 1), Add("vma_writer"));
        NeighbourLock = new ReadWriteLock("neighbour's vma lock", Add("neighbour_readers", slots), Add("neighbour_writer"));
        AnonVma = new ReadWriteLock("anon_vma lock", Add("anon_vma_readers", slots), Add("anon_vma_writer"));
        PmdLock = new Mutex("pmd lock", Add("pmd_lock"));
        PteLock = oneTableLock ? PmdLock : new Mutex("pte lock", Add("pte_lock"));
        Pmd = Add("pmd", 4, PmdHolds.Table, PmdHolds.Names);
        IsDetached = Add("table_is_out");
        Vma = Add("vma", 4, VmaIs.First, VmaIs.Names);
        HasAnonVma = Add("has_anon_vma", 1, 1);
        IsLinked = Add("in_anon_vma", 1, 1);
        IsSplit = Add("second_half_is_another_vma");
        IsFreed = Add("first_vma_is_freed");
        IsArmed = Add("uffd_armed");
        IsMlocked = Add("mlocked");
        IsReadOnly = Add("read_only");
        ThpOff = Add("thp_disabled");
        PmdEnabled = Add("pmd_order_enabled", 1, 1);
        SmallEnabled = Add("small_order_enabled", 1, 1);
        MaxPtesNone = Add("max_ptes_none", shape.Pages - 1, shape.Pages - 1);
        MaxPtesSwap = Add("max_ptes_swap", shape.Pages - 1, shape.Pages - 1);
        MaxPtesShared = Add("max_ptes_shared", shape.Pages - 1, shape.Pages - 1);
        IsMoved = Add("table_is_elsewhere");
        Lockless = Add("lockless_walkers", slots);
        Walkers = Add("walkers", slots);
        Invalidations = Add("invalidations", 3);
        IsForking = Add("forking");
        BusyByChance = Add("busy_by_chance");
        Khugepaged = new Collapser(this, Add("khugepaged", 511), "", isMadvise: false);
        Second = new Collapser(this, null, "second_", isMadvise: true);
        var entries = new List<EntryState>();
        for (int i = 0; i < shape.Pages; i++)
            entries.Add(AddEntry(i, withFolio && i % 2 != 0 ? entries[^1] : null));
        Entries = [.. entries];
    }

    public Shape Shape { get; }

    /// <summary>Sources of an even entry and the next can be one folio.</summary>
    public bool HasFolios { get; }

    public Layout Layout { get; } = new();

    /// <summary>khugepaged's own.</summary>
    public Collapser Khugepaged { get; }

    /// <summary>What a second collapse keeps to itself; its location is that of the process that runs it.</summary>
    public Collapser Second { get; }

    public Variable Broken { get; }

    public ReadWriteLock Mmap { get; }

    /// <summary>The first VMA's own lock; a write lock lasts until the mmap lock is dropped.</summary>
    public ReadWriteLock VmaLock { get; }

    /// <summary>The lock of the VMA that the second half may become.</summary>
    public ReadWriteLock NeighbourLock { get; }

    public ReadWriteLock AnonVma { get; }

    public Mutex PmdLock { get; }

    public Mutex PteLock { get; }

    public Variable Pmd { get; }

    public Variable IsDetached { get; }

    public Variable Vma { get; }

    public Variable HasAnonVma { get; }

    /// <summary>rmap walks from the first pages' anon_vma come to the range.</summary>
    public Variable IsLinked { get; }

    public Variable IsSplit { get; }

    public Variable IsFreed { get; }

    public Variable IsArmed { get; }

    public Variable IsMlocked { get; }

    /// <summary>The VMA lacks VM_WRITE.</summary>
    public Variable IsReadOnly { get; }

    public Variable ThpOff { get; }

    public Variable PmdEnabled { get; }

    public Variable SmallEnabled { get; }

    public Variable MaxPtesNone { get; }

    public Variable MaxPtesSwap { get; }

    public Variable MaxPtesShared { get; }

    /// <summary>mremap took the table along: it hangs at another address, and its pages are mapped there.</summary>
    public Variable IsMoved { get; }

    /// <summary>CPUs in a lockless walk of the table with interrupts off: what the IPI waits for.</summary>
    public Variable Lockless { get; }

    /// <summary>Processes that have found the table and are in it.</summary>
    public Variable Walkers { get; }

    public Variable Invalidations { get; }

    public Variable IsForking { get; }

    /// <summary>
    /// Any page may look busy to who only tries. Never set but in the yardstick where critical sections are steps: there nobody is
    /// seen in the middle of one.
    /// </summary>
    public Variable BusyByChance { get; }

    public ImmutableArray<EntryState> Entries { get; }

    public ImmutableArray<Slot> Processes { get; }

    public EntryState this[int entry] => Entries[entry];

    /// <summary>A VMA covers the entry.</summary>
    public Term IsCovered => Vma.IsNot(VmaIs.Gone);

    /// <summary>The entry is in the part that can be split off.</summary>
    public bool IsInSecondHalf(int entry) => entry >= Shape.Pages / 2;

    /// <summary>Every TLB forgets what it knows of an entry, and so does every secondary MMU.</summary>
    public IEnumerable<Effect> Flush(int entry) => FlushTlbs(entry).Concat(Invalidate(entry));

    public IEnumerable<Effect> FlushTlbs(int entry) => Processes.Select(process => process.Flush(entry));

    /// <summary>The mmu notifier's start: secondary mappings go, and those about to be made are not.</summary>
    public IEnumerable<Effect> Invalidate(int entry) =>
        Processes.Select(process => Effect.When(process.At.Is(entry), process.Secondary.Set(Holds.None), process.IsStale.Set(1)));

    /// <summary>The mmu notifier's end: what was looked up since the start is not mapped either.</summary>
    public IEnumerable<Effect> EndInvalidation(int entry) =>
        Processes.Select(process => Effect.When(process.At.Is(entry), process.IsStale.Set(1)));

    /// <summary>Pages that wait in LRU batches go to their lists.</summary>
    public IEnumerable<Effect> DrainBatch() => Entries.Select(entry => entry.LeaveBatch);

    /// <summary>Every CPU forgets the table that it found in the PMD entry: one that was taken out is in no cache from now on.</summary>
    public IEnumerable<Effect> FlushWalkCaches() =>
        Processes.SelectMany(process => new[]
        {
            process.Cached.Set(0), Effect.When(process.FreesTable.Is(Taken.Out), process.FreesTable.Set(Taken.OutAndFlushed)),
        });

    /// <summary>The table leaves the PMD entry for good, and is to be freed by who took it: a CPU that remembers it remembers one that will
    /// be.</summary>
    public IEnumerable<Effect> TakeTable(Slot taker) =>
        [Pmd.Set(PmdHolds.None),
            .. Processes.Select(process => Effect.When(process.Cached.Is(CachedIs.Table), process.Cached.Set(CachedIs.LostTable))),
            taker.FreesTable.Set(Taken.Out)];

    /// <summary>Nobody has the table at hand that a process is to free: no walk, and no paging-structure cache. What a CPU still has
    /// of one that was flushed is another's: the PMD entry was filled anew, and that table taken out too.</summary>
    public Term NobodyInTableOf(Slot slot) => Walkers.Is(0)
        & (slot.FreesTable.Is(Taken.OutAndFlushed) | Term.All(Processes.Select(process => process.Cached.IsNot(CachedIs.LostTable))));

    /// <summary>The PMD entry maps a huge page, or says that it is being migrated.</summary>
    public Term IsHuge => Pmd.Is(PmdHolds.Huge) | Pmd.Is(PmdHolds.Migration);

    /// <summary>The huge page is pinned: FOLL_PIN, not FOLL_GET.</summary>
    public Term IsHugePinned => Term.Any(Processes.Select(process => process.Pin.Is(Holds.New) & process.PinIsOwn & process.PinStays));

    /// <summary>A page of the entry is pinned for good: FOLL_PIN, not FOLL_GET.</summary>
    public Term IsPinned(int entry)
    {
        return HasFolios ? Alone(entry) | (Entries[entry].IsInFolio & Alone(entry ^ 1)) : Alone(entry);

        Term Alone(int i) => Entries[i].HeldElsewhere | Term.Any(
            Processes.Select(process => process.At.Is(i) & process.Pin.Is(Holds.Source) & process.PinStays));
    }

    /// <summary>The mapping by the PMD entry becomes one by PTEs.</summary>
    public IEnumerable<Effect> SplitPmd() =>
        [Pmd.Set(PmdHolds.Table), .. Entries.Select(entry => entry.Pte.Set(Holds.New)), .. Enumerable.Range(0, Shape.Pages)
            .SelectMany(FlushTlbs)];

    internal Variable Add(string name, int max = 1, int initial = 0, string[]? values = null) =>
        Layout.Add(new Variable(name, max, initial, values));

    /// <summary>The other page's entry, if the source of one is in a folio of two.</summary>
    public EntryState Partner(int entry) => Entries[entry ^ 1];

    private EntryState AddEntry(int i, EntryState? head)
    {
        var inFolio = !HasFolios ? null : head?.InFolio ?? this.Add(FormattableString.Invariant($"is_folio_{i}"));
        return new EntryState
        {
            InFolio = inFolio,
            Pte = Add("pte", 10, Holds.Source, Holds.Names),
            Young = Add("young", 1, 1),
            Dirty = Add("dirty", 1, 1),
            Writable = Add("writable", 1, 1),
            UffdWp = Add("uffd_wp"),
            Order = Add("folio_order", 2),
            Locked = OfFolio(Add("locked"), head?.Locked),
            References = OfFolio(Add("references", HasFolios ? 15 : 7, 1), head?.References),
            Mappings = OfFolio(Add("mappings", HasFolios ? 7 : 3, 1), head?.Mappings),
            OnLru = OfFolio(Add("on_lru", 1, 1), head?.OnLru),
            LazyFree = Add("lazyfree"),
            InSwapCache = OfFolio(Add("in_swap_cache"), head?.InSwapCache),
            InBatch = OfFolio(Add("in_lru_batch"), head?.InBatch),
            Child = Add("child_maps"),
            Poisoned = Add("poisoned"),
            Index = i,
            MayBeWritten = IsReadOnly.Is(0),
            Exclusive = Add("exclusive", 1, 1),
            Saved = Add("saved_pte", 4, 0, Holds.Names),
            IsCopied = Add("copied"),
            HeldElsewhere = Add("pinned_for_good"),
            Source = Add("source", 2, Contents.Old, Contents.Names),
            Fresh = Add("fresh", 2, 0, Contents.Names),
            New = Add("new", 2, 0, Contents.Names),
            Slot = Add("swap_slot", 2, 0, Contents.Names),
            Expected = Add("expected", 2, Contents.Old, Contents.Names),
            IsGivenUp = Add("given_up"),
            IsLost = Add("lost"),
            FreshReferences = Add("fresh_references", 3),
        };

        FolioField OfFolio(Variable own, FolioField? ofHead) => new(own, ofHead?.Own, ofHead is null ? null : inFolio);

        Variable Add(string name, int max = 1, int initial = 0, string[]? values = null) =>
            this.Add(FormattableString.Invariant($"{name}_{i}"), max, initial, values);
    }

    private Slot AddSlot(int number)
    {
        Variable Make(string name, int max = 1, int initial = 0, string[]? values = null) =>
            new(FormattableString.Invariant($"{name}_of_{number}"), max, initial, values);
        var slot = new Slot
        {
            Counter = Make("location", 511),
            At = Make("at", Shape.Pages, Shape.Pages),
            Tlb = Make("tlb", 4, 0, Holds.Names),
            TlbWritable = Make("tlb_writable"),
            Cached = Make("cached_table", 2, 0, CachedIs.Names),
            Pin = Make("pin", 4, 0, Holds.Names),
            PinIsOwn = Make("pin_is_own"),
            PinStays = Make("pin_stays"),
            Seen = Make("seen", 4, 0, Holds.Names),
            Secondary = Make("secondary", 4, 0, Holds.Names),
            IsStale = Make("stale"),
            InNeighbour = Make("in_neighbour"),
            FreesTable = Make("frees_table", 2, 0, Taken.Names),
            Gathered = [.. Enumerable.Range(0, Shape.Pages).Select(i => Make(FormattableString.Invariant($"gathered_{i}")))],
        };
        slot.Block = Layout.AddBlock(
        [
            slot.Counter, slot.At, slot.Tlb, slot.TlbWritable, slot.Cached, slot.Pin, slot.PinIsOwn, slot.PinStays, slot.Seen,
                slot.Secondary, slot.IsStale, slot.InNeighbour,
            slot.FreesTable, .. slot.Gathered,
        ]);
        return slot;
    }
}
