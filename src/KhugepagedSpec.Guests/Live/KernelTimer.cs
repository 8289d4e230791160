using System.Collections.Immutable;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Guests.Machine;
using KhugepagedSpec.Guests.Packages;

namespace KhugepagedSpec.Guests.Live;

/// <summary>How long khugepaged runs on the same tables on two kernels, each time in a guest that is booted for it.</summary>
public static class KernelTimer
{
    /// <summary>What a guest can be asked for; it is booted and ended.</summary>
    /// <exception cref="GuestException">It does not come up.</exception>
    /// <exception cref="GuestUnavailableException">QEMU or a compiler is missing.</exception>
    public static KernelAbilities AbilitiesOf(CachedKernel kernel)
    {
        using var guest = LiveKernel.Boot(kernel, isTimed: true);
        return guest.Abilities;
    }

    /// <summary>The tables that both can be given.</summary>
    public static IEnumerable<Scenario> PossibleOnBoth(IEnumerable<Scenario> scenarios, KernelAbilities first, KernelAbilities second) =>
        scenarios.Where(one => LiveRefusal.Of(one, first) is null && LiveRefusal.Of(one, second) is null);

    /// <summary>Boots a kernel, has it do the tables, and says how long khugepaged ran in each pass.</summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="scenarios">The tables: with the same settings, khugepaged's.</param>
    /// <param name="passes">Full scans of each.</param>
    /// <exception cref="GuestException">The guest hung, or a table could not be built.</exception>
    public static ImmutableArray<TimeSpan> Run(CachedKernel kernel, IReadOnlyList<Scenario> scenarios, int passes)
    {
        using var guest = LiveKernel.Boot(kernel, isTimed: true);
        var sums = new TimeSpan[passes];
        foreach (var batch in scenarios.Chunk(LiveScenarios.Together))
        {
            guest.TakeTimes();
            foreach (var (vector, error) in new Recorder(guest).Record(
                [.. batch.Select((scenario, index) => LiveInput.Of($"time_{index + 1}", scenario, passes, beside: false))]))
                if (vector is null)
                    throw new GuestException($"a table could not be built: {error}", []);
            foreach (var (pass, time) in guest.TakeTimes().Index())
                sums[pass] += time;
        }
        return [.. sums];
    }
}
