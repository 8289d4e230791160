namespace KhugepagedSpec.Guests.Machine;

/// <summary>
/// What emulation gets wrong, and no kernel does. QEMU before 8.1 may go on with instructions that it translated while another CPU was
/// changing them: the kernel meets an int3 that is no longer there. Seen in 7.2.13 on two CPUs; Richard Jones, "Re: qemu-x86_64 booting
/// with 8.0.0 stil see int3", 2023-07-05.
/// </summary>
public static class Emulation
{
    private const int MostTries = 3;

    /// <summary>A guest that ended so may have been lost to emulation.</summary>
    /// <param name="splat">What it said of itself; null for nothing.</param>
    /// <param name="isEmulated">No KVM.</param>
    /// <param name="cpus">Its CPUs.</param>
    internal static bool MayHaveLost(Splat? splat, bool isEmulated, int cpus) =>
        isEmulated && cpus > 1 && splat is { IsOfBreakpoint: true };

    /// <summary>Does work that takes a guest; where emulation loses it, once more, and after the third time it is the kernel's.</summary>
    /// <param name="work">The work, from the boot on.</param>
    /// <param name="lost">Told of each loss.</param>
    /// <exception cref="GuestException">It is not emulation that loses the guest, or it does so each time.</exception>
    public static T Retry<T>(Func<T> work, Action<GuestException>? lost = null)
    {
        for (int tries = 1; ; tries++)
        {
            try
            {
                return work();
            }
            catch (GuestException error) when (error.IsOfEmulation && tries < MostTries)
            {
                lost?.Invoke(error);
            }
        }
    }
}
