using FsCheck.Xunit;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Memory;

namespace KhugepagedSpec.Properties;

[Cases]
public sealed class TraceFacts
{
    [Property]
    public void A_trace_line_parses_back_into_its_event(Scenario scenario)
    {
        foreach (var line in scenario.Run(Subjects.Linux72, 2, traced: true).SelectMany(run => run.Trace))
            Assert.Equal(line, TraceEvent.Parse(line.ToString()));
    }

    [Theory]
    [InlineData("mm_foo: mm=1", "'mm_foo': expected a tracepoint of huge_memory that collapse hits")]
    [InlineData("mm_khugepaged_scan", "no mm= in 'mm_khugepaged_scan'")]
    [InlineData("mm_khugepaged_scan: mm=z", "mm=z in 'mm_khugepaged_scan: mm=z': expected a hexadecimal number")]
    [InlineData("mm_khugepaged_scan: mm=1 progress=x", "progress=x in 'mm_khugepaged_scan: mm=1 progress=x': expected a number")]
    [InlineData("mm_collapse_huge_page: mm=1, isolated=1, status=fine order=2", "status=fine in 'mm_collapse_huge_page: mm=1, isolated=1, status=fine order=2': expected a result as the kernel prints it")]
    public void A_line_that_is_none_says_what_was_expected(string line, string message) =>
        Assert.Equal(message, Assert.Throws<FormatException>(() => TraceEvent.Parse(line)).Message);
}
