using KhugepagedSpec.Collapse;
using KhugepagedSpec.Guests.Machine;
using KhugepagedSpec.Guests.Packages;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Recordings;

namespace KhugepagedSpec.Guests.Live;

/// <summary>A guest that records scenarios one at a time, each in passes of its own. One that was lost, or is not what it was, is replaced
/// for the next.</summary>
public sealed class Recording : IDisposable
{
    private readonly GuestSlot _slot;
    private readonly KhugepagedVersion? _model;

    /// <summary>Boots the kernel.</summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="model">The version that says where attempts stand which the kernel does not tell of; null for the one that models
    /// it.</param>
    /// <exception cref="GuestException">It does not come up.</exception>
    /// <exception cref="GuestUnavailableException">QEMU or a compiler is missing.</exception>
    public Recording(CachedKernel kernel, KhugepagedVersion? model = null)
    {
        var first = LiveKernel.Boot(kernel);
        _slot = new GuestSlot(() => LiveKernel.Boot(kernel), Task.FromResult(first));
        Abilities = first.Abilities;
        _model = model ?? Abilities.KnownModel;
    }

    /// <summary>What the kernel can be asked for.</summary>
    public KernelAbilities Abilities { get; }

    /// <summary>What the kernel logged of itself in the last recording, if something was wrong.</summary>
    public Splat? Logged { get; private set; }

    /// <summary>What it said in the last recording that no model knows; null if nothing.</summary>
    public string? Strange { get; private set; }

    /// <summary>Records a scenario; null, and why, if it cannot be built, or the kernel said what no model knows.</summary>
    /// <exception cref="GuestException">The guest hung or ended.</exception>
    public (RecordedVector? Vector, string Error) Record(VectorInput input)
    {
        (Logged, Strange) = (null, null);
        try
        {
            var recorder = new Recorder(_slot.Kernel);
            var (vector, error) = recorder.Record([input])[0];
            Logged = recorder.Logged;
            _slot.DropAfter(Logged);
            Strange = recorder.Strange is { } strange ? $"pass {strange.Pass}: {strange.What}" : null;
            return Strange is not null ? (null, Strange)
                : vector is null ? (null, error)
                : (_model is null ? vector : WalkOffsets.Fill([vector], _model)[0], "");
        }
        catch (GuestException)
        {
            _slot.Drop();
            throw;
        }
    }

    /// <summary>True if a vector tells where each attempt stands, and all attempts and scans.</summary>
    public static bool IsWhole(RecordedVector vector) =>
        vector.Passes.All(pass => pass.IsTraced && pass.Attempts.All(attempt => attempt.Offset != Attempt.UnknownOffset));

    /// <summary>Ends the guest.</summary>
    public void Dispose() => _slot.Dispose();
}
