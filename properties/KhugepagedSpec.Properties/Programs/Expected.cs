using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.UserSpace;

namespace KhugepagedSpec.Properties.Programs;

/// <summary>What reading a page must give: all that a program may know of its memory.</summary>
/// <param name="Contents">What was last written; 0 for zeroes, -1 where a read is fatal.</param>
/// <param name="MayBeDropped">MADV_FREE was called: zeroes will do too, once and for all.</param>
public readonly record struct Expected(long Contents, bool MayBeDropped = false)
{
    public static Expected Zero => default;

    public static Expected Guarded => new(-1);

    public static Expected Never => new(-2);

    public bool IsGuarded => Contents == -1;
}

/// <summary>One process of a program, beside what it must read.</summary>
public sealed class Subject(Machine machine, AddressSpace mm, int pages)
{
    public AddressSpace Mm { get; } = mm;

    public UserProgram Program { get; } = new(machine, mm);

    public Expected[] Reads { get; } = new Expected[pages];

    public Vma Vma => Mm.Vmas[0];

    public bool IsLocked => Vma.IsLocked;

    public void Add(VmaFlags flags) => Mm.Replace(Vma, Vma with { Flags = Vma.Flags | flags });

    public long Read(int page) => TableImage.ReadContents(machine, Mm, page);

    public void Each(int first, int count, Action<int> act)
    {
        for (int page = first; page < Math.Min(first + count, Reads.Length); page++)
            act(page);
    }
}
