using KhugepagedSpec.Recordings;

namespace KhugepagedSpec.Regressions;

public sealed class TraceNormalFormTests
{
    private static readonly Dictionary<ulong, int> Before = new() { [0x12345] = 144 }, After = new() { [0x12345] = 7, [0x777] = -3 };

    [Theory]
    [InlineData("scan_pfn=0x12345, none_or_zero=0", "scan_pfn=@144, none_or_zero=0")]
    [InlineData("scan_pfn=0x777, none_or_zero=0", "scan_pfn=@-3, none_or_zero=0")]
    [InlineData("scan_pfn=0x1, none_or_zero=0", "scan_pfn=@?, none_or_zero=0")]
    [InlineData("scan_pfn=0xffffffffffffffff, none_or_zero=0", "scan_pfn=0xffffffffffffffff, none_or_zero=0")]
    public void A_frame_is_written_as_where_its_folio_was_before_the_pass_or_else_after_it(string line, string normal) =>
        Assert.Equal($"mm_collapse_huge_page_isolate: {normal}", new TraceNormalForm()
            .Of($"mm_collapse_huge_page_isolate: {line}", Before, After));

    [Fact]
    public void Processes_are_numbered_as_they_are_met()
    {
        var form = new TraceNormalForm();
        Assert.Equal("a: mm=#1, x=1", form.Of("a: mm=00000000deadbeef, x=1"));
        Assert.Equal("a: mm=#2, x=1", form.Of("a: mm=(____ptrval____), x=1"));
        Assert.Equal("a: mm=#1, x=1", form.Of("a: mm=00000000deadbeef, x=1"));
    }

    [Theory]
    [InlineData("a: scan_pfn=@-51, x=1", "a: scan_pfn=@?, x=1", true)]
    [InlineData("a: scan_pfn=@?, x=1", "a: scan_pfn=@?, x=1", true)]
    [InlineData("a: scan_pfn=@-51, x=2", "a: scan_pfn=@?, x=1", false)]
    [InlineData("b: scan_pfn=@-51, x=1", "a: scan_pfn=@?, x=1", false)]
    [InlineData("a: scan_pfn=0xffffffffffffffff, x=1", "a: scan_pfn=@?, x=1", false)]
    [InlineData("a: scan_pfn=@4, x=1", "a: scan_pfn=@5, x=1", false)]
    [InlineData("a: scan_pfn=@?, x=1", "a: scan_pfn=@5, x=1", false)]
    [InlineData("none", "a: scan_pfn=@?, x=1", false)]
    public void A_folio_that_came_and_went_may_lie_in_frames_that_had_a_name(string kernel, string model, bool agree) =>
        Assert.Equal(agree, TraceNormalForm.Agree(kernel, model));

    [Fact]
    public void Every_other_byte_stays() => Assert.Equal(
        "mm_khugepaged_scan_pmd: mm=#1, scan_pfn=@144, writable=1,  referenced=5, none_or_zero=0, status=succeeded,unmapped=0 ",
        new TraceNormalForm().Of("mm_khugepaged_scan_pmd: mm=0000000012345678, scan_pfn=0x12345, writable=1,  referenced=5, none_or_zero=0, status=succeeded,unmapped=0 ", Before));

    [Theory]
    [InlineData("a: mm=0000000012345678, x=1")]
    [InlineData("a: scan_pfn=0x12345, x=1")]
    public void A_line_with_a_number_that_no_two_boots_share_is_none(string line) => Assert.Equal(
        $"trace line '{line}': expected mm=#1 and scan_pfn=@144 in the place of what differs from boot to boot",
        Assert.Throws<FormatException>(() => TraceNormalForm.Checked(line)).Message);
}
