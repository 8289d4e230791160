using System.Runtime.CompilerServices;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Walk;

/// <summary>
/// The walk by an explicit stack: a window that came to nothing is replaced by its two halves, the left one on top.
/// Source: v17 patch 11 (N. Pache, 2026-05-11) and v18 patch 11 (2026-05-22), <c>mthp_collapse</c>.
/// </summary>
public struct StackWalker : IOrderWalker
{
    private readonly int _pmdOrder, _floor;
    private int _offset, _order;
    private WindowStack _waiting;

    /// <summary>Stands before the first window.</summary>
    /// <param name="geometry">The geometry of the range.</param>
    /// <param name="enabled">The orders that may be tried.</param>
    /// <param name="onlyToEnabled">Push halves only if some lower order is enabled (v18); else down to the smallest order (v17).</param>
    public StackWalker(Geometry geometry, OrderSet enabled, bool onlyToEnabled = true)
    {
        _pmdOrder = _order = geometry.PmdOrder;
        _floor = onlyToEnabled ? Math.Max(enabled.Lowest, Geometry.MinOrder) : Geometry.MinOrder;
    }

    /// <inheritdoc/>
    public readonly int Offset => _offset;

    /// <inheritdoc/>
    public readonly int Order => _order;

    /// <inheritdoc/>
    public readonly bool IsDone => _order < 0;

    /// <inheritdoc/>
    public readonly WindowStack Pending => _waiting;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Lower()
    {
        if (_order <= _floor)
        {
            Pop();
            return;
        }
        int half = _order - 1;
        // The half on top is popped at once.
        _waiting = _waiting.Push(_offset + (1 << half), half);
        _order = half;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Advance(int pages) => Pop();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Pop()
    {
        (_offset, _order) = _waiting.IsEmpty ? (1 << _pmdOrder, -1) : _waiting.Top;
        _waiting = _waiting.Pop();
    }
}

/// <summary>
/// Windows that wait, twelve at most: a shift register of 16 bits a window, so that a walker stays in the processor's registers.
/// </summary>
/// <param name="Low">The top four, the very top in the lowest bits.</param>
/// <param name="Middle">The four below.</param>
/// <param name="High">The last four.</param>
public readonly record struct WindowStack(ulong Low, ulong Middle, ulong High)
{
    // The order in the low bits, never 0; above it the offset, whose own low bits are 0.
    private const int Bits = 16, OrderBits = 4, Shift = OrderBits - Geometry.MinOrder;

    /// <summary>Nothing waits.</summary>
    public bool IsEmpty => (ushort)Low == 0;

    /// <summary>The window on top.</summary>
    public (int Offset, int Order) Top => ((int)((uint)(ushort)Low >> OrderBits << Geometry.MinOrder), (int)Low & ((1 << OrderBits) - 1));

    /// <summary>One more on top.</summary>
    public WindowStack Push(int offset, int order) =>
        new(Low << Bits | (uint)(offset << Shift | order), Middle << Bits | Low >> (64 - Bits), High << Bits | Middle >> (64 - Bits));

    /// <summary>How many wait.</summary>
    public int Count => Windows().Count();

    /// <summary>All that wait, the top first.</summary>
    public IEnumerable<(int Offset, int Order)> Windows()
    {
        for (var rest = this; !rest.IsEmpty; rest = rest.Pop())
            yield return rest.Top;
    }

    /// <summary>Without the top.</summary>
    public WindowStack Pop() => new(Low >> Bits | Middle << (64 - Bits), Middle >> Bits | High << (64 - Bits), High >> Bits);
}
