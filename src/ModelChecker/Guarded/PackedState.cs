using System.Runtime.InteropServices;

namespace ModelChecker.Guarded;

/// <summary>A state of a guarded model: every variable a few bits of it.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct PackedState : IEquatable<PackedState>
{
    /// <summary>How many words there are.</summary>
    public const int Words = 12;

    internal ulong W0, W1, W2, W3, W4, W5, W6, W7, W8, W9, W10, W11;

    internal readonly ReadOnlySpan<ulong> AsSpan() => MemoryMarshal.CreateReadOnlySpan(in W0, Words);

    internal Span<ulong> AsWritableSpan() => MemoryMarshal.CreateSpan(ref W0, Words);

    /// <summary>The same values of all variables.</summary>
    public static bool operator ==(PackedState a, PackedState b) => a.Equals(b);

    /// <summary>Another value of some variable.</summary>
    public static bool operator !=(PackedState a, PackedState b) => !a.Equals(b);

    /// <summary>Its bits where a mask has bits.</summary>
    public readonly PackedState Masked(in PackedState mask)
    {
        var masked = this;
        for (int word = 0; word < Words; word++)
            masked.AsWritableSpan()[word] &= mask.AsSpan()[word];
        return masked;
    }

    /// <inheritdoc/>
    public readonly bool Equals(PackedState other) => AsSpan().SequenceEqual(other.AsSpan());

    /// <inheritdoc/>
    public override readonly bool Equals(object? obj) => obj is PackedState other && Equals(other);

    /// <inheritdoc/>
    public override readonly int GetHashCode()
    {
        var hash = default(HashCode);
        hash.AddBytes(MemoryMarshal.AsBytes(AsSpan()));
        return hash.ToHashCode();
    }
}
