using System.Globalization;
using KhugepagedSpec.Races.Trace;

namespace KhugepagedSpec.Regressions;

/// <summary>Who was in the middle of something when a recorded attempt began, and whom those had met.</summary>
public sealed class AttemptPastTests
{
    private const string Mm = "ffff888000000001", Range = "0x10000000000";

    // Readers of the mmap lock, each of whom takes it before the one before drops it; the last still has it when the attempt begins.
    private static string[] Chain(int readers, string page)
    {
        var events = new List<(int Time, string Says)>();
        for (int i = 0; i < readers; i++)
        {
            int from = 10 * i;
            events.Add((from, At(i, $"mmap_lock_acquire_returned: mm={Mm} memcg_id=1 write=false success=true")));
            events.Add((from + 1, At(i, $"hmf: (handle_mm_fault+0x4/0x2c0) addr={page} flags=0x254")));
            events.Add((from + 12, At(i, "hmf_r: (do_user_addr_fault+0x1b7/0x840 <- handle_mm_fault) ret=0x0")));
            events.Add((from + 13, At(i, $"mmap_lock_released: mm={Mm} memcg_id=1 write=false")));
        }
        int begins = (10 * readers) + 1;
        events.Add((begins, $"khugepaged-42 [001] ..... TIME: chp: (collapse_huge_page+0x0/0x16a0) mm=0x{Mm} addr={Range} order=2"));
        events.Add((begins + 5, "khugepaged-42 [001] ..... TIME: chp_r: (a <- collapse_huge_page) result=1"));
        return ["== cpu0", "== trace", .. events.OrderBy(one => one.Time)
            .Select(one => one.Says.Replace("TIME", one.Time.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)), "== end"];

        static string At(int reader, string says) => $"race-r-{100 + reader} [000] ..... TIME: {says}";
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(20)]
    public void Those_who_met_each_other_in_the_range_are_known_back_to_the_first(int readers)
    {
        var attempt = Assert.Single(CollapseAttempt.Of(RaceTrace.Of(Chain(readers, "0x10000001000"))));
        Assert.Equal(Enumerable.Range(100, readers), attempt.Beside.Select(one => one.Pid).Order());
        Assert.False(attempt.HasEndlessPast);
        Assert.Single(attempt.Company);
    }

    [Fact]
    public void Who_met_whom_elsewhere_does_not_matter() =>
        Assert.Equal([119], Assert.Single(CollapseAttempt.Of(RaceTrace.Of(Chain(20, "0x20000001000")))).Beside.Select(one => one.Pid));

    [Fact]
    public void A_chain_without_end_is_said() =>
        Assert.True(Assert.Single(CollapseAttempt.Of(RaceTrace.Of(Chain(200, "0x10000001000")))).HasEndlessPast);
}
