namespace KhugepagedSpec.Memory;

/// <summary>
/// The per-CPU batch that folios pass through on their way to a LRU list. It holds a reference to each folio in it, so a page
/// put back by a failed isolation looks pinned to the next attempt on it until the batch empties.
/// Source: Linux 7.2, <c>mm/swap.c:folio_add_lru</c>, <c>lru_add_drain</c>; <c>include/linux/folio_batch.h</c>.
/// </summary>
public sealed class LruBatch
{
    /// <summary>How many folios it holds before it empties (<c>FOLIO_BATCH_SIZE</c>).</summary>
    public const int Capacity = 31;

    private readonly int[] _folios = new int[Capacity];

    /// <summary>How many folios are in it.</summary>
    public int Count { get; private set; }

    /// <summary>
    /// Adds a folio. The batch empties when it is full, and at once for a large folio (<c>folio_may_be_lru_cached()</c>).
    /// </summary>
    /// <param name="head">The folio's first frame.</param>
    /// <param name="isLarge">Its order is above 0.</param>
    public void Add(int head, bool isLarge)
    {
        _folios[Count++] = head;
        if (isLarge || Count == Capacity)
            Drain();
    }

    /// <summary>Moves everything to the LRU lists and drops the references (<c>lru_add_drain()</c>).</summary>
    public void Drain() => Count = 0;

    /// <summary>True if the batch holds a reference to the folio.</summary>
    public bool Holds(int head) => Count > 0 && _folios.AsSpan(0, Count).Contains(head);
}
