using KhugepagedSpec.Guests.Machine;

namespace KhugepagedSpec.Guests.Live;

/// <summary>Where a guest runs: one that was lost, or that cannot be trusted any more, is replaced by a new one when it is next
/// needed.</summary>
/// <param name="boot">Boots one.</param>
/// <param name="ahead">One that runs already or is being booted, the first to be used; null for none.</param>
internal sealed class GuestSlot(Func<LiveKernel> boot, Task<LiveKernel>? ahead = null) : IDisposable
{
    private LiveKernel? _kernel;
    private Task<LiveKernel>? _ahead = ahead;

    /// <summary>The guest.</summary>
    /// <exception cref="GuestException">It does not come up.</exception>
    public LiveKernel Kernel => _kernel ??= TakeAhead()?.GetAwaiter().GetResult() ?? boot();

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

    /// <summary>Ends the guest, and the one that was booted ahead and is not used.</summary>
    public void Dispose()
    {
        Drop();
        try
        {
            TakeAhead()?.GetAwaiter().GetResult().Dispose();
        }
        catch (Exception error) when (error is GuestException or GuestUnavailableException)
        {
            // It did not come up.
        }
    }

    private Task<LiveKernel>? TakeAhead()
    {
        var taken = _ahead;
        _ahead = null;
        return taken;
    }
}
