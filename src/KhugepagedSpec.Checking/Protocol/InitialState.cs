using KhugepagedSpec.Checking.Guarded;

namespace KhugepagedSpec.Checking.Protocol;

/// <summary>The first state of a search, from a table in the notation's letters.</summary>
internal static class InitialState
{
    public static PackedState Of(SharedState s, string table)
    {
        var state = s.Layout.Initial();
        for (int i = 0; i < table.Length; i++)
        {
            var entry = s[i];
            switch (table[i])
            {
                case 'x':
                    break;
                case '.':
                    Absent(Holds.None, Contents.Zero);
                    break;
                case 's':
                    Absent(Holds.Swap, Contents.Old);
                    s.Layout.Set(ref state, entry.Slot, Contents.Old);
                    break;
                default:
                    throw new FormatException($"table {table}: '{table[i]}' at {i}: expected x, . or s");
            }

            void Absent(int holds, int reads)
            {
                s.Layout.Set(ref state, entry.Pte, holds);
                s.Layout.Set(ref state, entry.Expected, reads);
                foreach (var variable in new[] { entry.Young, entry.Dirty, entry.Writable, entry.Mappings, entry.References, entry.OnLru })
                    s.Layout.Set(ref state, variable, 0);
            }
        }
        return state;
    }
}
