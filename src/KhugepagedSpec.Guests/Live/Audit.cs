using System.Buffers.Binary;
using KhugepagedSpec.Guests.Machine;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;

namespace KhugepagedSpec.Guests.Live;

/// <summary>
/// What a kernel's books say of its pages against what its page tables hold: RSS and swap, charges, flags of new folios, rights. The
/// tables themselves are compared with the model's.
/// </summary>
/// <param name="kernel">The kernel.</param>
internal sealed class Audit(LiveKernel kernel)
{
    // Source: Linux, include/uapi/linux/kernel-page-flags.h; mlocked is a bit of the kernel alone.
    private static readonly (int Bit, string Name)[] OfEveryFolio = [(3, "uptodate"), (5, "lru"), (12, "anon"), (14, "swapbacked")];
    private static readonly (int Bit, string Name, ulong Expected)[] OfEveryPage =
        [(0, "locked", 0), (5, "lru", 1), (8, "writeback", 0)];

    // anon_exclusive, which is another name of this one.
    private const int Exclusive = 34;

    private static readonly (int Bit, string Name)[] OfLocked = [(18, "unevictable"), (33, "mlocked")];

    /// <summary>The first thing that is wrong; null if nothing is.</summary>
    public Mismatch? Found { get; private set; }

    /// <summary>What a process is asked for with its table after the last pass: RSS, which takes long to read; what is miscounted stays
    /// so.</summary>
    public string StepsAfterPasses => kernel.Abilities.CountsExactly ? "rss\n" : "";

    /// <summary>After a pass.</summary>
    /// <param name="process">The process in the guest.</param>
    /// <param name="pass">The pass, from 1.</param>
    /// <param name="seen">What it has then.</param>
    /// <param name="table">The same as a table.</param>
    /// <param name="rss">The answer to <see cref="StepsAfterPasses"/>; null before the last pass.</param>
    public void AfterPass(int process, int pass, Snapshot seen, PageTable table, AgentPart? rss)
    {
        if (seen.Uncharged is { } page)
            Note(pass, "charged to no memory cgroup, or to another", process, $"page {page}", "none");

        // smaps takes a poisoned page for one that is there; its RSS is gone.
        if (rss is not { } counts || table.Cells.Any(cell => cell.Kind == PteKind.HwPoison))
            return;
        long[] kilobytes = Numbers(counts);
        Compare("RssAnon", kilobytes[0], kilobytes[1]);
        Compare("VmSwap", kilobytes[2], kilobytes[3]);

        void Compare(string what, long counted, long found)
        {
            if (counted != found)
                Note(pass, what, process, $"{counted} kB", $"{found} kB, as smaps_rollup finds");
        }
    }

    /// <summary>What a process is asked for after its contents were looked at: its pages, and how it takes that what khugepaged made is
    /// written to. Empty if nothing is known of that.</summary>
    /// <param name="range">Where its table is.</param>
    /// <param name="input">The scenario.</param>
    /// <param name="folios">The pages of folios that a pass made, as they are now.</param>
    public static string StepsAtTheEnd(GuestRange range, VectorInput input, IReadOnlyList<(int Page, bool IsHead)> folios)
    {
        if (input.Then.Length + input.Program.Length > 0 || input.Has("uffdr"))
            return "";
        range.Drain();
        range.Steps.Range("snapshot", range.Base, range.Pages);
        string step = input.Has("rdonly") ? "writable" : "writefaults";
        foreach (var (at, count) in GuestRange.Runs([.. folios.Select(folio => folio.Page)]))
            range.Steps.Range(step, range.Address(at), count);
        return range.Steps.Take();
    }

    /// <summary>After all passes.</summary>
    /// <param name="process">The process in the guest.</param>
    /// <param name="pass">The last pass.</param>
    /// <param name="input">The scenario.</param>
    /// <param name="folios">The pages of folios that a pass made, as they were then.</param>
    /// <param name="answers">To <see cref="StepsAtTheEnd"/>.</param>
    public void AtTheEnd(int process, int pass, VectorInput input, IReadOnlyList<(int Page, bool IsHead)> folios,
        IReadOnlyList<AgentPart> answers)
    {
        if (answers.Count == 0)
            return;
        var seen = new Snapshot(answers[0].Data, tellsKsm: true);
        foreach (int page in seen.OnLru)
            foreach (var (bit, name, expected) in OfEveryPage)
                if ((seen.FlagsOf(page) >> bit & 1) != expected)
                    Note(pass, $"flags of the page at {page}", process, expected == 0 ? name : $"not {name}",
                        expected == 0 ? $"not {name}" : name);
        foreach (var (page, isHead) in folios)
            if ((isHead || seen.OrderOf(page) < input.Settings.Geometry.PmdOrder) && (seen.FlagsOf(page) >> Exclusive & 1) == 0)
                Note(pass, $"flags of the page at {page}", process, "not exclusive to its process", "exclusive");
        bool isLocked = input.Has("mlock");
        foreach (var (page, _) in folios.Where(folio => folio.IsHead))
        {
            ulong flags = seen.FlagsOf(page);
            foreach (var (bit, name) in OfEveryFolio)
                if ((flags >> bit & 1) == 0)
                    Note(pass, $"flags of the folio at {page}", process, $"not {name}", name);
            foreach (var (bit, name) in OfLocked)
                if ((flags >> bit & 1) == 1 != isLocked)
                    Note(pass, $"flags of the folio at {page}", process, isLocked ? $"not {name}" : name, isLocked ? name : $"not {name}");
        }
        long found = answers.Skip(1).Sum(part => Numbers(part)[0]);
        if (found > 0)
            Note(pass, input.Has("rdonly") ? "pages written to in a VMA that is read-only" : "faults of writing to new folios", process,
                $"{found}", "0");
    }

    /// <summary>After a thread wrote while the passes went on.</summary>
    /// <param name="process">The process in the guest.</param>
    /// <param name="pass">The last pass.</param>
    /// <param name="lost">How often what it had written last was not there.</param>
    public void OfWriter(int process, int pass, AgentPart lost)
    {
        if (Numbers(lost)[0] is var count and > 0)
            Note(pass, "words that another CPU wrote meanwhile and that are lost", process, $"{count}", "0");
    }

    /// <summary>After all processes have ended. What the kernel gives back later, after a grace period, is waited for.</summary>
    /// <param name="before">What there was before they began.</param>
    /// <param name="passes">The passes there were.</param>
    /// <param name="groups">The memory cgroups that processes were in.</param>
    public void AfterAll(Levels before, int passes, ReadOnlySpan<int> groups)
    {
        const int looks = 6, between = 30;
        Mismatch? leak = null;
        bool keeps = kernel.Abilities.KeepsSwapSlots;
        for (int look = 0; look < looks && (leak = kernel.Levels().Leaked(before, passes, keeps)) is not null; look++)
            Thread.Sleep(between << look);
        Found ??= leak;
        foreach (int group in groups)
            if (kernel.ChargedTo(group) is var pages and > Levels.MostCharged)
                Found ??= new Mismatch(passes, $"pages charged to a memory cgroup, {Levels.AtTheEnd}", $"{pages}", "few", []);
    }

    private void Note(int pass, string what, int process, string kernelSays, string expected) =>
        Found ??= new Mismatch(pass, $"{what}, process {process}", kernelSays, expected, []);

    private static long[] Numbers(AgentPart part)
    {
        long[] numbers = new long[part.Data.Length / sizeof(long)];
        for (int i = 0; i < numbers.Length; i++)
            numbers[i] = BinaryPrimitives.ReadInt64LittleEndian(part.Data.AsSpan(i * sizeof(long)));
        return numbers;
    }
}
