using System.Globalization;

namespace KhugepagedSpec.Processes;

/// <summary>One VMA as <c>/proc/PID/smaps</c> has it. Source: Linux, <c>Documentation/filesystems/proc.rst</c>,
/// <c>fs/proc/task_mmu.c:show_smap</c>.</summary>
/// <param name="Start">The first byte.</param>
/// <param name="End">One past the last.</param>
/// <param name="Permissions">As <c>rw-p</c>.</param>
/// <param name="HasFile">A file is mapped, or something that looks like one.</param>
/// <param name="Name">The path, or a name in brackets, or nothing.</param>
/// <param name="Flags">The two-letter words of VmFlags.</param>
/// <param name="Figures">The sizes.</param>
internal sealed record SmapsVma(ulong Start, ulong End, string Permissions, bool HasFile, string Name, IReadOnlyList<string> Flags,
    SmapsFigures Figures);

/// <summary>The sizes of a VMA that matter here, in KB.</summary>
/// <param name="Rss">Mapped now.</param>
/// <param name="Anonymous">Of that, anonymous.</param>
/// <param name="AnonHugePages">Of that, mapped by PMD entries.</param>
/// <param name="Swap">Swapped out.</param>
/// <param name="Referenced">Of what is mapped, referenced.</param>
/// <param name="LazyFree">Lazily freeable, and not written since.</param>
/// <param name="Hugetlb">Of hugetlb, which counts nowhere else.</param>
internal readonly record struct SmapsFigures(long Rss, long Anonymous, long AnonHugePages, long Swap, long Referenced, long LazyFree,
    long Hugetlb);

/// <summary>Reads <c>smaps</c>.</summary>
internal static class Smaps
{
    /// <summary>The VMAs, ascending.</summary>
    public static List<SmapsVma> Parse(string text)
    {
        var vmas = new List<SmapsVma>();
        foreach (var range in text.AsSpan().Split('\n'))
        {
            var line = text.AsSpan()[range];
            int colon = line.IndexOf(':'), space = line.IndexOf(' ');
            if (space < 0)
                continue;
            if (colon < 0 || space < colon)
                Add(vmas, Header(line));
            else if (vmas.Count > 0)
                vmas[^1] = WithField(vmas[^1], line[..colon], line[(colon + 1)..].Trim());
        }
        return vmas;
    }

    // The kernel tells it bit by bit, as it is read: a VMA that grew or merged meanwhile comes again from its beginning, and is as it says
    // then. Source: Linux 7.2, fs/proc/task_mmu.c, m_next(), m_start().
    private static void Add(List<SmapsVma> vmas, SmapsVma vma)
    {
        bool IsOver(SmapsVma last) => last.Start < vma.End && vma.Start < last.End;
        while (vmas is [.., var last] && IsOver(last) && last.Start >= vma.Start)
            vmas.RemoveAt(vmas.Count - 1);
        if (vmas is [.., var before] && IsOver(before))
            vmas[^1] = before with { End = vma.Start };
        vmas.Add(vma);
    }

    // start-end perms offset device inode name
    private static SmapsVma Header(ReadOnlySpan<char> line)
    {
        Span<Range> words = stackalloc Range[6];
        int count = line.Split(words, ' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var addresses = line[words[0]];
        int dash = addresses.IndexOf('-');
        return new SmapsVma(
            ulong.Parse(addresses[..dash], NumberStyles.HexNumber, CultureInfo.InvariantCulture),
            ulong.Parse(addresses[(dash + 1)..], NumberStyles.HexNumber, CultureInfo.InvariantCulture),
            line[words[1]].ToString(),
            line[words[4]] is not "0",
            count > 5 ? line[words[5]].ToString() : "",
            [],
            default);
    }

    private static SmapsVma WithField(SmapsVma vma, ReadOnlySpan<char> name, ReadOnlySpan<char> value)
    {
        if (name is "VmFlags")
            return vma with { Flags = value.ToString().Split(' ', StringSplitOptions.RemoveEmptyEntries) };
        return name switch
        {
            "Rss" => vma with { Figures = vma.Figures with { Rss = Kilobytes(value) } },
            "Anonymous" => vma with { Figures = vma.Figures with { Anonymous = Kilobytes(value) } },
            "AnonHugePages" => vma with { Figures = vma.Figures with { AnonHugePages = Kilobytes(value) } },
            "Swap" => vma with { Figures = vma.Figures with { Swap = Kilobytes(value) } },
            "Referenced" => vma with { Figures = vma.Figures with { Referenced = Kilobytes(value) } },
            "LazyFree" => vma with { Figures = vma.Figures with { LazyFree = Kilobytes(value) } },
            "Shared_Hugetlb" or "Private_Hugetlb" => vma with
            {
                Figures = vma.Figures with { Hugetlb = vma.Figures.Hugetlb + Kilobytes(value) }
            },
            _ => vma,
        };
    }

    private static long Kilobytes(ReadOnlySpan<char> value) =>
        long.Parse(value[..value.IndexOf(' ')], NumberStyles.None, CultureInfo.InvariantCulture);
}
