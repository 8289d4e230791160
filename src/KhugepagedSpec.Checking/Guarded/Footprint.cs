using System.Collections.Immutable;

namespace KhugepagedSpec.Checking.Guarded;

/// <summary>The bits of the state that something reads, and those it writes.</summary>
internal readonly record struct Footprint(PackedState Reads, PackedState Writes)
{
    /// <summary>What either touches.</summary>
    public static Footprint operator |(Footprint a, Footprint b) => new(Union(a.Reads, b.Reads), Union(a.Writes, b.Writes));

    /// <summary>True if the order of the two cannot matter: neither writes what the other touches.</summary>
    public bool CommutesWith(Footprint other) =>
        !Meet(Writes, other.Reads) && !Meet(Writes, other.Writes) && !Meet(Reads, other.Writes);

    /// <summary>True if it writes any of some bits.</summary>
    public bool Disturbs(PackedState bits) => Meet(Writes, bits);

    /// <summary>What a condition reads.</summary>
    public static Footprint Of(Layout layout, Term term) => new Collector(layout).Read(term).Result;

    /// <summary>What a step touches, its process's location and the mark of a broken property apart.</summary>
    public static Footprint Of(Layout layout, Step step) => new Collector(layout).Read(step.Guard).Do(step.Effects).Result;

    private static PackedState Union(PackedState a, PackedState b)
    {
        for (int word = 0; word < PackedState.Words; word++)
            a.AsWritableSpan()[word] |= b.AsSpan()[word];
        return a;
    }

    private static bool Meet(PackedState a, PackedState b)
    {
        for (int word = 0; word < PackedState.Words; word++)
            if ((a.AsSpan()[word] & b.AsSpan()[word]) != 0)
                return true;
        return false;
    }

    private sealed class Collector(Layout layout)
    {
        private PackedState _reads, _writes;

        public Footprint Result => new(_reads, _writes);

        public Collector Read(Term term)
        {
            switch (term)
            {
                case Term.Read(var variable):
                    Mark(ref _reads, variable);
                    break;
                case Term.Not(var of):
                    Read(of);
                    break;
                case Term.Binary(_, var a, var b):
                    Read(a).Read(b);
                    break;
                case Term.Choice(var when, var then, var otherwise):
                    Read(when).Read(then).Read(otherwise);
                    break;
            }
            return this;
        }

        public Collector Do(ImmutableArray<Effect> effects)
        {
            foreach (var effect in effects)
                switch (effect)
                {
                    case Effect.Assign(var variable, var value):
                        Read(value);
                        Mark(ref _writes, variable);
                        break;
                    case Effect.Branch(var condition, var then, var otherwise):
                        Read(condition).Do(then).Do(otherwise);
                        break;
                    case Effect.Assert(var condition, _):
                        Read(condition);
                        break;
                }
            return this;
        }

        private void Mark(ref PackedState bits, Variable variable)
        {
            if (!variable.IsScratch)
                layout.Set(ref bits, variable, (int)Layout.Mask(variable));
        }
    }
}
