using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Collapse;

/// <summary>
/// The tests of one page that scan and isolation share. Source: Linux 7.2, <c>mm/khugepaged.c:collapse_scan_pmd</c>,
/// <c>__collapse_huge_page_isolate</c>.
/// </summary>
internal static class PageTests
{
    /// <summary>khugepaged leaves a lazily freeable page alone unless it was written again, or the VMA is droppable anyway.</summary>
    /// <param name="flags">The folio's flags.</param>
    /// <param name="pte">The PTE.</param>
    /// <param name="vma">The VMA.</param>
    /// <param name="kind">Who collapses.</param>
    public static bool IsLazyFree(FolioFlags flags, Pte pte, Vma vma, CollapseKind kind) =>
        kind == CollapseKind.Khugepaged && (flags & FolioFlags.LazyFree) != 0 && !pte.IsDirty && !vma.Has(VmaFlags.Droppable);

    /// <summary>
    /// The page holds only zeroes: whoever counts it as empty reads it, as the shrinker of underused huge pages does. Source: Linux 7.2,
    /// <c>mm/huge_memory.c:thp_underused</c>.
    /// </summary>
    public static bool IsZeroFilled(Machine machine, Pte pte) => machine.Memory.Contents(pte.Pfn) == 0;

    /// <summary>
    /// The folio has a reference that its mappings do not explain: a pin, or the per-CPU LRU batch's. Source: Linux 7.2,
    /// <c>include/linux/mm.h:folio_expected_ref_count</c>.
    /// </summary>
    public static bool HasUnexpectedReference(Machine machine, int pfn) =>
        machine.Memory.FolioOf(pfn).Pins > 0 || machine.LruBatch.Holds(machine.Memory.HeadOf(pfn));

    /// <summary>Which of the two it is.</summary>
    public static Refusal UnexpectedReference(Machine machine, int pfn, RefusalStep step, int index) =>
        machine.Memory.FolioOf(pfn).Pins is > 0 and var pins
        ? new Refusal(step, RefusalCause.Pinned, index, pins)
        : new Refusal(step, RefusalCause.HeldByLruBatch, index, machine.LruBatch.Count);

    /// <summary>
    /// The PTE can be written without a fault. Of what the model knows: a page of one process alone, in a writable VMA, that neither
    /// userfaultfd nor KSM protects.
    /// </summary>
    public static bool IsWritable(in Folio folio, Pte pte, Vma vma) =>
        vma.Has(VmaFlags.Write) && !pte.IsUffdWp && !folio.Has(FolioFlags.Ksm) && !folio.MaybeMappedShared;

    /// <summary>
    /// Referenced, by the PTE, by the folio or by a secondary MMU. KVM forgets what it is told to unmap, which is before isolation
    /// looks: what is left of such a page then is the fault <c>pages-age</c>.
    /// </summary>
    public static bool IsReferenced(in Folio folio, Pte pte) => pte.IsYoung || folio.Has(FolioFlags.Referenced) || pte.IsSecondaryYoung;
}
