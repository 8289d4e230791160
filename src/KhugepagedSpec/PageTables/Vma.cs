namespace KhugepagedSpec.PageTables;

/// <summary>The flags of a VMA that collapse looks at. Source: Linux 7.2, <c>include/linux/mm.h</c>,
/// <c>include/linux/userfaultfd_k.h</c>.</summary>
[Flags]
public enum VmaFlags
{
    /// <summary>No flag.</summary>
    None = 0,

    /// <summary>Anonymous memory.</summary>
    Anonymous = 1 << 0,

    /// <summary>Writable (VM_WRITE).</summary>
    Write = 1 << 1,

    /// <summary>MADV_HUGEPAGE (VM_HUGEPAGE).</summary>
    HugePage = 1 << 2,

    /// <summary>MADV_NOHUGEPAGE (VM_NOHUGEPAGE).</summary>
    NoHugePage = 1 << 3,

    /// <summary>Registered with UFFDIO_REGISTER_MODE_MISSING (VM_UFFD_MISSING).</summary>
    UffdMissing = 1 << 4,

    /// <summary>Registered with UFFDIO_REGISTER_MODE_WP (VM_UFFD_WP).</summary>
    UffdWp = 1 << 5,

    /// <summary>Registered with UFFDIO_REGISTER_MODE_MINOR (VM_UFFD_MINOR): shmem and hugetlb only, never anonymous memory.</summary>
    UffdMinor = 1 << 6,

    /// <summary>mlock()ed (VM_LOCKED).</summary>
    Locked = 1 << 7,

    /// <summary>Droppable memory (VM_DROPPABLE).</summary>
    Droppable = 1 << 8,

    /// <summary>DAX, VM_SPECIAL or hugetlb: never for khugepaged (VM_NO_KHUGEPAGED).</summary>
    NoKhugepaged = 1 << 9,

    /// <summary>The temporary stack of an exec.</summary>
    TemporaryStack = 1 << 10,

    /// <summary>Registered with UFFDIO_REGISTER_MODE_RWP (VM_UFFD_RWP): protected against reads too. From Linux 7.3 on.</summary>
    UffdRwp = 1 << 11,
}

/// <summary>One VMA. Immutable: a change makes a new one, as a kernel-side writer would under the mmap write lock.</summary>
/// <param name="Start">First page, in units of base pages.</param>
/// <param name="End">One past the last page.</param>
/// <param name="Flags">Its flags.</param>
/// <param name="HasAnonVma">An anonymous page was once faulted in, so <c>vma->anon_vma</c> is set.</param>
public sealed record Vma(long Start, long End, VmaFlags Flags, bool HasAnonVma)
{
    /// <summary>A private, writable, advised anonymous VMA over exactly one PMD range.</summary>
    public static Vma ExactPmdRange(Geometry geometry) =>
        new(0, geometry.Pages, VmaFlags.Anonymous | VmaFlags.Write | VmaFlags.HugePage, HasAnonVma: true);

    /// <summary>Registered with userfaultfd in any mode (<c>userfaultfd_armed()</c>).</summary>
    public bool IsUffdArmed => (Flags & (VmaFlags.UffdMissing | VmaFlags.UffdWp | VmaFlags.UffdMinor | VmaFlags.UffdRwp)) != 0;

    /// <summary>Anonymous memory.</summary>
    public bool IsAnonymous => Has(VmaFlags.Anonymous);

    /// <summary>MADV_HUGEPAGE was called.</summary>
    public bool IsAdvised => Has(VmaFlags.HugePage);

    /// <summary>mlock()ed.</summary>
    public bool IsLocked => Has(VmaFlags.Locked);

    /// <summary>True if every flag of <paramref name="flags"/> is set.</summary>
    public bool Has(VmaFlags flags) => (Flags & flags) == flags;

    /// <summary>True if the VMA holds all pages of [<paramref name="start"/>, <paramref name="end"/>).</summary>
    public bool Covers(long start, long end) => Start <= start && end <= End;
}
