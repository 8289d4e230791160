using System.Collections.Concurrent;
using System.Collections.Immutable;
using ModelChecker.Guarded;

namespace KhugepagedSpec.Races;

/// <summary>
/// A protocol on a table of some shape: makes the models of it beside any processes, and keeps their machine code from one to the
/// next.
/// </summary>
public sealed class ProtocolSpace
{
    /// <summary>Processes that fit beside khugepaged.</summary>
    public const int MostActors = SharedState.Slots;

    private readonly GuardedModelParts _parts;
    private readonly ImmutableHashSet<SafetyProperty> _judged;
    private readonly CompiledProgram _khugepaged;
    private GuardedModelParts? _wrapping;
    private CompiledProgram? _mutated;
    private readonly Dictionary<Variable, CompiledProgram> _wrapped = [];
    private readonly ConcurrentDictionary<(Actor, int), CompiledProgram> _actors = [];

    /// <summary>Prepares models.</summary>
    /// <param name="protocol">What khugepaged does.</param>
    /// <param name="shape">The table's shape.</param>
    /// <param name="judged">The properties to look at; if null all but those that the protocol is known not to have.</param>
    public ProtocolSpace(CollapseProtocol protocol, Shape shape, IEnumerable<SafetyProperty>? judged = null)
        : this(protocol, shape, judged, SharedState.Slots)
    {
    }

    internal ProtocolSpace(CollapseProtocol protocol, Shape shape, IEnumerable<SafetyProperty>? judged, int slots)
    {
        (Protocol, Shape, State) = (protocol, shape, new SharedState(shape, protocol.HasOneTableLock, protocol.HasFolios, slots));
        _judged = [.. judged ?? Safety.All.Except(protocol.KnownNotToHold)];
        var compiler = new StepCompiler(State.Layout, State.Broken, Safety.All);
        _parts = new GuardedModelParts(
            State.Layout, compiler, State.Broken, Safety.All,
                [.. AtRest.Conditions(State).Where(condition => _judged.Contains(condition.Property))], Safety.NoDeadlock);
        _khugepaged = Compile(KhugepagedProgram.Write(State, protocol));
    }

    /// <summary>What khugepaged does.</summary>
    public CollapseProtocol Protocol { get; }

    /// <summary>The table's shape.</summary>
    public Shape Shape { get; }

    internal SharedState State { get; }

    internal CompiledProgram Khugepaged => _khugepaged;

    /// <summary>MADV_COLLAPSE in khugepaged's place, where nothing else collapses.</summary>
    internal CompiledProgram MadvCollapse => field ??= Compile(KhugepagedProgram.WriteMadvCollapse(State, Protocol));

    /// <summary>A program of a process beside khugepaged that is no actor of a search.</summary>
    internal CompiledProgram Compiled(string name, int slot, Action<ActorWriter> write)
    {
        var writer = new ActorWriter(State, State.Processes[slot], name, Protocol);
        write(writer);
        return Compile(writer.B, Protocol.OpensPmdSections);
    }

    /// <summary>The tables that a search begins with, as text: one entry a letter.</summary>
    public ImmutableArray<string> Tables =>
        Protocol.HasFolios ? ["f1xx", "f1.s"]
        : Protocol.WithoutAnonVma != AnonVmaNeed.TurnedAway ? [new string('z', Shape.Pages)]
        : Shape.PmdOrder == 2 ? ["xxxx", "x.xs"] : ["xxxxxxxx", "x.xxxxxs"];

    /// <summary>khugepaged beside some processes.</summary>
    /// <param name="actors">Up to three.</param>
    /// <param name="reductions">What a search may leave out.</param>
    /// <param name="table">The table to begin with; the first of <see cref="Tables"/> if null.</param>
    /// <param name="anyPageMayLookBusy">To who only tries, any page may look busy by chance.</param>
    public GuardedModel Beside(IReadOnlyList<Actor> actors, Reductions reductions, string? table = null, bool anyPageMayLookBusy = false)
    {
        var programs = actors.Select((actor, slot) => _actors.GetOrAdd((actor, slot), _ =>
        {
            var writer = new ActorWriter(State, State.Processes[slot], actor.Name, Protocol);
            actor.Write(writer);
            return Compile(writer.B, Protocol.OpensPmdSections);
        }));
        var twins = new List<(Layout.Block, Layout.Block)>();
        if (reductions.HasFlag(Reductions.Symmetry))
            for (int round = 0; round < actors.Count; round++)
                for (int slot = 0; slot + 1 < actors.Count; slot++)
                    if (actors[slot] == actors[slot + 1])
                        twins.Add((State.Processes[slot].Block, State.Processes[slot + 1].Block));
        var initial = InitialState.Of(State, table ?? Tables[0]);
        if (Protocol.WithoutAnonVma != AnonVmaNeed.TurnedAway)
            State.Layout.Set(ref initial, State.HasAnonVma, 0);
        State.Layout.Set(ref initial, State.BusyByChance, anyPageMayLookBusy ? 1 : 0);
        return new GuardedModel(_parts, [_khugepaged, .. programs], initial, reductions, [.. twins]);
    }

    /// <summary>
    /// khugepaged beside some processes, one of them, or khugepaged, with its program changed. What does not fit into a variable any
    /// more is cut off.
    /// </summary>
    /// <param name="actors">Up to three.</param>
    /// <param name="process">Whose program is another: 0 for khugepaged.</param>
    /// <param name="program">That program.</param>
    /// <param name="table">The table to begin with.</param>
    /// <param name="belowPmd">The PMD order is not enabled.</param>
    public GuardedModel Mutated(IReadOnlyList<Actor> actors, int process, GuardedProgram program, string table, bool belowPmd = false)
    {
        var model = Beside(actors, Reductions.PartialOrder, table);
        var parts = _wrapping ??= _parts with { Compiler = new StepCompiler(State.Layout, State.Broken, Safety.All, wraps: true) };
        var initial = model.Initial;
        State.Layout.Set(ref initial, State.PmdEnabled, belowPmd ? 0 : 1);
        return new GuardedModel(parts, [.. model.Programs.Select((each, number) => Wrapped(number == process ? program : each))], initial,
            Reductions.PartialOrder, []);

        CompiledProgram Wrapped(GuardedProgram source)
        {
            if (ReferenceEquals(source, program))
                return _mutated is { } last && ReferenceEquals(last.Source, program) ? last
                    : _mutated = new CompiledProgram(program, State.Layout, parts.Compiler);
            return _wrapped.TryGetValue(source.Counter, out var known) && ReferenceEquals(known.Source, source)
                ? known : _wrapped[source.Counter] = new CompiledProgram(source, State.Layout, parts.Compiler);
        }
    }

    /// <summary>The value of a condition in a state.</summary>
    internal bool Evaluate(PackedState state, Term condition)
    {
        lock (_parts.Compiler)
            return _parts.Compiler.Compile(condition)(ref state);
    }

    /// <summary>One process alone, from a full table or from a PMD entry without one: <c>0</c>, <c>m</c> or <c>~</c>.</summary>
    internal GuardedModel Only(Actor actor, char? pmd)
    {
        var model = Beside([actor], Reductions.None);
        return new(_parts, [model.Compiled[1]], pmd is { } without ? InitialState.WithoutTable(State, without)
            : model.Initial, Reductions.None, []);
    }

    /// <summary>khugepaged alone, from some state.</summary>
    internal GuardedModel Alone(PackedState initial) => new(_parts, [_khugepaged], initial, Reductions.None, []);

    private CompiledProgram Compile(ProgramBuilder builder, bool opened = false)
    {
        var program = builder.Build(_judged);
        return new(opened ? OpenSections.Of(program, State.PmdLock.Held, "pmd lock") : program, State.Layout, _parts.Compiler);
    }
}
