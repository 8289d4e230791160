using System.Collections.Immutable;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Results;

namespace KhugepagedSpec.Regressions;

/// <summary>Memory that was to be short of large blocks, and whether it was: only then is what the kernel did compared.</summary>
public sealed class ShortageTests
{
    private static readonly Attempt Low = new(0, 4, ScanResult.Succeed, null, null),
        High = new(0, 9, ScanResult.AllocHugePageFail, null, null);

    [Fact]
    public void It_was_short_of_large_blocks_and_had_small_ones() => Assert.True(Shortage.Held(After(High, Low, High)));

    [Fact]
    public void A_block_was_found_after_all() => Assert.False(Shortage.Held(After(High, Low, High with { Status = ScanResult.Succeed })));

    // The second allocation that fails ends a pass: with small blocks short as well it ends elsewhere.
    [Fact]
    public void Small_blocks_were_short_too() =>
        Assert.False(Shortage.Held(After(High, Low with { Status = ScanResult.AllocHugePageFail })));

    [Fact]
    public void Nothing_was_to_be_short() => Assert.True(Shortage.Held(With([], Low, High, High with { Status = ScanResult.Succeed })));

    private static RecordedVector After(params Attempt[] attempts) => With(Shortage.OfBlocks(8, Geometry.X86), attempts);

    private static RecordedVector With(ImmutableArray<FaultInjection> faults, params Attempt[] attempts)
    {
        var vector = Recordings.Read("linux-7.2.13.jsonl")[0];
        return vector with { Input = vector.Input with { Faults = faults }, Passes = [vector.Passes[0] with { Attempts = [.. attempts] }] };
    }
}
