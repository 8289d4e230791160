using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace KhugepagedSpec.Collapse;

/// <summary>The kernel's own assertions. Here they are never off, and end the run: no version and no injected fault may trip
/// them.</summary>
internal static class KernelAssert
{
    /// <summary>VM_BUG_ON() and VM_WARN_ON_ONCE().</summary>
    /// <param name="condition">What must not be.</param>
    /// <param name="text">It, as it is written.</param>
    /// <exception cref="InvalidOperationException">It is.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void BugOn([DoesNotReturnIf(true)] bool condition, [CallerArgumentExpression(nameof(condition))] string text = "")
    {
        if (condition)
            Throw(text);
    }

    [DoesNotReturn]
    private static void Throw(string text) => throw new InvalidOperationException($"VM_BUG_ON({text})");
}
