namespace KhugepagedSpec.Races.Validation;

/// <summary>What collapses, and where an attempt of it ends.</summary>
/// <param name="Program">It, at the beginning of an attempt.</param>
/// <param name="End">Where an attempt has ended.</param>
/// <param name="Own">What it keeps to itself.</param>
internal sealed record TraceCollapser(TraceProgram Program, int End, Collapser Own);

/// <summary>
/// A protocol as a judge of traces: a table of eight entries. Below the PMD order the window is its first four, and everything outside of
/// the window the rest; at the PMD order the window is all of it. The programs are the model's, or those of <see cref="TraceActors"/>; who
/// races takes the next one from the trace.
/// </summary>
internal sealed class TraceModel
{
    /// <summary>Tasks that can be in the middle of something at once.</summary>
    public const int Slots = 5;

    /// <summary>Entries that stand for what is outside of the window.</summary>
    public const int ElsewhereWritten = 4, ElsewhereRead = 5, ElsewhereGivenUp = 6;

    private readonly ProtocolSpace _space;
    private readonly Dictionary<(Part, int), TraceProgram> _programs = [];
    private readonly Dictionary<(bool, bool), TraceCollapser?> _collapsers = [];

    public TraceModel(CollapseProtocol protocol) => _space = new ProtocolSpace(protocol, Shape.Eight, null, Slots);

    public SharedState State => _space.State;

    /// <summary>Entries of a window.</summary>
    public static int Pages(bool isPmd) => 1 << Order(isPmd);

    private static int Order(bool isPmd) => isPmd ? Shape.Eight.PmdOrder : Shape.Eight.SmallOrder;

    /// <summary>What collapses; null if the protocol has no such order.</summary>
    /// <param name="isPmd">At the PMD order.</param>
    /// <param name="isDaemons">khugepaged, not MADV_COLLAPSE.</param>
    public TraceCollapser? Collapser(bool isPmd, bool isDaemons)
    {
        if (!_collapsers.TryGetValue((isPmd, isDaemons), out var collapser))
            _collapsers[(isPmd, isDaemons)] = collapser = Find(isPmd, isDaemons);
        return collapser;
    }

    private TraceCollapser? Find(bool isPmd, bool isDaemons)
    {
        var code = isDaemons ? _space.Khugepaged : _space.MadvCollapse;
        return Means.Last(code.Source, Mark.Asks, 0, Order(isPmd)) is { } asks
            && Means.Last(code.Source, Mark.Over, 0, Order(isPmd)) is { } over
            ? new TraceCollapser(TraceProgram.Of(code, asks.To), over.From, isDaemons ? State.Khugepaged : State.Second) : null;
    }

    /// <summary>The program of a part, at the lock that it takes.</summary>
    public TraceProgram Of(Part part, int slot)
    {
        if (!_programs.TryGetValue((part, slot), out var program))
        {
            var code = _space.Compiled(part.Kind.ToString(), slot, w => TraceActors.Write(w, part));
            program = TraceProgram.Of(code, Means.Behind(code.Source, Mark.Picks, part.Entry) ?? 0);
            _programs[(part, slot)] = program;
        }
        return program;
    }
}
