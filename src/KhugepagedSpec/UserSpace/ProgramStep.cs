using System.Collections.Immutable;
using System.Globalization;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.UserSpace;

/// <summary>What one step of a program does.</summary>
public enum ProgramVerb
{
    /// <summary>mmap().</summary>
    Mmap,

    /// <summary>madvise(MADV_HUGEPAGE).</summary>
    HugePage,

    /// <summary>madvise(MADV_NOHUGEPAGE).</summary>
    NoHugePage,

    /// <summary>Writes to each page.</summary>
    Touch,

    /// <summary>Reads each page.</summary>
    Read,

    /// <summary>madvise(MADV_COLD).</summary>
    Cold,

    /// <summary>madvise(MADV_PAGEOUT).</summary>
    PageOut,

    /// <summary>madvise(MADV_FREE).</summary>
    Free,

    /// <summary>madvise(MADV_DONTNEED).</summary>
    DontNeed,

    /// <summary>madvise(MADV_GUARD_INSTALL).</summary>
    Guard,

    /// <summary>Takes a reference to each page that is not given back: a pin by GUP. No program that is given has it.</summary>
    Pin,

    /// <summary>Keeps each page mapped in a child. No program that is given has it.</summary>
    Share,
}

/// <summary>One step of the program that a scenario begins as.</summary>
/// <param name="Verb">What is done.</param>
/// <param name="First">To pages from here on; page 0 is the first of the PMD range that is looked at.</param>
/// <param name="Pages">How many pages, 1 or more.</param>
public readonly record struct ProgramStep(ProgramVerb Verb, long First, long Pages)
{
    // Far beyond any range that is looked at, and far below what would take long.
    private const long MostPages = 1 << 16;

    /// <summary>How each that a program can have is written, and one line for the reader.</summary>
    public static ImmutableArray<(ProgramVerb Verb, string Text, string Meaning)> Verbs { get; } =
    [
        (ProgramVerb.Mmap, "mmap", "map private anonymous memory"),
        (ProgramVerb.HugePage, "madvise", "madvise(MADV_HUGEPAGE)"),
        (ProgramVerb.NoHugePage, "nohugepage", "madvise(MADV_NOHUGEPAGE)"),
        (ProgramVerb.Touch, "touch", "write to each page"),
        (ProgramVerb.Read, "read", "read each page"),
        (ProgramVerb.Cold, "cold", "madvise(MADV_COLD)"),
        (ProgramVerb.PageOut, "pageout", "madvise(MADV_PAGEOUT)"),
        (ProgramVerb.Free, "free", "madvise(MADV_FREE)"),
        (ProgramVerb.DontNeed, "dontneed", "madvise(MADV_DONTNEED)"),
        (ProgramVerb.Guard, "guard", "madvise(MADV_GUARD_INSTALL)"),
    ];

    /// <summary>Reads a program: steps, comma-separated, each a verb and, unless it is the PMD range, the pages as first+count.</summary>
    /// <exception cref="FormatException">The text is no program; the message is one line.</exception>
    public static ImmutableArray<ProgramStep> Parse(string text, Geometry geometry)
    {
        var steps = ImmutableArray.CreateBuilder<ProgramStep>();
        var mapped = new List<(long First, long End)>();
        foreach (string step in text.Split(','))
        {
            var words = step.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            var verb = Verbs.FirstOrDefault(known => words.Length > 0 && known.Text == words[0]);
            if (verb.Text is null || words.Length > 2)
                throw new FormatException(
                    $"program step '{step.Trim()}': expected one of {string.Join(", ", Verbs.Select(known => known.Text))}, and first+count for other pages than the PMD range");
            var made = words.Length == 2 ? Range(verb.Verb, words[1]) : new ProgramStep(verb.Verb, 0, geometry.Pages);
            if (made.Verb == ProgramVerb.Mmap)
                Map(made, step);
            else if (mapped.Count == 0)
                throw new FormatException($"program step '{step.Trim()}': expected mmap before it");
            else if (!mapped.Exists(range => range.First <= made.First && made.First + made.Pages <= range.End))
                throw new FormatException($"program step '{step.Trim()}': pages {made.First} to {made.First + made.Pages - 1}: expected pages that were mapped before");
            steps.Add(made);
        }
        return steps.ToImmutable();

        void Map(ProgramStep made, string step)
        {
            var (first, end) = (made.First, made.First + made.Pages);
            if (mapped.Count > 0 && first < mapped[^1].End)
                throw new FormatException(
                    $"program step '{step.Trim()}': expected memory above page {mapped[^1].End - 1}, where the last mmap ends");
            if (mapped.Count > 0 && first == mapped[^1].End)
                mapped[^1] = (mapped[^1].First, end);
            else
                mapped.Add((first, end));
        }

        ProgramStep Range(ProgramVerb verb, string range)
        {
            int plus = range.LastIndexOf('+');
            return plus > 0 && long.TryParse(range.AsSpan(0, plus), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture,
                out long first)
                && long.TryParse(range.AsSpan(plus + 1), NumberStyles.None, CultureInfo.InvariantCulture, out long pages)
                && pages is > 0 and <= MostPages && Math.Abs(first) <= MostPages
                    ? new ProgramStep(verb, first, pages)
                    : throw new FormatException(
                        $"program step '{text.Trim()}': '{range}': expected pages as first+count, as in 0+16, at most {MostPages}");
        }
    }

    /// <summary>The text that <see cref="Parse"/> reads.</summary>
    public static string Write(IEnumerable<ProgramStep> program, Geometry geometry) =>
        string.Join(", ", program.Select(step => step.Text(geometry)));

    /// <summary>Does it. What the kernel would refuse does nothing.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="mm">The process.</param>
    /// <param name="origin">Where page 0 lies.</param>
    public void Run(Machine machine, AddressSpace mm, long origin)
    {
        var (vmas, program) = (new VmaChanges(machine, mm), new UserProgram(machine, mm));
        Action<long, long> act = Verb switch
        {
            ProgramVerb.Mmap => vmas.Map,
            ProgramVerb.HugePage => vmas.HugePage,
            ProgramVerb.NoHugePage => vmas.NoHugePage,
            ProgramVerb.Touch => program.Write,
            ProgramVerb.Read => program.Read,
            ProgramVerb.Cold => program.Cold,
            ProgramVerb.PageOut => program.PageOut,
            ProgramVerb.Free => program.Free,
            ProgramVerb.DontNeed => program.DontNeed,
            ProgramVerb.Guard => program.Guard,
            ProgramVerb.Pin => program.Pin,
            _ => throw new InvalidOperationException($"{Verb} is no verb"),
        };
        act(origin + First, Pages);
    }

    /// <summary>How the verb is written.</summary>
    public string Name => NameOf(Verb);

    private static string NameOf(ProgramVerb verb) => Verbs.First(known => known.Verb == verb).Text;

    private string Text(Geometry geometry) =>
        (First, Pages) == (0, geometry.Pages) ? Name : string.Create(CultureInfo.InvariantCulture, $"{Name} {First}+{Pages}");
}
