using System.Collections.Immutable;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Processes;

/// <summary>The words of VmFlags in <c>smaps</c>. Source: Linux, <c>Documentation/filesystems/proc.rst</c>.</summary>
internal static class VmaFlagWords
{
    // DAX and hugetlb apart, io, de, pf and mm are what khugepaged never touches.
    private static readonly ImmutableArray<(string Word, VmaFlags Flag)> Words =
    [
        ("wr", VmaFlags.Write), ("hg", VmaFlags.HugePage), ("nh", VmaFlags.NoHugePage), ("um", VmaFlags.UffdMissing),
            ("uw", VmaFlags.UffdWp),
        ("ui", VmaFlags.UffdMinor), ("ur", VmaFlags.UffdRwp), ("lo", VmaFlags.Locked), ("dp", VmaFlags.Droppable),
            ("io", VmaFlags.NoKhugepaged), ("de", VmaFlags.NoKhugepaged),
        ("pf", VmaFlags.NoKhugepaged), ("mm", VmaFlags.NoKhugepaged),
    ];

    /// <summary>The VMA. That it has an anon_vma is taken from its pages.</summary>
    public static Vma VmaOf(SmapsVma smaps, int pageBytes)
    {
        var flags = smaps.HasFile && smaps.Name != "/dev/zero" ? VmaFlags.None : VmaFlags.Anonymous;
        foreach (var (word, flag) in Words)
            if (smaps.Flags.Contains(word))
                flags |= flag;
        return new Vma((long)(smaps.Start / (ulong)pageBytes), (long)(smaps.End / (ulong)pageBytes), flags, smaps.Figures.Anonymous > 0
            || smaps.Figures.Swap > 0);
    }
}
