using KhugepagedSpec.Guests.Machine;

namespace KhugepagedSpec.Guests.Live;

/// <summary>Where a guest runs: one that was lost, or that cannot be trusted any more, is replaced by a new one when it is next
/// needed.</summary>
/// <param name="boot">Boots one.</param>
/// <param name="running">One that runs already; null for none.</param>
internal sealed class GuestSlot(Func<LiveKernel> boot, LiveKernel? running = null) : IDisposable
{
    private LiveKernel? _kernel = running;

    /// <summary>The guest.</summary>
    /// <exception cref="GuestException">It does not come up.</exception>
    public LiveKernel Kernel => _kernel ??= boot();

    /// <summary>Ends the guest.</summary>
    public void Drop()
    {
        _kernel?.Dispose();
        _kernel = null;
    }

    /// <summary>Ends the guest if it would not say the same again, or is not what it was: all but one that counted wrong, or warned of what
    /// it will warn of again.</summary>
    /// <param name="splat">What it logged; null for nothing.</param>
    public void DropAfter(Splat? splat)
    {
        if (splat is null || splat.Kind.Contains("Bad rss-counter", StringComparison.Ordinal))
            return;
        if (!(splat.IsOfPlace && _kernel is { Abilities.ForgetsWarnings: true }))
            Drop();
    }

    /// <summary>Ends the guest.</summary>
    public void Dispose() => Drop();
}
