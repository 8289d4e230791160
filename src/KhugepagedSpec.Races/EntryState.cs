using System.Collections.Immutable;
using ModelChecker.Guarded;

namespace KhugepagedSpec.Races;

/// <summary>
/// One entry, the pages that can be there, and what must be read there. Three pages can: the source, which was there first; a
/// fresh one, from a fault, swap-in, copy on write or migration; and the new folio's.
/// </summary>
internal sealed class EntryState
{
    public required Variable Pte, Young, Dirty, Writable, UffdWp, Order;
    public required FolioField Locked, References, Mappings, OnLru, InSwapCache, InBatch;
    public required Variable LazyFree, Child, Poisoned;
    public required Variable Source, Fresh, New, Slot, Expected, IsGivenUp, IsLost, FreshReferences;
    public required Variable Exclusive, Saved, IsCopied, HeldElsewhere;
    public required int Index;

    /// <summary>The VMA allows it.</summary>
    public required Term MayBeWritten;

    /// <summary>The source is one of the two pages of a folio; null where no folio has two.</summary>
    public Variable? InFolio { get; init; }

    /// <summary>The source is one of the two pages of a folio.</summary>
    public Term IsInFolio => InFolio ?? Term.False;

    /// <summary>References that the swap cache has to the source: one a page.</summary>
    public Term SwapCacheReferences => InFolio is null ? (Term)InSwapCache : Term.Choose(InSwapCache, (Term)1 + InFolio, 0);

    /// <summary>It leaves the swap cache.</summary>
    public IEnumerable<Effect> LeaveSwapCache =>
        [References.Set((Term)References - (InFolio is null ? 1 : (Term)1 + InFolio)), InSwapCache.Set(0)];

    public Term IsPresentPage => Pte.Is(Holds.Source) | Pte.Is(Holds.Fresh) | Pte.Is(Holds.New);

    public Term IsNoneOrZero => Pte.Is(Holds.None) | Pte.Is(Holds.Zero);

    public Term IsPresent => IsPresentPage | Pte.Is(Holds.Zero) | Pte.Is(Holds.Special);

    /// <summary>References that neither mappings nor the swap cache explain.</summary>
    public Term HasExtraReference =>
        InBatch | Term.Choose(Pte.Is(Holds.Source), !((Term)References).Is((Term)Mappings + SwapCacheReferences),
            (Pte.Is(Holds.Fresh) | Pte.Is(Holds.New)) & FreshReferences.IsNot(0));

    /// <summary>The source loses a reference; with the last it is freed, and on no list.</summary>
    public IEnumerable<Effect> DropReference => [References.Decrease(), Effect.When(References.Is(0), OnLru.Set(0))];

    /// <summary>The source loses a mapping, and the reference that came with it.</summary>
    public IEnumerable<Effect> DropMapping => [Mappings.Decrease(), .. DropReference];

    /// <summary>The child maps the source no more, if it did.</summary>
    public Effect ChildUnmaps => Effect.When(Child, [Child.Set(0), .. DropMapping]);

    /// <summary>The page leaves the LRU batch, if it is there; a source that lives on is on its list again.</summary>
    public Effect LeaveBatch => Effect.When(InBatch, InBatch.Set(0), Effect.When(References.IsNot(0), OnLru.Set(1)));

    /// <summary>What the mapped page holds.</summary>
    public Term PageContents =>
        Term.Choose(Pte.Is(Holds.Source), Source,
            Term.Choose(Pte.Is(Holds.Fresh), Fresh, Term.Choose(Pte.Is(Holds.New), New, Contents.Zero)));
}

/// <summary>What one process keeps to itself, its CPU's TLB included.</summary>
internal sealed class Slot
{
    public required Variable Counter, At, Tlb, TlbWritable, Cached, Pin, PinIsOwn, PinStays, Seen, Secondary, IsStale, InNeighbour,
        FreesTable;
    public required ImmutableArray<Variable> Gathered;

    public Layout.Block Block { get; set; }

    /// <summary>Its TLB forgets what it knows of an entry.</summary>
    public Effect Flush(int entry) => Effect.When(At.Is(entry), Tlb.Set(Holds.None), TlbWritable.Set(0));
}
