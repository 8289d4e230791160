using System.Collections.Immutable;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Results;

namespace KhugepagedSpec.Guests.Live;

/// <summary>
/// What a guest can be made to run short of, and the injected faults that stand for it in the model: free blocks of some order and all
/// above, or the charge of a memory cgroup.
/// </summary>
internal static class Shortage
{
    /// <summary>A CPU keeps up to 64 pages charged in advance; orders from here on cannot be served from them.</summary>
    public const int LowestChargedOrder = 7;

    /// <summary>With no free blocks even below this order the kernel itself would compact memory.</summary>
    public const int LowestBlockOrder = 5;

    /// <summary>No free block of <paramref name="order"/> or above.</summary>
    public static ImmutableArray<FaultInjection> OfBlocks(int order, Geometry geometry) =>
        [.. Enumerable.Range(order, geometry.PmdOrder - order + 1)
            .Select(each => new FaultInjection(InjectedFault.AllocFails, Order: each))];

    /// <summary>Not a page more may be charged.</summary>
    public static ImmutableArray<FaultInjection> OfCharge { get; } = [new FaultInjection(InjectedFault.ChargeFails)];

    /// <summary>The lowest order of which there is to be no free block; null if the injected faults are not such a shortage.</summary>
    public static int? BlocksFrom(ImmutableArray<FaultInjection> faults, Geometry geometry) =>
        faults is [{ What: InjectedFault.AllocFails, Order: { } order }, ..] && order >= LowestBlockOrder
            && faults.SequenceEqual(OfBlocks(order, geometry)) ? order : null;

    /// <summary>
    /// True unless an allocation found a block after all, as pages that others give back now and then form one, or smaller blocks ran out
    /// as well, which ends a pass early. What the kernel did then says nothing about a shortage of large ones.
    /// </summary>
    public static bool Held(RecordedVector vector) =>
        BlocksFrom(vector.Input.Faults, vector.Input.Settings.Geometry) is not { } order
        || vector.Passes.All(pass =>
            pass.Attempts.All(attempt => attempt.Order >= order == (attempt.Status == ScanResult.AllocHugePageFail)));

    /// <summary>True if the injected faults are a memory cgroup at its limit.</summary>
    public static bool IsOfCharge(ImmutableArray<FaultInjection> faults) => faults.SequenceEqual(OfCharge);
}
