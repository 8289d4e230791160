using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace KhugepagedSpec.Collapse;

/// <summary>The kernel's own assertions. Here they are never off, and end the run: no version and no injected fault may trip
/// them, but what is put together of policies may.</summary>
internal static class KernelAssert
{
    /// <summary>VM_BUG_ON() and VM_WARN_ON_ONCE().</summary>
    /// <param name="condition">What must not be.</param>
    /// <param name="text">It, as it is written.</param>
    /// <exception cref="KernelBugException">It is.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void BugOn([DoesNotReturnIf(true)] bool condition, [CallerArgumentExpression(nameof(condition))] string text = "")
    {
        if (condition)
            Throw(text);
    }

    [DoesNotReturn]
    private static void Throw(string text) => throw new KernelBugException($"VM_BUG_ON({text})");
}

/// <summary>An assertion of the kernel's own failed.</summary>
public sealed class KernelBugException : Exception
{
    /// <summary>One that nothing is known of.</summary>
    public KernelBugException()
    {
    }

    /// <summary>One in the kernel's words.</summary>
    public KernelBugException(string message)
        : base(message)
    {
    }

    /// <summary>One that comes of another.</summary>
    public KernelBugException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
