using System.Collections.Immutable;
using System.Globalization;
using KhugepagedSpec.Recordings;

namespace KhugepagedSpec.Guests.Live;

/// <summary>
/// How many pages a guest has of each kind while no scenario is under way. What a batch took it gives back when its processes end.
/// </summary>
/// <param name="Pages">By name.</param>
internal sealed record Levels(ImmutableSortedDictionary<string, long> Pages)
{
    // What nobody counts as his: a leaked folio is in it. What drivers allocate is as well.
    private const string NoOnes = "pages that nobody accounts for", OnLru = "anonymous pages on the LRU lists",
        SwapUsed = "swap slots in use";

    // What else a guest does meanwhile: slabs are not pages of a batch, and of the agent's own pages some that a process shares with it
    // are copied.
    private static readonly ImmutableDictionary<string, long> Noise = new Dictionary<string, long>
    {
        [OnLru] = 2,
        ["nr_anon_pages"] = 2,
        ["nr_anon_transparent_hugepages"] = 0,
        ["nr_isolated_anon"] = 0,
        ["nr_isolated_file"] = 0,
        ["nr_mlock"] = 0,
        ["nr_swapcached"] = 0,
        ["nr_writeback"] = 0,
        [SwapUsed] = 0,
        ["nr_page_table_pages"] = 8,
        [NoOnes] = 256,
    }.ToImmutableDictionary();

    private const string KB = " kB";

    /// <summary>When it is that pages are counted.</summary>
    public const string AtTheEnd = "after all processes have ended";

    /// <summary>A CPU keeps up to 64 pages charged in advance, and the kernel's own memory for a process may be given back later.</summary>
    public const long MostCharged = 256;

    /// <summary>The mismatch is a leak.</summary>
    public static bool IsLeak(Mismatch mismatch) => mismatch.What.EndsWith(AtTheEnd, StringComparison.Ordinal);

    /// <summary>What <c>/proc/vmstat</c>, <c>/proc/zoneinfo</c> and <c>/proc/meminfo</c> say.</summary>
    /// <param name="vmstat">The first.</param>
    /// <param name="zoneinfo">The second: what CPUs keep for themselves is free and not counted as such.</param>
    /// <param name="meminfo">The third: poisoned pages and per-CPU memory are in no other.</param>
    /// <param name="status">The agent's own status: what pages it has come in by and by, and are no batch's.</param>
    /// <param name="pageKilobytes">The size of a page, in kB.</param>
    public static Levels Of(string vmstat, string zoneinfo, string meminfo, string status = "", int pageKilobytes = 4)
    {
        var counts = new Dictionary<string, long>();
        foreach (string line in vmstat.Split('\n'))
            if (line.IndexOf(' ') is var space and > 0)
                counts[line[..space]] = long.Parse(line.AsSpan(space + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        const string count = "count:";
        long kept = zoneinfo.Split('\n').Select(line => line.Trim()).Where(line => line.StartsWith(count, StringComparison.Ordinal))
            .Sum(line => long.Parse(line.AsSpan(count.Length), NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture));
        long elsewhere = Pages(meminfo, "HardwareCorrupted:") + Pages(meminfo, "Percpu:"), own = Pages(status, "RssAnon:");
        long onLru = Sum("nr_inactive_anon", "nr_active_anon", "nr_unevictable");
        long known = onLru + kept + elsewhere + (Sum("nr_kernel_stack") / pageKilobytes)
            + Sum("nr_free_pages", "nr_inactive_file", "nr_active_file", "nr_slab_reclaimable", "nr_slab_unreclaimable",
                "nr_page_table_pages", "nr_zspages");
        var pages = ImmutableSortedDictionary.CreateBuilder<string, long>(StringComparer.Ordinal);
        pages[OnLru] = onLru - own;
        pages[NoOnes] = -known;
        pages[SwapUsed] = Pages(meminfo, "SwapTotal:") - Pages(meminfo, "SwapFree:");
        foreach (string name in Noise.Keys)
            if (counts.TryGetValue(name, out long value))
                pages[name] = value - (name == "nr_anon_pages" ? own : 0);
        return new Levels(pages.ToImmutable());

        long Pages(string file, string name) => file.Split('\n').Where(line => line.StartsWith(name, StringComparison.Ordinal))
            .Sum(line => long.Parse(line[name.Length..^KB.Length], NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture)
                / pageKilobytes);

        long Sum(params ReadOnlySpan<string> names)
        {
            long sum = 0;
            foreach (string name in names)
                sum += counts.GetValueOrDefault(name);
            return sum;
        }
    }

    /// <summary>The first kind of which there are more than there were, by more than noise; null if there is none.</summary>
    /// <param name="before">Before the batch.</param>
    /// <param name="passes">Its passes.</param>
    /// <param name="keepsSwapSlots">CPUs keep some: their number says nothing.</param>
    public Mismatch? Leaked(Levels before, int passes, bool keepsSwapSlots = false)
    {
        foreach (var (name, now) in Pages)
            if (!(keepsSwapSlots && name == SwapUsed) && now - before.Pages.GetValueOrDefault(name) is var more && more > Noise[name])
                return new Mismatch(passes, $"{name}, {AtTheEnd}", $"{more} more than before", "as many as before", []);
        return null;
    }
}
