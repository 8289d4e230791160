using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace KhugepagedSpec.PageTables;

/// <summary>
/// The text form of a page table: cells from the lowest address up, spaces between them ignored.
/// A letter is one PTE (<see cref="Letters"/>), <c>*N</c> repeats it. <c>f4</c> (or <c>m4</c>) is a whole folio of order 4,
/// PTE-mapped; <c>f4[8+3]</c> three of its pages, from page 8; letters right after say more of it (<see cref="Attributes"/>).
/// Two pieces of one order whose pages count from the same address are the same folio. <c>s[84+32]</c> are 32 swap entries whose
/// slots lie in a row from 84 on; the slots of <c>s*32</c> do not. <c>m9</c> alone is a PMD-mapped huge page (of whatever order the
/// PMD has), with the letters of a folio behind it; other PMD entries stand alone, too (<see cref="PmdEntries"/>).
/// The recorders' form, where the count follows the letter (<c>x16 .4</c>), is read too.
/// </summary>
public static class TableNotation
{
    private const CellFlags Written = CellFlags.Young | CellFlags.Dirty;

    /// <summary>The letters, what each stands for, and one line for the reader.</summary>
    public static ImmutableArray<(char Letter, Cell Cell, string Meaning)> Letters { get; } =
    [
        ('.', Cell.None, "empty"),
        ('z', new(PteKind.ZeroPage), "shared zero page"),
        ('q', new(PteKind.ZeroPage, CellFlags.UffdWp), "shared zero page, uffd-wp"),
        ('x', Cell.Plain, "4K page, private, young, dirty"),
        ('Z', Small(Written | CellFlags.ZeroFilled), "the same, contents all zero"),
        ('o', Small(CellFlags.Dirty), "the same as x, not young"),
        ('r', Small(CellFlags.Dirty | CellFlags.Referenced), "not young, but the folio is marked referenced"),
        ('y', Small(CellFlags.Dirty | CellFlags.SecondaryYoung), "not young, but young in a secondary MMU (a virtual machine's)"),
        ('h', Small(Written | CellFlags.Shared), "mapped by another process too"),
        ('p', Small(Written | CellFlags.Pinned), "with an extra reference"),
        ('t', Small(Written | CellFlags.Locked), "locked"),
        ('u', Small(Written | CellFlags.OffLru), "on no LRU list"),
        ('l', Small(CellFlags.LazyFree), "lazyfree (MADV_FREE), clean"),
        ('L', Small(Written | CellFlags.LazyFree), "lazyfree, written again"),
        ('w', Small(Written | CellFlags.UffdWp), "uffd-wp"),
        ('a', Small(Written | CellFlags.NotAnon), "not anonymous"),
        ('K', Small(CellFlags.Young | CellFlags.Ksm | CellFlags.Shared), "KSM page; all of a table are the same one, up to 256 mappings"),
        ('v', new(PteKind.Special), "no struct page"),
        ('D', new(PteKind.ZoneDevice), "ZONE_DEVICE page"),
        ('s', new(PteKind.Swap), "swap entry"),
        ('S', new(PteKind.Swap, CellFlags.UffdWp), "swap entry, uffd-wp"),
        ('i', new(PteKind.Migration), "migration entry"),
        ('e', new(PteKind.DeviceExclusive), "device-exclusive entry"),
        ('d', new(PteKind.DevicePrivate), "device-private entry"),
        ('b', new(PteKind.HwPoison), "hwpoison entry"),
        ('g', new(PteKind.GuardMarker), "guard marker"),
        ('k', new(PteKind.PoisonMarker), "poison marker"),
        ('W', new(PteKind.UffdWpMarker), "uffd-wp marker"),
    ];

    /// <summary>The letters after a folio, what each sets or clears, and one line for the reader.</summary>
    public static ImmutableArray<(char Letter, CellFlags Set, CellFlags Clear, string Meaning)> Attributes { get; } =
    [
        ('h', CellFlags.Shared, CellFlags.None, "shared"),
        ('w', CellFlags.UffdWp, CellFlags.None, "uffd-wp"),
        ('l', CellFlags.LazyFree, Written, "lazyfree, clean, not young"),
        ('L', CellFlags.LazyFree, CellFlags.None, "lazyfree, written again"),
        ('o', CellFlags.None, CellFlags.Young, "not young"),
        ('c', CellFlags.None, CellFlags.Dirty, "clean"),
        ('r', CellFlags.Referenced, CellFlags.None, "marked referenced"),
        ('y', CellFlags.SecondaryYoung, CellFlags.None, "young in a secondary MMU"),
        ('p', CellFlags.Pinned, CellFlags.None, "extra reference"),
        ('t', CellFlags.Locked, CellFlags.None, "locked"),
        ('u', CellFlags.OffLru, CellFlags.None, "on no LRU list"),
        ('a', CellFlags.NotAnon, CellFlags.None, "not anonymous"),
        ('K', CellFlags.Ksm, CellFlags.None, "KSM"),
        ('Z', CellFlags.ZeroFilled, CellFlags.None, "contents all zero"),
    ];

    /// <summary>The words for a whole PMD entry that holds neither a PTE table nor a huge page, and one line for the reader.</summary>
    public static ImmutableArray<(string Word, PmdState State, string Meaning)> PmdEntries { get; } =
    [
        ("0", PmdState.None, "no PTE table"),
        ("mz", PmdState.HugeZero, "huge zero page mapped by the PMD entry"),
        ("mi", PmdState.Migration, "PMD migration entry: a huge page is being moved"),
        ("md", PmdState.DevicePrivate, "PMD device-private entry: a huge page lives in device memory"),
    ];

    private static readonly sbyte[] LetterIndex = BuildLetterIndex();

    /// <summary>Reads a table.</summary>
    /// <param name="text">The notation.</param>
    /// <param name="geometry">How many cells there must be.</param>
    /// <param name="padWithNone">Fill up with empty cells, as the recorders' patterns do.</param>
    /// <exception cref="NotationException">The text is not a table.</exception>
    public static PageTable Parse(ReadOnlySpan<char> text, Geometry geometry, bool padWithNone)
    {
        foreach (var (word, state, _) in PmdEntries)
            if (text.Trim().SequenceEqual(word))
                return PageTable.Empty(geometry, state);
        var cells = new Cell[geometry.Pages];
        int count = 0;
        bool huge = false;
        var reader = new Reader(text);
        while (reader.SkipSpace())
        {
            int start = reader.Position;
            char letter = reader.Take();
            if (letter is 'm' or 'f' or 'F' or 'M')
                huge |= ReadFolio(ref reader, letter, start, geometry, cells, ref count) && letter == 'm';
            else
                ReadLetter(ref reader, letter, start, cells, ref count);
        }
        if (count > geometry.Pages || (count < geometry.Pages && !padWithNone))
            throw new NotationException($"{count} cells: expected {geometry.Pages}, one per PTE of the table");
        CheckFolios(cells);
        return new PageTable(geometry, ImmutableArray.Create(cells), huge ? PmdState.Huge : PmdState.Table);
    }

    /// <summary>Writes a table; <see cref="Parse"/> reads it back.</summary>
    public static string Write(PageTable table) => table.Pmd switch
    {
        PmdState.Table => WriteCells(table, recorded: false),
        PmdState.Huge when IsOneFolio(table) => FolioText(table.Cells[0], table.Geometry.Pages, 'm'),
        PmdState.Huge => $"m{table.Geometry.PmdOrder}",
        var state => PmdEntries.First(entry => entry.State == state).Word,
    };

    /// <summary>
    /// Writes a table as the recorders of real kernels do: the count after the letter, the rest space-separated, swap slots apart
    /// (<see cref="WriteSlots"/>).
    /// </summary>
    public static string WriteRecorded(PageTable table) =>
        table.Pmd == PmdState.HugeZero ? Write(table)
        : WriteCells(table.Cells.Any(cell => cell.Slot > 0) ? WithSlots(table, _ => 0) : table, recorded: true);

    /// <summary>Writes a table as a recorder is asked for it: the same with the swap slots, a PMD entry as such.</summary>
    public static string WriteWish(PageTable table) => table.Pmd == PmdState.Table ? WriteCells(table, recorded: true) : Write(table);

    /// <summary>The swap slots that are known, as the recorders write them: <c>page:slot+length</c>, space-separated.</summary>
    public static string WriteSlots(PageTable table)
    {
        var text = new StringBuilder();
        for (int i = 0, run; i < table.Cells.Length; i += run)
        {
            run = RunLength(table.Cells, i);
            if (table.Cells[i].Slot > 0)
                text.Append(text.Length > 0 ? " " : "").Append(CultureInfo.InvariantCulture, $"{i}:{table.Cells[i].Slot}+{run}");
        }
        return text.ToString();
    }

    /// <summary>The table with the swap slots of <paramref name="slots"/>, in the form of <see cref="WriteSlots"/>.</summary>
    /// <exception cref="NotationException">The text is not that, or names a PTE that holds no swap entry.</exception>
    public static PageTable ReadSlots(PageTable table, string slots)
    {
        int[] of = ReadSlots(slots, table.Cells.Length);
        for (int i = 0; i < of.Length; i++)
            if (of[i] > 0 && table.Cells[i].Kind != PteKind.Swap)
                throw new NotationException($"slots '{slots}': PTE {i} holds no swap entry: expected one that does");
        return WithSlots(table, i => of[i]);
    }

    /// <summary>The slot of each PTE, 0 where there is none, from the form of <see cref="WriteSlots"/>.</summary>
    /// <param name="slots">The text.</param>
    /// <param name="pages">How many PTEs there are.</param>
    /// <exception cref="NotationException">The text is not that.</exception>
    public static int[] ReadSlots(string slots, int pages)
    {
        int[] of = new int[pages];
        foreach (string word in slots.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            var numbers = word.Split(':', '+');
            if (numbers.Length != 3 || !TryNumber(numbers[0], out int page) || !TryNumber(numbers[1], out int slot)
                || !TryNumber(numbers[2], out int length)
                || slot < 1 || length < 1 || page + (long)length > of.Length || slot > int.MaxValue - length)
                throw new NotationException($"slots '{word}': expected page:slot+length, pages 0 to {of.Length - 1}, slots from 1 on");
            for (int i = 0; i < length; i++)
                of[page + i] = slot + i;
        }
        return of;

        static bool TryNumber(string digits, out int value) =>
            int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out value);
    }

    /// <summary>The table with other swap slots.</summary>
    /// <param name="table">The table.</param>
    /// <param name="slotOf">The slot of the swap entry at a PTE; 0 for none in particular.</param>
    public static PageTable WithSlots(PageTable table, Func<int, int> slotOf) => new(
        table.Geometry, [.. table.Cells.Select((cell, i) => cell.Kind == PteKind.Swap ? cell with { Slot = slotOf(i) } : cell)], table.Pmd);

    private static bool IsOneFolio(PageTable table) =>
        table.Cells[0] is { Kind: PteKind.Page, Page: 0 } first && first.Order == table.Geometry.PmdOrder
            && RunLength(table.Cells, 0) == table.Geometry.Pages;

    private static Cell Small(CellFlags flags) => new(PteKind.Page, flags);

    private static sbyte[] BuildLetterIndex()
    {
        var index = new sbyte[128];
        Array.Fill(index, (sbyte)-1);
        for (int i = 0; i < Letters.Length; i++)
            index[Letters[i].Letter] = (sbyte)i;
        return index;
    }

    private static void ReadLetter(ref Reader reader, char letter, int start, Cell[] cells, ref int count)
    {
        if (CellOf(letter) is not { } cell)
            throw new NotationException(start, $"unknown kind '{(char.IsControl(letter) ? $"U+{(int)letter:X4}" : letter)}': expected one of {string.Concat(Letters.Select(l => l.Letter))} or f<order>");
        if (cell.Kind == PteKind.Swap && reader.TryTake('['))
        {
            ReadSlots(ref reader, cell, cells, ref count);
            return;
        }
        int times = reader.TryNumber(out int direct) ? direct : reader.Repetition();
        for (int i = 0; i < times; i++)
            Append(cells, ref count, cell);
    }

    private static void ReadSlots(ref Reader reader, Cell cell, Cell[] cells, ref int count)
    {
        int bracket = reader.Position, entries = 1;
        if (!reader.TryNumber(out int slot, int.MaxValue - cells.Length) || (reader.TryTake('+') && !reader.TryNumber(out entries))
            || !reader.TryTake(']') || slot < 1 || entries < 1)
            throw new NotationException(bracket, "expected [slot+count], as in s[84+32], slots from 1 on");
        for (int i = 0; i < entries; i++)
            Append(cells, ref count, cell with { Slot = slot + i });
    }

    // Returns true if the folio fills the table as a whole folio of the PMD's order.
    private static bool ReadFolio(ref Reader reader, char letter, int start, Geometry geometry, Cell[] cells, ref int count)
    {
        if (!reader.TryNumber(out int order))
            throw new NotationException(reader.Position, $"'{letter}' needs a folio order: expected 0 to {geometry.PmdOrder}");
        if (order > geometry.PmdOrder)
            throw new NotationException(start, $"folio order {order} is outside the geometry: expected 0 to {geometry.PmdOrder}");
        int first = 0;
        int pages = 1 << order;
        if (reader.TryTake('['))
        {
            int bracket = reader.Position;
            if (!reader.TryNumber(out first) || !reader.TryTake('+') || !reader.TryNumber(out pages) || !reader.TryTake(']'))
                throw new NotationException(bracket, "expected [first+count], as in f4[8+3]");
            if (pages < 1 || first + pages > 1 << order)
                throw new NotationException(bracket, $"pages {first} to {first + pages - 1} overlap what lies after the folio: expected pages of order {order}, 0 to {(1 << order) - 1}");
        }
        var flags = letter == 'F' ? Written | CellFlags.New : Written;
        byte node = 0;
        while (true)
        {
            if (reader.TryAttribute(out int attribute))
                flags = (flags | Attributes[attribute].Set) & ~Attributes[attribute].Clear;
            else if (reader.TryTake('@'))
                node = reader.TryNumber(out int value) && value < 256 ? (byte)value
                    : throw new NotationException(reader.Position, "expected a NUMA node, 0 to 255");
            else
                break;
        }
        bool wholeTable = order == geometry.PmdOrder && pages == geometry.Pages && count == 0;
        int times = reader.Repetition();
        for (int t = 0; t < times; t++)
            for (int i = 0; i < pages; i++)
                Append(cells, ref count, new Cell(PteKind.Page, flags, (byte)order, (ushort)(first + i), node));
        return wholeTable;
    }

    private static void Append(Cell[] cells, ref int count, Cell cell)
    {
        if (count < cells.Length)
            cells[count] = cell;
        count++;
    }

    // A folio is one thing: every piece of it must say the same of it.
    private static void CheckFolios(Cell[] cells)
    {
        Dictionary<(int Base, byte Order), (Cell Cell, int Index)>? seen = null;
        for (int i = 0; i < cells.Length; i++)
        {
            var cell = cells[i];
            if (cell.Kind != PteKind.Page || cell.Order == 0 || (i > 0 && cells[i - 1].ContinuesInto(cell)))
                continue;
            seen ??= [];
            var key = (i - cell.Page, cell.Order);
            if (!seen.TryAdd(key, (cell, i)) && ((seen[key].Cell.Flags ^ cell.Flags) & CellFlags.OfFolio) != 0)
                throw new NotationException($"cells {seen[key].Index} and {i} overlap in one folio of order {cell.Order} but say different things of it: expected the same");
        }
    }

    private static string WriteCells(PageTable table, bool recorded)
    {
        var text = new StringBuilder();
        var cells = table.Cells;
        int i = 0;
        while (i < cells.Length)
        {
            int run = RunLength(cells, i);
            if (text.Length > 0)
                text.Append(' ');
            if (cells[i].Slot > 0)
            {
                text.Append(LetterOf(cells[i])).Append('[').Append(cells[i].Slot).Append(run > 1 ? $"+{run}]" : "]");
                i += run;
            }
            else if (cells[i].Kind == PteKind.Page && (cells[i].Order > 0 || LetterOf(cells[i]) is null))
            {
                string folio = FolioText(cells[i], run);
                int copies = 1;
                if (!recorded)
                    while (i + run * (copies + 1) <= cells.Length && RunLength(cells, i + run * copies) == run
                        && cells[i + run * copies] == cells[i])
                        copies++;
                text.Append(folio);
                if (copies > 1)
                    text.Append('*').Append(copies);
                i += run * copies;
            }
            else
            {
                int end = i + 1;
                while (end < cells.Length && cells[end] == cells[i])
                    end++;
                text.Append(LetterOf(cells[i]) ?? '?');
                if (recorded || end - i > 1)
                    text.Append(recorded ? "" : "*").Append(end - i);
                i = end;
            }
        }
        return text.ToString();
    }

    // How many cells from i on are consecutive pages of one folio, or swap slots in a row.
    private static int RunLength(ImmutableArray<Cell> cells, int i)
    {
        int run = 1;
        while (i + run < cells.Length && cells[i + run - 1].ContinuesInto(cells[i + run]))
            run++;
        return run;
    }

    private static string FolioText(Cell cell, int pages) => FolioText(cell, pages, cell.Has(CellFlags.New) ? 'F' : 'f');

    private static string FolioText(Cell cell, int pages, char kind)
    {
        var text = new StringBuilder().Append(kind).Append(cell.Order);
        if (pages != 1 << cell.Order)
            text.Append(CultureInfo.InvariantCulture, $"[{cell.Page}+{pages}]");
        foreach (var (letter, _) in AttributesOf(cell))
            text.Append(letter);
        return (cell.Node > 0 ? text.Append('@').Append(cell.Node) : text).ToString();
    }

    /// <summary>The letters to be written after the folio of a page, and what each says.</summary>
    public static IEnumerable<(char Letter, string Meaning)> AttributesOf(Cell cell)
    {
        bool old = !cell.Has(CellFlags.Young), clean = !cell.Has(CellFlags.Dirty), lazy = cell.Has(CellFlags.LazyFree);
        foreach (var (letter, set, _, meaning) in Attributes)
        {
            bool written = letter switch
            {
                'l' => lazy && old && clean,
                'L' => lazy && !(old && clean),
                'o' => old && !(lazy && clean),
                'c' => clean && !(lazy && old),
                _ => cell.Has(set),
            };
            if (written)
                yield return (letter, meaning);
        }
    }

    /// <summary>The cell that <paramref name="letter"/> stands for; null if it stands for none.</summary>
    public static Cell? CellOf(char letter)
    {
        int index = letter < 128 ? LetterIndex[letter] : -1;
        return index < 0 ? null : Letters[index].Cell;
    }

    /// <summary>The letter that stands for <paramref name="cell"/>, whatever its swap slot; null if none does.</summary>
    public static char? LetterOf(Cell cell)
    {
        cell = cell with { Slot = 0 };
        foreach (var (letter, meaning, _) in Letters)
            if (meaning == cell)
                return letter;
        return null;
    }

    /// <summary>A cell by itself, as it is written.</summary>
    public static string Text(Cell cell) =>
        LetterOf(cell) is { } letter ? (cell.Slot > 0 ? $"{letter}[{cell.Slot}]" : $"{letter}")
        : cell.Kind == PteKind.Page ? FolioText(cell, 1)
        : "?";

    /// <summary>What a cell is, in the words of <see cref="Letters"/> and <see cref="Attributes"/>.</summary>
    public static string MeaningOf(Cell cell)
    {
        if (cell.Slot > 0)
            return string.Create(CultureInfo.InvariantCulture, $"{MeaningOf(cell with { Slot = 0 })}, slot {cell.Slot}");
        foreach (var (_, meant, meaning) in Letters)
            if (meant == cell)
                return meaning;
        string folio = cell.Order == 0 ? "4K page" : string.Create(CultureInfo.InvariantCulture, $"page of an order {cell.Order} folio");
        return string.Join(", ", AttributesOf(cell).Select(attribute => attribute.Meaning).Prepend(folio));
    }

    private ref struct Reader(ReadOnlySpan<char> text)
    {
        private readonly ReadOnlySpan<char> _text = text;

        public int Position { get; private set; }

        public bool SkipSpace()
        {
            while (Position < _text.Length && (char.IsWhiteSpace(_text[Position]) || _text[Position] == ','))
                Position++;
            return Position < _text.Length;
        }

        public char Take() => _text[Position++];

        public bool TryTake(char expected)
        {
            if (Position >= _text.Length || _text[Position] != expected)
                return false;
            Position++;
            return true;
        }

        public bool TryAttribute(out int index)
        {
            index = -1;
            if (Position >= _text.Length)
                return false;
            for (int i = 0; i < Attributes.Length && index < 0; i++)
                if (Attributes[i].Letter == _text[Position])
                    index = i;
            Position += index < 0 ? 0 : 1;
            return index >= 0;
        }

        public bool TryNumber(out int value, int most = 1 << 20)
        {
            int start = Position;
            long number = 0;
            while (Position < _text.Length && char.IsAsciiDigit(_text[Position]))
            {
                number = number * 10 + (_text[Position++] - '0');
                if (number > most)
                    throw new NotationException(start, $"a number too large for a page table: expected {most} at most");
            }
            value = (int)number;
            return Position > start;
        }

        public int Repetition()
        {
            if (!TryTake('*'))
                return 1;
            int start = Position;
            return TryNumber(out int value) && value > 0 ? value : throw new NotationException(start, "expected a count after '*'");
        }
    }
}
