using FsCheck.Xunit;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Properties;

[Cases]
public sealed class TraceFacts
{
    [Property]
    public void A_trace_line_parses_back_into_its_event_as_every_version_prints_it(Scenario scenario)
    {
        foreach (var version in Catalogue.Released.Append(Subjects.Linux72))
            foreach (var line in scenario.Run(version, 2, traced: true).SelectMany(run => run.Trace))
                Assert.Equal(Seen(line, version.Trace),
                    TraceEvent.Parse(line.Line(version.Trace), version.Trace, scenario.Settings.Geometry.PmdOrder));

        // Nobody prints whether a PTE was writable but the versions that need one.
        static TraceEvent Seen(TraceEvent line, TraceText text) => line switch
        {
            TraceEvent.ScanPmd scan when !text.HasWritable => scan with { IsWritable = false },
            TraceEvent.Isolate isolate when !text.HasWritable => isolate with { IsWritable = false },
            _ => line,
        };
    }

    // As kernels of these releases printed them, but for frames and processes.
    [Theory]
    [InlineData("linux-6.17",
        "mm_collapse_huge_page_isolate: scan_pfn=0x1ff, none_or_zero=0, referenced=512, writable=1, status=succeeded",
        "mm_collapse_huge_page: mm=0000000000000001, isolated=1, status=succeeded",
        "mm_khugepaged_scan_pmd: mm=0000000000000001, scan_pfn=0x1ff, writable=1, referenced=512, none_or_zero=0, status=succeeded, unmapped=0")]
    [InlineData("linux-6.18",
        "mm_collapse_huge_page_isolate: scan_pfn=0x1ff, none_or_zero=0, referenced=512, status=succeeded",
        "mm_collapse_huge_page: mm=0000000000000001, isolated=1, status=succeeded",
        "mm_khugepaged_scan_pmd: mm=0000000000000001, scan_pfn=0x1ff, referenced=512, none_or_zero=0, status=succeeded, unmapped=0")]
    [InlineData("linux-7.2",
        "mm_collapse_huge_page_isolate: scan_pfn=0x1ff, none_or_zero=0, referenced=512, status=succeeded, order=9",
        "mm_collapse_huge_page: mm=0000000000000001, isolated=1, status=succeeded, order=9",
        "mm_khugepaged_scan_pmd: mm=0000000000000001, scan_pfn=0x1ff, referenced=512, none_or_zero=0, status=succeeded, unmapped=0")]
    [InlineData("linux-7.3",
        "mm_collapse_huge_page_isolate: scan_pfn=0x1ff, none_or_zero=0, referenced=512, status=succeeded, order=9",
        "mm_collapse_huge_page: mm=0000000000000001, isolated=1, status=succeeded, order=9",
        "mm_khugepaged_scan_pmd: mm=0000000000000001, scan_pfn=0xffffffffffffffff, referenced=512, none_or_zero=0, status=succeeded, unmapped=0")]
    public void Each_version_prints_its_own_text(string name, params string[] lines)
    {
        var version = Catalogue.Find(name)!;
        var trace = Given.Khugepaged("x*512", Given.Orders(9), 0).Run(version, 1, traced: true)[0].Trace;
        Assert.Equal(lines, trace.Where(line => line is not TraceEvent.KhugepagedScan).Select(line => line.Line(version.Trace)));
    }

    [Theory]
    [InlineData("x*100 p .*411", "not_suitable_page_count")]
    [InlineData("x*100 t .*411", "page_locked")]
    [InlineData("x*100 l .*411", "page_lazyfree")]
    public void In_7_3_a_scan_names_the_page_that_ended_it(string table, string status) =>
        Assert.Contains(FormattableString.Invariant($"scan_pfn=0x{100:x}, referenced=100, none_or_zero=0, status={status}"),
            ScanLine(Catalogue.Linux73, table), StringComparison.Ordinal);

    [Theory]
    [InlineData("x*100 w .*411")]
    [InlineData("x*100 .*412")]
    [InlineData("o*100 .*412")]
    [InlineData("x*440 s*65 .*7")]
    public void In_7_3_a_scan_that_no_page_ended_names_none_and_in_7_2_the_last_one_it_looked_at(string table)
    {
        Assert.Contains("scan_pfn=0xffffffffffffffff, ", ScanLine(Catalogue.Linux73, table), StringComparison.Ordinal);
        Assert.DoesNotContain("scan_pfn=0xffffffffffffffff, ", ScanLine(Catalogue.Linux73Rc, table), StringComparison.Ordinal);
        Assert.Equal(ScanLine(Catalogue.Linux72, table), ScanLine(Catalogue.Linux73Rc, table));
    }

    [Fact]
    public void Where_no_table_is_6_18_and_before_print_pmd_none()
    {
        foreach (var version in Catalogue.Released)
        {
            var scenario = Scenario.Of(PageTable.Empty(Geometry.X86, PmdState.None)) with { Kind = CollapseKind.Madvise };
            scenario = scenario with { Vma = scenario.Vma with { HasAnonVma = true } };
            string line = Assert.Single(scenario.Run(version, 1, traced: true)[0].Trace).Line(version.Trace);
            Assert.Contains(version.Releases!.Last.CompareTo((6, 18)) <= 0 ? "status=pmd_none,"
                : "status=no_pte_table,", line, StringComparison.Ordinal);
        }
    }

    // The numbers that the kernels' format files give.
    [Theory]
    [InlineData("linux-7.3", 2, 15, 17, 31)]
    [InlineData("linux-7.2", 2, 15, 17, 31)]
    [InlineData("linux-7.1", 2, 15, 17, 31)]
    [InlineData("linux-7.0", 2, 15, -1, 30)]
    [InlineData("linux-6.18", 3, 16, -1, 31)]
    [InlineData("linux-6.17", 3, 17, -1, 32)]
    public void Results_are_numbered_as_the_release_numbers_them(string name, int noTable, int locked, int lazyFree, int last)
    {
        var text = Catalogue.Find(name)!.Trace;
        Assert.Equal((noTable, locked, lazyFree),
            (text.NumberOf(ScanResult.NoPteTable), text.NumberOf(ScanResult.PageLock), text.NumberOf(ScanResult.PageLazyFree)));
        Assert.Equal(last, text.NumberOf(ScanResult.PageDirtyOrWriteback));
        Assert.All(Enumerable.Range(0, text.Results.Length),
            number => Assert.Equal(text.NumberOf(text.ResultOf(number)), number == 2 && noTable == 3 ? 3 : number));
        Assert.Throws<FormatException>(() => text.ResultOf(text.Results.Length));
    }

    [Theory]
    [InlineData("mm_foo: mm=1", "'mm_foo': expected a tracepoint of huge_memory that collapse hits")]
    [InlineData("mm_khugepaged_scan", "no mm= in 'mm_khugepaged_scan'")]
    [InlineData("mm_khugepaged_scan: mm=z", "mm=z in 'mm_khugepaged_scan: mm=z': expected a hexadecimal number")]
    [InlineData("mm_khugepaged_scan: mm=1 progress=x", "progress=x in 'mm_khugepaged_scan: mm=1 progress=x': expected a number")]
    [InlineData("mm_collapse_huge_page: mm=1, isolated=1, status=fine order=2",
        "status=fine in 'mm_collapse_huge_page: mm=1, isolated=1, status=fine order=2': expected a result as the kernel prints it")]
    public void A_line_that_is_none_says_what_was_expected(string line, string message) =>
        Assert.Equal(message, Assert.Throws<FormatException>(() => TraceEvent.Parse(line, TraceText.Linux72, 9)).Message);

    private static string ScanLine(KhugepagedVersion version, string table) =>
        Given.Khugepaged(table, Given.Orders(4), 0).Run(version, 1, traced: true)[0].Trace.OfType<TraceEvent.ScanPmd>().Single()
            .Line(version.Trace);
}
