using System.Buffers.Binary;
using System.Collections.Immutable;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;

namespace KhugepagedSpec.Guests.Live;

/// <summary>One scenario under way: a process of the guest, and what was seen of it so far.</summary>
internal sealed class RecordedProcess
{
    private readonly MachineType _machine;

    public RecordedProcess(VectorInput input, int index, MachineType machine)
    {
        _machine = machine;
        Input = input;
        Index = index;
        Address = GuestRange.AddressOf(index, machine);
        Pages = input.Settings.Geometry.Pages;
        (First, End) = input.Extent;
        Builder = new TableBuilder(input, Address, (index + 1L) << 32);
    }

    public VectorInput Input { get; }

    public int Index { get; }

    public int Number => Index + 1;

    public long Address { get; }

    public int Pages { get; }

    public int First { get; }

    public int End { get; }

    public TableBuilder Builder { get; }

    public PageTable? Before { get; set; }

    public Snapshot? Seen { get; set; }

    public long PmdMappedKb { get; set; }

    public Dictionary<ulong, int> Folios { get; set; } = [];

    public TraceNormalForm Trace { get; } = new();

    public int Return { get; private set; }

    public int Errno { get; private set; }

    /// <summary>VMAs of the process that the scenario has nothing of; null before they were counted. None comes or goes.</summary>
    public int? OtherVmas { get; set; }

    public int WrongPages { get; set; }

    public string? ThenSlots { get; set; }

    public ImmutableArray<string> ProgramSlots { get; set; } = [];

    public List<RecordedPass> Passes { get; } = [];

    public bool Owns(TracedRange range) => Math.Abs(range.Address - Address) < GuestRange.BytesEach(_machine) / 2;

    public IEnumerable<Attempt> AttemptsOf(TracedRange range) =>
        range.Attempts.Select(attempt => attempt.Offset == Attempt.UnknownOffset ? attempt
            : attempt with { Offset = attempt.Offset + (int)((range.Address - Address) / _machine.PageBytes) });

    public void Call(byte[] outcome)
    {
        Return = (int)BinaryPrimitives.ReadInt64LittleEndian(outcome);
        Errno = (int)BinaryPrimitives.ReadInt64LittleEndian(outcome.AsSpan(8));
    }

    // Pages of folios that a collapse made and that are there still. What a fault swaps in is no such folio: Linux 7.2 and 7.3
    // (mm/memory.c, do_swap_page) leave it evictable in a VM_LOCKED VMA, until reclaim meets it.
    public List<(int Page, bool IsHead)> NewFolios()
    {
        var pages = new List<(int, bool)>();
        for (int i = 0; i < Pages && Passes.Count > 0; i++)
            if (Passes[^1].After.Cells[i] is { Kind: PteKind.Page, Order: > 0 } now
                && Passes.Any(pass => pass.After.Cells[i] is { Order: > 0 } then && then.Has(CellFlags.New)
                    && pass.Attempts.Any(attempt => attempt.Collapsed(i))))
                pages.Add((i, now.Page == 0));
        return pages;
    }

    public RecordedVector Vector(MachineType modelledAs) => new()
    {
        Input = Input with { Machine = modelledAs },
        Before = Before!,
        Passes = [.. Passes],
        WrongPages = WrongPages,
        ProgramSlots = ProgramSlots,
        ThenSlots = ThenSlots,
        ThenAfter = Input.Then.Length > 0 ? 1 : 0,
    };
}
