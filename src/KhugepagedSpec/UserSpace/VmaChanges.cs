using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.UserSpace;

/// <summary>
/// What a program does to its VMAs. A VMA of which a part changes is split, and becomes one with a neighbour that has the same flags; it
/// is taken for granted that their anon_vmas are no obstacle, as they are none where one of the two has none or both come of one VMA.
/// Source: Linux 7.2, <c>mm/vma.c</c>, <c>mm/madvise.c:madvise_update_vma</c>.
/// </summary>
/// <param name="machine">The machine it runs on.</param>
/// <param name="mm">Its address space.</param>
public sealed class VmaChanges(Machine machine, AddressSpace mm)
{
    private const VmaFlags Advice = VmaFlags.HugePage | VmaFlags.NoHugePage;

    /// <summary>mmap() of private anonymous memory, writable, above all there is.</summary>
    /// <param name="start">The first page.</param>
    /// <param name="pages">How many.</param>
    /// <exception cref="ArgumentException">It is not above all there is.</exception>
    public void Map(long start, long pages)
    {
        var vma = new Vma(start, start + pages, VmaFlags.Anonymous | VmaFlags.Write, HasAnonVma: false);
        mm.Add(vma);
        MergeAround(vma);
    }

    /// <summary>madvise(MADV_HUGEPAGE). A VMA that has the flag already is left as it is; whether anybody asks about it is the
    /// version's.</summary>
    public void HugePage(long start, long pages) => Advise(start, pages, VmaFlags.HugePage);

    /// <summary>madvise(MADV_NOHUGEPAGE).</summary>
    public void NoHugePage(long start, long pages) => Advise(start, pages, VmaFlags.NoHugePage);

    private void Advise(long start, long pages, VmaFlags advice)
    {
        foreach (var vma in mm.Vmas.Where(vma => vma.Start < start + pages && vma.End > start).ToArray())
        {
            var flags = (vma.Flags & ~Advice) | advice;
            if (flags == vma.Flags)
            {
                if (advice == VmaFlags.HugePage && machine.Version.RepeatedAdviceAsks)
                    Registration.EnterVma(machine, mm, vma, RegistrationSite.Madvise);
                continue;
            }
            long from = Math.Max(start, vma.Start), end = Math.Min(start + pages, vma.End);
            var changed = vma with { Start = from, End = end, Flags = flags };
            Vma[] parts = [vma with { End = from }, changed, vma with { Start = end }];
            mm.Replace(vma, [.. parts.Where(part => part.Start < part.End)]);
            changed = MergeAround(changed);
            if (changed.Has(VmaFlags.HugePage))
                Registration.EnterVma(machine, mm, changed, RegistrationSite.Madvise);
        }
    }

    private Vma MergeAround(Vma vma)
    {
        foreach (var neighbour in mm.Vmas.Where(other => other != vma && other.Flags == vma.Flags).ToArray())
        {
            if (neighbour.End != vma.Start && neighbour.Start != vma.End)
                continue;
            var one = vma with
            {
                Start = Math.Min(vma.Start, neighbour.Start),
                End = Math.Max(vma.End, neighbour.End),
                HasAnonVma = vma.HasAnonVma || neighbour.HasAnonVma,
            };
            mm.Replace(neighbour);
            mm.Replace(vma, one);
            Registration.EnterVma(machine, mm, one, RegistrationSite.Merge);
            vma = one;
        }
        return vma;
    }
}
