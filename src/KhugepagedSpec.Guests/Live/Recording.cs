using KhugepagedSpec.Guests.Machine;
using KhugepagedSpec.Guests.Packages;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;

namespace KhugepagedSpec.Guests.Live;

/// <summary>A guest that records scenarios one at a time, each in passes of its own.</summary>
public sealed class Recording : IDisposable
{
    private readonly LiveKernel _kernel;
    private readonly Recorder _recorder;

    /// <summary>Boots the kernel.</summary>
    /// <exception cref="GuestException">It does not come up.</exception>
    /// <exception cref="GuestUnavailableException">QEMU or a compiler is missing.</exception>
    public Recording(CachedKernel kernel)
    {
        _kernel = new LiveKernel(kernel, Geometry.X86);
        _recorder = new Recorder(_kernel);
    }

    /// <summary>What the kernel can be asked for.</summary>
    public KernelAbilities Abilities => _kernel.Abilities;

    /// <summary>Records a scenario; null, and why, if it cannot be built.</summary>
    /// <exception cref="GuestException">The guest hung or ended.</exception>
    public (RecordedVector? Vector, string Error) Record(VectorInput input) => _recorder.Record([input])[0];

    /// <summary>Ends the guest.</summary>
    public void Dispose() => _kernel.Dispose();
}
