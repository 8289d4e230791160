using KhugepagedSpec.Daemon;
using KhugepagedSpec.PageTables;
using ModelChecker.Guarded;

namespace KhugepagedSpec.Races;

/// <summary>The first state of a search.</summary>
internal static class InitialState
{
    private const string InTheMiddle = "somebody is in the middle of something with it, and is not in this model";

    // What a letter of the notation cannot begin with here, and why.
    private static readonly Dictionary<char, string> Refused = new()
    {
        ['t'] = InTheMiddle + ": expected an actor that locks it, as hwpoison",
        ['u'] = InTheMiddle + ": expected an actor that takes it off its list, as reclaim",
        ['i'] = InTheMiddle + ": expected the actor migrate",
        ['a'] = "this model has anonymous pages only",
        ['K'] = "this model has no KSM page to begin with: expected the actor ksm",
        ['y'] = "this model has secondary MMUs that remember no use",
        ['e'] = "this model has no devices",
        ['d'] = "this model has no devices",
    };

    /// <summary>Letters that a table may begin with.</summary>
    public static string Letters =>
        string.Concat(TableNotation.Letters.Select(known => known.Letter).Where(letter => !Refused.ContainsKey(letter)));

    /// <summary>
    /// From a table in the notation's letters, or <c>0</c> or <c>m</c> for a PMD entry that is empty or maps a huge
    /// page; every order enabled, every limit at its maximum.
    /// </summary>
    /// <exception cref="FormatException">The table has another length, or cannot be told by this model.</exception>
    public static PackedState Of(SharedState s, string table)
    {
        var state = s.Layout.Initial();
        if (table is "0" or "m")
            return WithoutTable(s, table[0]);
        if (table == "mi")
            throw new FormatException($"table mi: {InTheMiddle}: expected the table m and the actor migrate");
        if (TableNotation.PmdEntries.Any(entry => entry.Word == table))
            throw new FormatException($"table {table}: this model has no such PMD entry: expected 0 or m");
        bool[] inFolio = Folios(s, ref table);
        if (table.Length != s.Shape.Pages)
            throw new FormatException($"table {table}: {table.Length} entries: expected {s.Shape.Pages}, or 0 or m for the PMD entry");
        for (int i = 0; i < table.Length; i++)
        {
            if (Refused.TryGetValue(table[i], out string? why))
                throw new FormatException($"table {table}: letter '{table[i]}' at entry {i}: {why}");
            Place(s, ref state, s[i],
                TableNotation.CellOf(table[i]) ?? throw new FormatException(
                $"table {table}: unknown letter '{table[i]}' at entry {i}: see khugepaged-spec notation"));
            s.Layout.Set(ref state, s[i].HeldElsewhere, table[i] == 'p' ? 1 : 0);
            if (inFolio[i])
                PlaceInFolio(s, ref state, i);
        }
        return state;
    }

    // "f1" is two entries whose pages are one folio.
    private static bool[] Folios(SharedState s, ref string table)
    {
        bool[] inFolio = new bool[Math.Max(table.Length, s.Shape.Pages)];
        if (!s.HasFolios)
            return inFolio;
        string all = table;
        for (int at; (at = table.IndexOf("f1", StringComparison.Ordinal)) >= 0; table = $"{table[..at]}xx{table[(at + 2)..]}")
        {
            if (at % 2 != 0)
                throw new FormatException($"table {all}: f1 at entry {at}: expected it at an even one");
            inFolio[at] = inFolio[at + 1] = true;
        }
        return inFolio;
    }

    // What a folio has once lies with its first page.
    private static void PlaceInFolio(SharedState s, ref PackedState state, int i)
    {
        bool isHead = i % 2 == 0;
        s.Layout.Set(ref state, s[i].Order, 1);
        s.Layout.Set(ref state, s[i].InFolio!, 1);
        s.Layout.Set(ref state, s[i].Mappings.Own, isHead ? 2 : 0);
        s.Layout.Set(ref state, s[i].References.Own, isHead ? 2 : 0);
        s.Layout.Set(ref state, s[i].OnLru.Own, isHead ? 1 : 0);
    }

    /// <summary>From a PMD entry without a table: <c>0</c> empty, <c>m</c> a huge page, <c>~</c> one under migration.</summary>
    public static PackedState WithoutTable(SharedState s, char pmd)
    {
        var state = s.Layout.Initial();
        s.Layout.Set(ref state, s.Pmd, pmd == '0' ? PmdHolds.None : pmd == 'm' ? PmdHolds.Huge : PmdHolds.Migration);
        int contents = pmd == '0' ? Contents.Zero : Contents.Old;
        foreach (var entry in s.Entries)
            foreach (var (variable, value) in new[]
            {
                (entry.Pte, Holds.None), (entry.Young, 0), (entry.Dirty, 0), (entry.Writable, pmd == '0' ? 0 : 1), (entry.Mappings.Own, 0),
                    (entry.References.Own, 0), (entry.OnLru.Own, 0),
                (entry.Source, Contents.Zero), (entry.New, contents), (entry.Expected, contents), (entry.Order, pmd == '0' ? 0 : 2),
            })
                s.Layout.Set(ref state, variable, value);
        return state;
    }

    /// <summary>From a scenario of the same size.</summary>
    public static PackedState Of(SharedState s, Scenario scenario)
    {
        var state = s.Layout.Initial();
        var enabled = scenario.Settings.OrdersFor(scenario.Vma.IsAdvised);
        Span<(Variable Variable, int Value)> values =
        [
            (s.PmdEnabled, enabled.Contains(s.Shape.PmdOrder) ? 1 : 0), (s.SmallEnabled, enabled.Contains(s.Shape.SmallOrder) ? 1 : 0),
            (s.MaxPtesNone, scenario.Settings.MaxPtesNone), (s.MaxPtesSwap, scenario.Settings.MaxPtesSwap),
                (s.MaxPtesShared, scenario.Settings.MaxPtesShared),
            (s.HasAnonVma, scenario.Vma.HasAnonVma ? 1 : 0), (s.IsArmed, scenario.Vma.IsUffdArmed ? 1 : 0),
                (s.IsMlocked, scenario.Vma.Has(VmaFlags.Locked) ? 1 : 0),
        ];
        foreach (var (variable, value) in values)
            s.Layout.Set(ref state, variable, value);
        for (int i = 0; i < scenario.Table.Cells.Length; i++)
            Place(s, ref state, s[i], scenario.Table.Cells[i]);
        return state;
    }

    private static void Place(SharedState s, ref PackedState state, EntryState entry, Cell cell)
    {
        bool isPage = cell.Kind == PteKind.Page, comesBack = cell.Kind is PteKind.Migration;
        int mappings = isPage ? cell.Has(CellFlags.Shared) ? 2 : 1 : 0;
        int contents = isPage || comesBack || cell.Kind == PteKind.Swap ? cell.Has(CellFlags.ZeroFilled) ? Contents.Zero : Contents.Old
            : Contents.Zero;
        Span<(Variable Variable, int Value)> values =
        [
            (entry.Pte, HoldsOf(cell.Kind)), (entry.Young, Bit(CellFlags.Young)), (entry.Dirty, Bit(CellFlags.Dirty)),
                (entry.UffdWp, Bit(CellFlags.UffdWp)),
            (entry.Writable, isPage && !cell.Has(CellFlags.Shared) && !cell.Has(CellFlags.UffdWp) ? 1 : 0),
            (entry.Order, cell.Order == 0 ? 0 : cell.Order < s.Shape.PmdOrder ? 1 : 2),
            (entry.Mappings.Own, mappings), (entry.References.Own, mappings + Bit(CellFlags.Pinned)), (entry.Child, mappings == 2 ? 1 : 0),
            (entry.Exclusive, isPage && !cell.Has(CellFlags.Shared) ? 1 : 0), (entry.Locked.Own, Bit(CellFlags.Locked)),
                (entry.OnLru.Own, (isPage && !cell.Has(CellFlags.OffLru)) || comesBack ? 1 : 0), (entry.LazyFree, Bit(CellFlags.LazyFree)),
            (entry.Source, contents), (entry.Slot, cell.Kind == PteKind.Swap ? contents : Contents.Zero), (entry.Expected, contents),
        ];
        foreach (var (variable, value) in values)
            s.Layout.Set(ref state, variable, value);

        int Bit(CellFlags flag) => cell.Has(flag) ? 1 : 0;
    }

    private static int HoldsOf(PteKind kind) => kind switch
    {
        PteKind.None => Holds.None,
        PteKind.ZeroPage => Holds.Zero,
        PteKind.Page => Holds.Source,
        PteKind.Swap => Holds.Swap,
        PteKind.Migration => Holds.Migration,
        PteKind.HwPoison => Holds.HwPoison,
        PteKind.GuardMarker or PteKind.PoisonMarker => Holds.Guard,
        PteKind.UffdWpMarker => Holds.WpMarker,
        PteKind.Special or PteKind.ZoneDevice => Holds.Special,
        _ => throw new FormatException($"an entry of kind {kind}: the interleaving model has none"),
    };
}
