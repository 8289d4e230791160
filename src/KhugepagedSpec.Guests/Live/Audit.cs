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
    // Source: Linux, include/uapi/linux/kernel-page-flags.h and include/linux/kernel-page-flags.h.
    private static readonly (int Bit, string Name)[] OfEveryFolio = [(3, "uptodate"), (5, "lru"), (12, "anon"), (14, "swapbacked")];
    private static readonly (int Bit, string Name)[] OfLocked = [(18, "unevictable"), (33, "mlocked")];

    /// <summary>The first thing that is wrong; null if nothing is.</summary>
    public Mismatch? Found { get; private set; }

    /// <summary>After a pass.</summary>
    /// <param name="process">The process in the guest.</param>
    /// <param name="pass">The pass, from 1.</param>
    /// <param name="seen">What it has then.</param>
    /// <param name="table">The same as a table.</param>
    public void AfterPass(int process, int pass, Snapshot seen, PageTable table)
    {
        if (seen.Uncharged is { } page)
            Note(pass, "charged to no memory cgroup", process, $"page {page}", "none");

        // smaps takes a poisoned page for one that is there; its RSS is gone.
        if (!kernel.Abilities.CountsExactly || table.Cells.Any(cell => cell.Kind == PteKind.HwPoison))
            return;
        long[] kilobytes = Numbers(kernel.Take(process, "rss\n").Single());
        Compare("RssAnon", kilobytes[0], kilobytes[1]);
        Compare("VmSwap", kilobytes[2], kilobytes[3]);

        void Compare(string what, long counted, long found)
        {
            if (counted != found)
                Note(pass, what, process, $"{counted} kB", $"{found} kB, as smaps_rollup finds");
        }
    }

    /// <summary>After the last pass, and after the contents were looked at: what khugepaged made is written to.</summary>
    /// <param name="process">The process in the guest.</param>
    /// <param name="pass">The last pass.</param>
    /// <param name="range">Where its table is.</param>
    /// <param name="input">The scenario.</param>
    /// <param name="folios">The pages of folios that a pass made, as they are now.</param>
    public void AtTheEnd(int process, int pass, GuestRange range, VectorInput input, IReadOnlyList<(int Page, bool IsHead)> folios)
    {
        if (folios.Count == 0 || input.Then.Length + input.Program.Length > 0 || input.Has("uffdr"))
            return;
        range.Drain();
        range.Steps.Range("snapshot", range.Base, range.Pages);
        var seen = new Snapshot(kernel.Take(process, range.Steps.Take()).Single().Data, tellsKsm: true);
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
        string step = input.Has("rdonly") ? "writable" : "writefaults";
        foreach (var (at, count) in GuestRange.Runs([.. folios.Select(folio => folio.Page)]))
            range.Steps.Range(step, range.Address(at), count);
        long found = kernel.Take(process, range.Steps.Take()).Sum(part => Numbers(part)[0]);
        if (found > 0)
            Note(pass, input.Has("rdonly") ? "pages written to in a VMA that is read-only" : "faults of writing to new folios", process,
                $"{found}", "0");
    }

    /// <summary>After all processes have ended.</summary>
    /// <param name="before">What there was before they began.</param>
    /// <param name="after">What there is.</param>
    /// <param name="passes">The passes there were.</param>
    public void AfterAll(Levels before, Levels after, int passes) => Found ??= after.Leaked(before, passes);

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
