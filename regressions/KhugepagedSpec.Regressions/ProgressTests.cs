using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Results;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Regressions;

/// <summary>What khugepaged counts towards pages_to_scan, as mm_khugepaged_scan tells it, held against the model.</summary>
public sealed class ProgressTests
{
    // One a visit to the process, which ends where an attempt drops its lock; one for a VMA that may not be collapsed; one a PTE that was
    // looked at, of the second three.
    [Theory]
    [InlineData("o=9 pat=.511,x1", 514)]
    [InlineData("o=9 none=0 pat=x2,.1,x509", 4)]
    [InlineData("o=9 flags=nohuge pat=x512", 2)]
    public void A_process_is_one_and_so_is_each_PTE_looked_at(string input, int progress)
    {
        var vector = Recorded($"a {input}");
        Assert.Equal(progress, vector.Passes[0].Progress);
        Assert.Null(Replay.Run(vector, Catalogue.Linux72));
    }

    [Fact]
    public void Whoever_counts_otherwise_differs()
    {
        var vector = Recorded("a o=9 pat=.511,x1");
        var pass = vector.Passes[0];
        var mismatch = Replay.Run(vector with { Passes = [pass with { Progress = pass.Progress - 511 }] }, Catalogue.Linux72);
        Assert.Equal((1, "pages_to_scan", "3", "514"), (mismatch?.Pass, mismatch?.What, mismatch?.Kernel, mismatch?.Model));
        Assert.Null(Replay.Run(vector with { Passes = [pass with { Progress = null }] }, Catalogue.Linux72));
    }

    // A visit ends with a line that names the process; one that finds no range to look at comes before or behind those that do.
    [Fact]
    public void All_visits_to_a_process_count_where_its_first_range_is()
    {
        var ranges = TraceReader.Read(
            """
            mm_khugepaged_scan: mm=00000000aaaaaaaa, progress=31, full_scan_finished=0
            khs_range: (f) addr=0x200000
            mm_khugepaged_scan: mm=00000000bbbbbbbb, progress=513, full_scan_finished=0
            khs_range: (f) addr=0x400000
            khs_range: (f) addr=0x600000
            mm_khugepaged_scan: mm=00000000aaaaaaaa, progress=600, full_scan_finished=0
            mm_khugepaged_scan: mm=00000000bbbbbbbb, progress=20, full_scan_finished=1
            """, MachineType.X86, TraceText.Linux72);
        Assert.Equal([533, 631, null], ranges.Select(range => range.Progress));
    }

    private static RecordedVector Recorded(string input) =>
        ModelRecorder.Record(VectorInput.Parse(input, Geometry.X86) with { Passes = 1 }, Catalogue.Linux72, traced: true);
}
