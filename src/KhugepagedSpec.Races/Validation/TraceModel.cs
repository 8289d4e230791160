using KhugepagedSpec.Races.Trace;

namespace KhugepagedSpec.Races.Validation;

/// <summary>
/// A protocol as a judge of traces: a table of eight entries, the window its first four, and everything outside of the window the rest.
/// The programs are the model's; who races takes the next one from the trace.
/// </summary>
internal sealed class TraceModel
{
    /// <summary>The order of windows that it can take.</summary>
    public const int Order = 2;

    /// <summary>Tasks that can have a lock at once.</summary>
    public const int Slots = 5;

    private const string Window = "0/2";

    /// <summary>Entries that stand for what is outside of the window.</summary>
    public const int ElsewhereWritten = 4, ElsewhereRead = 5, ElsewhereGivenUp = 6;

    private readonly ProtocolSpace _space;
    private readonly Dictionary<(OperationKind, bool, int), TraceProgram> _programs = [];

    public TraceModel(CollapseProtocol protocol)
    {
        _space = new ProtocolSpace(protocol, Shape.Eight, null, Slots);
        var code = _space.Khugepaged;
        string tries = $"asks whether {Window} is worth a try";
        if (code.Source.Steps.SelectMany(steps => steps).LastOrDefault(step => step.Says == tries) is not { } asks
            || TraceProgram.Before(code.Source, "has tried " + Window) is not { } end)
            return;
        (Collapser, End) = (TraceProgram.Of(code, Marks.OfCollapser, asks.To), end);
    }

    public SharedState State => _space.State;

    /// <summary>What collapses, from the beginning of an attempt; null if the protocol has none of that order.</summary>
    public TraceProgram? Collapser { get; }

    /// <summary>Where an attempt has ended.</summary>
    public int End { get; }

    /// <summary>The program of an operation, at the lock that it takes.</summary>
    /// <param name="kind">What it is.</param>
    /// <param name="isElsewhere">It is outside of the window.</param>
    /// <param name="slot">The process that runs it.</param>
    /// <param name="entry">The entry; null for the whole range.</param>
    public TraceProgram Of(OperationKind kind, bool isElsewhere, int slot, int? entry)
    {
        if (!_programs.TryGetValue((kind, isElsewhere, slot), out var program))
        {
            var (name, write) = kind switch
            {
                OperationKind.WriteFault when !isElsewhere => ("fault", UserActors.Fault),
                OperationKind.WriteFault => ("fault", w => TraceActors.Touch(w, mapsZeroPage: false)),
                OperationKind.ReadFault => ("read fault", w => TraceActors.Touch(w, mapsZeroPage: true)),
                OperationKind.DontNeed => ("dontneed", UserActors.DontNeed),
                _ => ("look", (Action<ActorWriter>)TraceActors.Look),
            };
            program = TraceProgram.Of(_space.Compiled(name, slot, w =>
            {
                write(w);
                TraceActors.End(w);
            }), Marks.OfTask, 0);
            _programs[(kind, isElsewhere, slot)] = program;
        }
        string picks = entry is { } i ? $"picks entry {i}" : "picks the whole range";
        return program with
        {
            Start = TraceProgram.Behind(program.Source, picks)
            ?? throw new InvalidOperationException($"{program.Source.Name}: no step '{picks}'")
        };
    }
}
