namespace KhugepagedSpec.PageTables;

/// <summary>What is known of a PTE, and of the folio behind it, in a written page table.</summary>
[Flags]
public enum CellFlags : ushort
{
    /// <summary>Nothing set.</summary>
    None = 0,

    /// <summary>The PTE's accessed bit.</summary>
    Young = 1 << 0,

    /// <summary>The PTE's dirty bit.</summary>
    Dirty = 1 << 1,

    /// <summary>The PTE's userfaultfd write-protect bit.</summary>
    UffdWp = 1 << 2,

    /// <summary>The page holds only zeroes.</summary>
    ZeroFilled = 1 << 3,

    /// <summary>The folio is mapped by another process too.</summary>
    Shared = 1 << 4,

    /// <summary>The folio has a reference more than its mappings explain: a GUP pin.</summary>
    Pinned = 1 << 5,

    /// <summary>The folio is locked.</summary>
    Locked = 1 << 6,

    /// <summary>The folio is on no LRU list.</summary>
    OffLru = 1 << 7,

    /// <summary>The folio is lazily freeable: MADV_FREE was called on it.</summary>
    LazyFree = 1 << 8,

    /// <summary>The folio's referenced flag.</summary>
    Referenced = 1 << 9,

    /// <summary>The folio is not anonymous.</summary>
    NotAnon = 1 << 10,

    /// <summary>The folio belongs to KSM.</summary>
    Ksm = 1 << 11,

    /// <summary>The folio did not exist when the table was last looked at. Only in observations.</summary>
    New = 1 << 12,

    /// <summary>Some secondary MMU, say of a virtual machine, referenced the page: <c>mmu_notifier_test_young()</c>.</summary>
    SecondaryYoung = 1 << 13,

    /// <summary>The flags that belong to the folio, not to the PTE.</summary>
    OfFolio = Shared | Pinned | Locked | OffLru | LazyFree | Referenced | NotAnon | Ksm,

    /// <summary>The flags a recorder reads back from a running kernel.</summary>
    Observable = UffdWp | Shared | LazyFree | New,
}

/// <summary>One PTE of a written page table: the unit of the notation.</summary>
/// <param name="Kind">What the PTE holds.</param>
/// <param name="Flags">What is known of it and of its folio.</param>
/// <param name="Order">For <see cref="PteKind.Page"/>: the folio's order.</param>
/// <param name="Page">For <see cref="PteKind.Page"/>: which page of the folio, 0 to 2^order - 1.</param>
/// <param name="Node">For <see cref="PteKind.Page"/>: the NUMA node of the folio.</param>
/// <param name="Slot">
/// For <see cref="PteKind.Swap"/>: the swap slot, 1 or more; 0 for one that lies in a row with no other of the table. Swap-in brings
/// slots that lie in a row back together.
/// </param>
public readonly record struct Cell(PteKind Kind, CellFlags Flags = CellFlags.None, byte Order = 0, ushort Page = 0, byte Node = 0,
    int Slot = 0)
{
    /// <summary>Empty.</summary>
    public static Cell None => default;

    /// <summary>A private 4K page, dirty: <c>x</c>.</summary>
    public static Cell Plain => new(PteKind.Page, CellFlags.Young | CellFlags.Dirty);

    /// <summary>Page <paramref name="page"/> of a folio of <paramref name="order"/>, private and dirty.</summary>
    public static Cell OfFolio(int order, int page) =>
        new(PteKind.Page, CellFlags.Young | CellFlags.Dirty, (byte)order, (ushort)page);

    /// <summary>Empty, or the shared zero page.</summary>
    public bool IsNoneOrZero => Kind is PteKind.None or PteKind.ZeroPage;

    /// <summary>True if every flag of <paramref name="flags"/> is set.</summary>
    public bool Has(CellFlags flags) => (Flags & flags) == flags;

    /// <summary>True if <paramref name="next"/>, one PTE further, is the next page of the same folio, or the next swap slot.</summary>
    public bool ContinuesInto(Cell next) =>
        (Kind == PteKind.Page && Order > 0 && next == this with { Page = (ushort)(Page + 1) })
        || (Kind == PteKind.Swap && Slot > 0 && next == this with { Slot = Slot + 1 });
}
