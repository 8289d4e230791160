using KhugepagedSpec.Guests.Packages;

namespace KhugepagedSpec.Guests.Machine;

/// <summary>What QEMU runs a guest's instructions on: KVM where /dev/kvm opens and a guest came up under it, else software
/// emulation.</summary>
internal static class Accelerator
{
    private static readonly Lock Gate = new();
    private static bool? _opens;
    private static bool _failed;

    /// <summary>KVM is used.</summary>
    public static bool IsKvm
    {
        get
        {
            lock (Gate)
                return !_failed && (_opens ??= Opens());
        }
    }

    /// <summary>QEMU's arguments for it.</summary>
    /// <param name="isKvm">KVM is to be used.</param>
    /// <param name="architecture">The guest's processor.</param>
    public static string[] Arguments(bool isKvm, Architecture architecture) => isKvm
        ? [.. architecture.Board, "-accel", "kvm", "-cpu", architecture.Processor]
        : [.. architecture.Board, "-accel", "tcg,thread=multi", "-cpu", architecture.EmulatedProcessor];

    /// <summary>No guest comes up under it here, as on some machines that are virtual themselves.</summary>
    public static void GiveUpKvm()
    {
        lock (Gate)
            _failed = true;
    }

    private static bool Opens()
    {
        try
        {
            using var device = new FileStream("/dev/kvm", FileMode.Open, FileAccess.ReadWrite);
            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return false;
        }
    }
}
