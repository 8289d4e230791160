using System.Collections.Immutable;

namespace ModelChecker.Guarded;

/// <summary>The bits of the state that something reads, and those it writes.</summary>
internal readonly record struct Footprint(PackedState Reads, PackedState Writes)
{
    /// <summary>What either touches.</summary>
    public static Footprint operator |(Footprint a, Footprint b) => new(Union(a.Reads, b.Reads), Union(a.Writes, b.Writes));

    /// <summary>True if the order of the two cannot matter: neither writes what the other touches.</summary>
    public bool CommutesWith(Footprint other) =>
        !Meet(Writes, other.Reads) && !Meet(Writes, other.Writes) && !Meet(Reads, other.Writes);

    /// <summary>What a step touches, its process's location and the mark of a broken property apart.</summary>
    public static Footprint Of(Layout layout, Step step) => new Collector(layout).Read(step.Guard).Do(step.Effects).Result;

    private static PackedState Union(PackedState a, PackedState b)
    {
        for (int word = 0; word < PackedState.Words; word++)
            a.AsWritableSpan()[word] |= b.AsSpan()[word];
        return a;
    }

    private static bool Meet(PackedState a, PackedState b) => a.Masked(b) != default;

    private sealed class Collector(Layout layout)
    {
        private PackedState _reads, _writes;

        public Footprint Result => new(_reads, _writes);

        public Collector Read(Term term)
        {
            Visitor.Visit(term, variable => Mark(ref _reads, variable));
            return this;
        }

        public Collector Do(ImmutableArray<Effect> effects)
        {
            Visitor.Visit(effects, variable => Mark(ref _reads, variable), variable => Mark(ref _writes, variable));
            return this;
        }

        private void Mark(ref PackedState bits, Variable variable)
        {
            if (!variable.IsScratch)
                layout.Set(ref bits, variable, (int)Layout.Mask(variable));
        }
    }
}
