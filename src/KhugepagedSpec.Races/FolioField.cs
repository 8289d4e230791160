using ModelChecker.Guarded;

namespace KhugepagedSpec.Races;

/// <summary>What a folio has once, however many its pages: an entry's own, or that of the page before it while the two are one
/// folio.</summary>
/// <param name="own">The entry's own.</param>
/// <param name="ofHead">That of the page before it; null where no folio has two pages.</param>
/// <param name="isTail">The two are one folio; null likewise.</param>
internal sealed class FolioField(Variable own, Variable? ofHead, Variable? isTail)
{
    /// <summary>The entry's own; of no meaning while it is the second page of a folio.</summary>
    public Variable Own => own;

    private Term Value => isTail is null ? own : Term.Choose(isTail, ofHead!, own);

    public static implicit operator Term(FolioField field) => field.Value;

    public static Term operator !(FolioField a) => !a.Value;

    public static Term operator &(FolioField a, FolioField b) => a.Value & b.Value;

    public static Term operator |(FolioField a, FolioField b) => a.Value | b.Value;

    public Term Is(Term value) => Value.Is(value);

    public Term IsNot(Term value) => !Value.Is(value);

    /// <summary>The one that counts in a state.</summary>
    public Variable In(Func<Variable, int> get) => isTail is not null && get(isTail) != 0 ? ofHead! : own;

    public Effect Set(Term value) => isTail is null ? own.Set(value) : Effect.When(isTail, [ofHead!.Set(value)], [own.Set(value)]);

    public Effect Increase() => Set(Value + 1);

    public Effect Decrease() => Set(Value - 1);
}
