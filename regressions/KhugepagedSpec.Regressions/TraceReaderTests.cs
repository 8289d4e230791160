using KhugepagedSpec.Collapse;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Results;

namespace KhugepagedSpec.Regressions;

public sealed class TraceReaderTests
{
    [Fact]
    public void Attempts_and_the_scan_line_belong_to_the_visit_before_them()
    {
        var ranges = TraceReader.Read(
            """
            khs_range: (collapse_single_pmd+0x0/0x1d0) addr=0x100000000000
            khs_attempt: (collapse_huge_page+0x0/0x9c0) addr=0x100000010000 order=4
            mm_collapse_huge_page_swapin: mm=0000000012345678, swapped_in=2, referenced=15, ret=1, order=4
            mm_collapse_huge_page_isolate: scan_pfn=0x12345, none_or_zero=1, referenced=15, status=succeeded, order=4
            mm_collapse_huge_page: mm=0000000012345678, isolated=1, status=succeeded, order=4
            khs_attempt: (collapse_huge_page+0x0/0x9c0) addr=0x100000020000 order=3
            mm_collapse_huge_page: mm=0000000012345678, isolated=0, status=alloc_huge_page_failed, order=3
            mm_khugepaged_scan_pmd: mm=0000000012345678, scan_pfn=0x12345, referenced=16, none_or_zero=495, status=succeeded, unmapped=1
            khs_range: (collapse_single_pmd+0x0/0x1d0) addr=0x100000200000
            mm_khugepaged_scan_pmd: mm=0000000012345678, scan_pfn=0xffffffffffffffff, referenced=0, none_or_zero=512, status=no_pte_table, unmapped=0
            khs_range: (collapse_single_pmd+0x0/0x1d0) addr=0x100000400000

            """, MachineType.X86, TraceText.Linux72);
        Assert.Equal([0x100000000000, 0x100000200000, 0x100000400000], ranges.Select(range => range.Address));
        Assert.Equal(
            [
                new(16, 4, ScanResult.Succeed, new IsolateReport(1, 15), new SwapinReport(2, ScanResult.Succeed)),
                new(32, 3, ScanResult.AllocHugePageFail, null, null),
            ],
            ranges[0].Attempts);
        Assert.Equal(
            [new ScanLine(ScanResult.Succeed, 16, 495, 1), new ScanLine(ScanResult.NoPteTable, 0, 512, 0), null],
            ranges.Select(range => range.Scan));
        Assert.Empty(ranges[1].Attempts);
        Assert.Empty(ranges[2].Attempts);
    }

    [Fact]
    public void An_attempt_whose_probe_tells_no_order_is_of_the_pmds() => Assert.Equal(
        [new(0, 9, ScanResult.Fail, null, null)],
        TraceReader.Read("khs_range: (f) addr=0x200000\nkhs_attempt: (collapse_huge_page+0x0/0x9c0) addr=0x200000\n", MachineType.X86,
            TraceText.Linux72)[0].Attempts);

    // gcc inlines collapse_huge_page where few call it: then its tracepoints tell of attempts, and nothing tells where they stand.
    [Fact]
    public void Without_a_probe_an_attempt_is_what_ends_in_its_tracepoint() => Assert.Equal(
        [
            new(Attempt.UnknownOffset, 9, ScanResult.LackReferencedPage, null, new SwapinReport(2, ScanResult.LackReferencedPage)),
            new(Attempt.UnknownOffset, 4, ScanResult.Succeed, new IsolateReport(1, 15), new SwapinReport(0, ScanResult.Succeed)),
            new(Attempt.UnknownOffset, 3, ScanResult.AllocHugePageFail, null, null),
            new(Attempt.UnknownOffset, 3, ScanResult.PageCount, new IsolateReport(0, 1), null),
        ],
        TraceReader.Read(
            """
            khs_range: (collapse_single_pmd+0x0/0x1d0) addr=0x100000000000
            mm_collapse_huge_page_swapin: mm=0000000012345678, swapped_in=2, referenced=15, ret=10, order=9
            mm_collapse_huge_page: mm=0000000012345678, isolated=0, status=lack_referenced_page, order=9
            mm_collapse_huge_page_swapin: mm=0000000012345678, swapped_in=0, referenced=15, ret=1, order=4
            mm_collapse_huge_page_isolate: scan_pfn=0x12345, none_or_zero=1, referenced=15, status=succeeded, order=4
            mm_collapse_huge_page: mm=0000000012345678, isolated=1, status=succeeded, order=4
            mm_collapse_huge_page: mm=0000000012345678, isolated=0, status=alloc_huge_page_failed, order=3
            mm_collapse_huge_page_isolate: scan_pfn=0x12345, none_or_zero=0, referenced=1, status=not_suitable_page_count, order=3
            mm_collapse_huge_page: mm=0000000012345678, isolated=0, status=not_suitable_page_count, order=3
            mm_khugepaged_scan_pmd: mm=0000000012345678, scan_pfn=0x12345, referenced=16, none_or_zero=495, status=succeeded, unmapped=1
            """, MachineType.X86, TraceText.Linux72, probesAttempts: false).Single().Attempts);

    [Fact]
    public void Of_two_scan_lines_of_a_visit_the_first_counts() => Assert.Equal(
        new ScanLine(ScanResult.Fail, 1, 2, 3),
        TraceReader.Read(
            """
            khs_range: (f) addr=0x200000
            mm_khugepaged_scan_pmd: referenced=1, none_or_zero=2, status=failed, unmapped=3
            mm_khugepaged_scan_pmd: referenced=4, none_or_zero=5, status=succeeded, unmapped=6
            """, MachineType.X86, TraceText.Linux72).Single().Scan);

    [Fact]
    public void What_comes_before_any_visit_and_other_lines_are_left_out() => Assert.Empty(TraceReader.Read(
        """
        CPU:0 [LOST 3 EVENTS]
        khs_attempt: (collapse_huge_page+0x0/0x9c0) addr=0x100000010000 order=4
        mm_collapse_huge_page: mm=0000000012345678, isolated=1, status=succeeded, order=4
        mm_khugepaged_scan_pmd: referenced=1, none_or_zero=2, status=failed, unmapped=3
        mm_khugepaged_scan_file: status=failed
        nothing

        """, MachineType.X86, TraceText.Linux72));

    [Theory]
    [InlineData("mm_khugepaged_scan_pmd: referenced=1, none_or_zero=2, status=splendid, unmapped=3")]
    [InlineData("khs_attempt: (f) addr=0x200000\nmm_collapse_huge_page: isolated=1, status=splendid")]
    public void A_result_that_is_unknown_is_a_complaint(string line) => Assert.Equal(
        "unknown result 'splendid' in a trace line",
        Assert.Throws<FormatException>(
            () => TraceReader.Read($"khs_range: (f) addr=0x200000\n{line}", MachineType.X86, TraceText.Linux72)).Message);

    [Fact]
    public void A_field_that_is_missing_is_a_complaint() => Assert.Equal(
        "no referenced= in a trace line",
        Assert.Throws<FormatException>(() => TraceReader.Read(
            "khs_range: (f) addr=0x200000\nmm_khugepaged_scan_pmd: status=failed, unmapped=3", MachineType.X86,
            TraceText.Linux72)).Message);
}
