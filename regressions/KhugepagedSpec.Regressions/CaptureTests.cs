using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Processes;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Regressions;

/// <summary>What is read of a process, on a machine of which everything is known.</summary>
public sealed class CaptureTests
{
    internal const long First = 0x7f0000000000 >> 12;

    [Fact]
    public void Each_entry_is_what_pagemap_and_kpageflags_say()
    {
        var proc = new FakeProc();
        proc.Vma(First, 512, Figures(anonymous: 4 * 29, swap: 4, referenced: 4 * 30, rss: 4 * 30));
        proc.Page(First);
        proc.Page(First + 1, FakeProc.ZeroPage);
        proc.Page(First + 2, entry: 0);
        proc.Page(First + 3, mappings: 2);
        proc.Page(First + 4, FakeProc.Anon);
        proc.Page(First + 5, entry: FakeProc.Exclusive | FakeProc.UffdWp);
        proc.Page(First + 6, FakeProc.Anon | FakeProc.SwapBacked | FakeProc.Locked);
        proc.Entry(First + 7, FakeProc.Swapped);
        proc.Entry(First + 8, FakeProc.Swapped | FakeProc.Guard);
        proc.Folio(First + 16, 4);
        proc.Folio(First + 40, 3, first: 2, count: 3);
        proc.Folio(First + 48, 2, entry: 0);
        Assert.Equal("x z h*2 L w t s g .*7 f4 .*8 f3[2+3] .*5 f2h .*460", Capture(proc).Vmas[0].Ranges.Single().Table.ToString());
    }

    [Theory]
    [InlineData(0, "l", 4)]
    [InlineData(4, "l", 4)]
    [InlineData(4, "L", 0)]
    public void A_lazyfree_page_was_written_again_unless_smaps_counts_it(int referenced, string letter, int lazyFree)
    {
        var proc = new FakeProc();
        proc.Vma(First, 512, Figures(anonymous: 4, rss: 4, referenced: referenced, lazyFree: lazyFree));
        proc.Page(First, FakeProc.Anon);
        Assert.Equal($"{letter} .*511", Capture(proc).Vmas[0].Ranges.Single().Table.ToString());
    }

    [Theory]
    [InlineData(0, UsedPages.None, "o*2 .*510")]
    [InlineData(4, UsedPages.Some, "x*2 .*510")]
    [InlineData(8, UsedPages.All, "x*2 .*510")]
    public void Accessed_bits_are_known_by_vma_only(int referenced, UsedPages used, string table)
    {
        var proc = new FakeProc();
        proc.Vma(First, 512, Figures(anonymous: 8, rss: 8, referenced: referenced));
        proc.Page(First);
        proc.Page(First + 1);
        var vma = Capture(proc).Vmas[0];
        Assert.Equal((used, table), (vma.Used, vma.Ranges.Single().Table.ToString()));
    }

    [Fact]
    public void A_ksm_page_is_one_only_where_it_is_met_twice()
    {
        var proc = new FakeProc();
        proc.Vma(First, 512, Figures(anonymous: 16, rss: 16, referenced: 16));
        for (int i = 0; i < 3; i++)
            proc.Page(First + i, FakeProc.Anon | FakeProc.SwapBacked | FakeProc.Ksm, entry: 0, mappings: 2);
        proc.Entry(First + 5, proc.Words("/pagemap", [new WordRun(First + 1, 1)])![0]);
        Assert.Equal("h K h .*2 K .*506", Capture(proc).Vmas[0].Ranges.Single().Table.ToString());
    }

    [Fact]
    public void A_huge_page_is_one_by_its_pmd_entry_and_not_by_its_size()
    {
        var proc = new FakeProc();
        proc.Vma(First, 1024, Figures(anonymous: 4096, huge: 2048, rss: 4096, referenced: 4096));
        proc.Folio(First, 9, isHuge: true);
        proc.Folio(First + 512, 9);
        var capture = Capture(proc);
        Assert.Equal(["m9", "f9"], capture.Vmas[0].Ranges.Select(range => range.Table.Pmd == PmdState.Huge ? "m9" : "f9"));
        Assert.Equal(new PageCounts(1024, 512, 1024, 0), capture.Pages);
        Assert.Empty(capture.Disagreeing);
    }

    [Fact]
    public void Swap_entries_keep_their_slots_and_the_huge_zero_page_is_no_anonymous_memory()
    {
        var proc = new FakeProc();
        proc.Vma(First, 1024, Figures(swap: 20, rss: 2048, referenced: 2048));
        for (int i = 0; i < 4; i++)
            proc.Entry(First + i, FakeProc.Swapped | ((84UL + (ulong)i) << 5));
        proc.Entry(First + 9, FakeProc.Swapped | (88UL << 5) | 1);
        proc.HugeZero(First + 512);
        var capture = Capture(proc);
        Assert.Equal(["s[84+4] .*5 s[67108952] .*502", "mz"], capture.Vmas[0].Ranges.Select(range => range.Table.ToString()));
        Assert.Equal(new PageCounts(0, 0, 0, 5), capture.Pages);
        Assert.Empty(capture.Disagreeing);
    }

    [Fact]
    public void Only_whole_pmd_ranges_of_anonymous_vmas_are_scenarios_and_everything_is_counted()
    {
        var proc = new FakeProc();
        proc.Vma(First + 500, 524, Figures(anonymous: 12, rss: 12, referenced: 12));
        proc.Vma(First + 2048, 512, Figures(anonymous: 4, rss: 8, referenced: 8), file: "fe:00 99 /usr/lib/libc.so.6");
        proc.Vma(First + 4096, 512, Figures(rss: 2048, referenced: 2048), permissions: "rw-s");
        proc.Vma(First + 8192, 512, Figures(), flags: "rd wr mr mw me de ht");
        proc.Folio(First + 8192, 9, isHuge: true);
        proc.Page(First + 500);
        proc.Page(First + 511);
        proc.Page(First + 700);
        proc.Page(First + 2048);
        proc.Page(First + 2049, flags: 0, mappings: 7);
        var capture = Capture(proc);
        Assert.Equal(2, capture.Vmas.Length);
        Assert.Equal([First + 512], capture.Vmas.SelectMany(vma => vma.Ranges).Select(range => range.Start));
        Assert.Equal(new PageCounts(4, 0, 0, 0), capture.Pages);
        Assert.Equal(new PageCounts(3, 0, 0, 0), capture.Outside);
        Assert.Empty(capture.Disagreeing);
    }

    [Fact]
    public void Of_a_vma_only_the_pmd_ranges_asked_for_are_read()
    {
        var proc = new FakeProc();
        proc.Vma(First, 512 * 6, Figures(anonymous: 24, rss: 24, referenced: 24));
        for (int i = 0; i < 6; i++)
            proc.Page(First + 512 * i + i);
        var capture = new CaptureBuilder();
        var asked = ((ulong)(First + 700) << 12, (ulong)(First + 1537) << 12);
        new ProcessReader(proc, FakeProc.Pid, 4096).Read(asked, capture, _ => { }, CancellationToken.None);
        var vma = capture.Capture!.Vmas.Single();
        Assert.Equal([". x .*510", ".*2 x .*509", ".*3 x .*508"], vma.Ranges.Select(range => range.Table.ToString()));
        Assert.Equal((3L, false, First), (vma.Pages.Anonymous, vma.IsWhole, vma.Vma.Start));
        Assert.Empty(capture.Capture.Disagreeing);
    }

    [Fact]
    public void A_hundred_gigabytes_with_three_pages_take_as_many_looks_as_there_are_pages()
    {
        const long pages = 100L << 18;
        var proc = new FakeProc();
        proc.Vma(First, pages, Figures(anonymous: 12, rss: 12, referenced: 12));
        proc.Page(First + 5);
        proc.Page(First + pages / 2);
        proc.Page(First + pages - 1);
        var capture = Capture(proc);
        Assert.Equal(pages / 512, capture.Ranges);
        Assert.Equal(5, capture.Vmas[0].Ranges.Length);
        Assert.InRange(proc.Looks, 6, 8);
    }

    [Fact]
    public void The_settings_are_those_of_sysfs_and_the_process()
    {
        var proc = new FakeProc();
        proc.Vma(First, 512, Figures());
        proc.Files["/proc/42/status"] = "Name:\tfake\nTHP_enabled:\t0\n";
        var head = Capture(proc).Head;
        var settings = head.Settings;
        Assert.Equal(
            (GlobalEnabled.Madvise, OrderSet.Of(4), OrderSet.Of(9), OrderSet.Empty),
            (settings.Enabled, settings.Always, settings.Inherit, settings.Madvise));
        Assert.Equal((511, 64, 256, 4096L), (settings.MaxPtesNone, settings.MaxPtesSwap, settings.MaxPtesShared, settings.PagesToScan));
        Assert.Equal(("fake", "7.2.13", ThpDisable.Completely), (head.Command, head.Kernel, head.ThpDisable));
    }

    [Theory]
    [InlineData("rd wr mr mw me ac hg lo", VmaFlags.Anonymous | VmaFlags.Write | VmaFlags.HugePage | VmaFlags.Locked)]
    [InlineData("rd mr mw nh um", VmaFlags.Anonymous | VmaFlags.NoHugePage | VmaFlags.UffdMissing)]
    [InlineData("rd wr uw ui dp", VmaFlags.Anonymous | VmaFlags.Write | VmaFlags.UffdWp | VmaFlags.UffdMinor | VmaFlags.Droppable)]
    [InlineData("rd wr io pf de dd", VmaFlags.Anonymous | VmaFlags.Write | VmaFlags.NoKhugepaged)]
    public void The_vmas_flags_are_those_of_smaps(string words, VmaFlags flags)
    {
        var proc = new FakeProc();
        proc.Vma(First, 512, Figures(), words);
        Assert.Equal(flags, Capture(proc).Vmas[0].Vma.Flags);
    }

    [Fact]
    public void What_may_not_or_cannot_be_looked_at_is_one_line()
    {
        const string size = "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size";
        Refused(
            proc => proc.IsRoot = false,
            "42: its pages may not be looked at: expected to run as root, with CAP_SYS_PTRACE and CAP_SYS_ADMIN");
        Refused(proc => proc.Files.Remove("/proc/42/status"), "42: no such process: expected one that runs");
        Refused(
            proc => proc.Files["/proc/42/smaps"] = "",
            "42: it has no memory of its own: expected a process, not a kernel thread or a zombie");
        Refused(proc => proc.Files.Remove(size), $"no {size}: expected a kernel with CONFIG_TRANSPARENT_HUGEPAGE");
        Refused(proc => proc.Entry(First, FakeProc.Present), "pagemap hides the frames: expected to run as root, with CAP_SYS_ADMIN");

        static void Refused(Action<FakeProc> change, string message)
        {
            var proc = new FakeProc();
            proc.Vma(First, 512, Figures(anonymous: 4, rss: 4, referenced: 4));
            change(proc);
            Assert.Equal(message, Assert.Throws<CaptureException>(() => Capture(proc)).Message);
        }
    }

    [RootFact]
    public void A_hundred_gigabytes_of_this_process_are_read_to_the_page()
    {
        const long bytes = 100L << 30;
        using var memory = new SparseMemory(bytes);
        long first = memory.Start >> 12;
        foreach (long page in new[] { 3, 4, 512 * 777, 512 * 778 + 511 })
            memory.Touch(page);
        memory.Touch(bytes / 4096 - 512);
        var capture = new CaptureBuilder();
        using (var process = new LocalCapture(Environment.ProcessId))
            process.Read(((ulong)memory.Start, (ulong)(memory.Start + bytes)), capture, _ => { }, CancellationToken.None);
        var vma = capture.Capture!.Vmas.Single(vma => vma.Vma.Start == first);
        Assert.Equal(new PageCounts(5, 0, 0, 0), vma.Pages);
        Assert.Equal(vma.Pages, vma.Smaps);
        Assert.Equal(bytes >> 21, vma.Ranges.Sum(range => range.Count));
        Assert.Equal(
            [(0, ".*3 x*2 .*507"), (777, "x .*511"), (778, ".*511 x"), ((bytes >> 21) - 1, "x .*511")],
            vma.Ranges.Where(range => range.Table.Pmd == PmdState.Table)
                .Select(range => ((range.Start - first) / 512, range.Table.ToString())));
    }

    internal static ProcessCapture Capture(IProcFiles proc, CancellationToken cancellation = default)
    {
        var capture = new CaptureBuilder();
        new ProcessReader(proc, FakeProc.Pid, 4096).Read((0, ulong.MaxValue), capture, _ => { }, cancellation);
        return capture.Capture!;
    }

    internal static string Figures(int anonymous = 0, int huge = 0, int swap = 0, int rss = 0, int referenced = 0, int lazyFree = 0) =>
        $"Rss: {rss} kB\nReferenced: {referenced} kB\nAnonymous: {anonymous} kB\nLazyFree: {lazyFree} kB\n"
        + $"AnonHugePages: {huge} kB\nSwap: {swap} kB\n";
}
