using System.Collections.Immutable;

namespace ModelChecker.Guarded;

/// <summary>A place in a program that is being written.</summary>
public sealed class Location
{
    internal int Number { get; set; } = -1;

    internal string Phase { get; set; } = "";
}

/// <summary>One way a step can go.</summary>
/// <param name="When">When it goes that way, if no way before it does.</param>
/// <param name="To">Where it leads; null for the next place.</param>
/// <param name="Effects">What it does.</param>
public sealed record Way(Term When, Location? To, ImmutableArray<Effect> Effects)
{
    /// <summary>What happens this way; null for what the step says.</summary>
    public string? Says { get; init; }

    /// <summary>What the step is this way; null for what the step is.</summary>
    public Meaning? Meaning { get; init; }
}

/// <summary>When something can be done, and what it does: one operation on a lock.</summary>
/// <param name="Guard">When.</param>
/// <param name="Effects">What.</param>
public sealed record Act(Term Guard, ImmutableArray<Effect> Effects)
{
    /// <summary>Both at once.</summary>
    public static Act operator +(Act a, Act b) => new(a.Guard & b.Guard, [.. a.Effects, .. b.Effects]);
}

/// <summary>Writes a program from top to bottom, as kernel functions read.</summary>
public sealed class ProgramBuilder
{
    private readonly string _name;
    private readonly Variable _counter;
    private readonly IReadOnlySet<string>? _mustMean;
    private readonly List<(Location From, Location To, string Function, string Says, Term Guard, ImmutableArray<Effect> Effects,
        Meaning? Meaning)> _steps = [];
    private readonly List<Location> _order = [];
    private Location _here = new();
    private Meaning? _next;

    /// <summary>Starts an empty program.</summary>
    /// <param name="name">The process's name.</param>
    /// <param name="counter">The variable for the location.</param>
    /// <param name="mustMean">Functions whose steps each say what they are.</param>
    public ProgramBuilder(string name, Variable counter, IReadOnlySet<string>? mustMean = null) =>
        (_name, _counter, _mustMean, _) = (name, counter, mustMean, Place(_here));

    /// <summary>The next step is this, unless a way of it is something else.</summary>
    public ProgramBuilder As(Meaning meaning)
    {
        _next = meaning;
        return this;
    }

    /// <summary>A way that is taken if nothing before it is.</summary>
    public static Way Else(params ReadOnlySpan<Effect> effects) => new(Term.True, null, [.. effects]);

    /// <summary>A way that leads on.</summary>
    public static Way If(Term condition, params ReadOnlySpan<Effect> effects) => new(condition, null, [.. effects]);

    /// <summary>A way that leads elsewhere.</summary>
    public static Way Goto(Location to, Term condition, params ReadOnlySpan<Effect> effects) => new(condition, to, [.. effects]);

    /// <summary>What is written next is reached from <paramref name="location"/>.</summary>
    public void At(Location location) => _here = Place(location);

    /// <summary>What part of the process's work the places after this belong to.</summary>
    public string Phase { get; set; } = "";

    /// <summary>The place that the next step starts from.</summary>
    public Location Here => _here;

    /// <summary>One step that leads to the next place.</summary>
    public void Do(string function, string says, params ReadOnlySpan<Effect> effects) =>
        Do(function, says, Term.True, new Way(Term.True, null, [.. effects]));

    /// <summary>One step that may have to wait.</summary>
    public void Do(string function, string says, Act act, params ReadOnlySpan<Effect> effects) =>
        Do(function, says, act.Guard, new Way(Term.True, null, [.. act.Effects, .. effects]));

    /// <summary>One step of several ways, of which the first that applies is taken.</summary>
    public void Do(string function, string says, Term wait, params ReadOnlySpan<Way> ways)
    {
        var next = new Location();
        var before = Term.False;
        bool falls = false;
        foreach (var way in ways)
        {
            falls |= way.To is null;
            _steps.Add((_here, way.To ?? next, function, way.Says ?? says, wait & !before & way.When, way.Effects,
                MeaningOf(function, way)));
            before |= way.When;
        }
        _next = null;
        // Nothing written next is reached if no way leads on; At() must follow.
        _here = falls ? Place(next) : next;
    }

    /// <summary>One step with a choice that nothing decides: any way whose condition holds.</summary>
    /// <exception cref="ArgumentException">A way leads nowhere.</exception>
    public void Any(string function, string says, params ReadOnlySpan<Way> ways)
    {
        foreach (var way in ways)
            _steps.Add((_here, way.To ?? throw new ArgumentException("a choice leads somewhere", nameof(ways)), function, way.Says ?? says,
                way.When, way.Effects, MeaningOf(function, way)));
        _next = null;
        _here = new Location();
    }

    private Meaning? MeaningOf(string function, Way way) => way.Meaning ?? _next ?? (_mustMean?.Contains(function) != true ? null
        : throw new InvalidOperationException($"{_name}: a step of {function} does not say what it is"));

    /// <summary>The next place is another's.</summary>
    public void Join(Location location)
    {
        foreach (ref var step in System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_steps))
            if (step.To == _here)
                step.To = location;
        _order.Remove(_here);
        _here = new Location();
    }

    /// <summary>The program, without what cannot be reached; <paramref name="judged"/> are the properties it looks at.</summary>
    public GuardedProgram Build(ImmutableHashSet<SafetyProperty> judged)
    {
        var open = new Queue<Location>([_order[0]]);
        var reached = new HashSet<Location>([_order[0]]);
        var bySource = _steps.Where(step => !step.Guard.IsFalse).ToLookup(step => step.From);
        while (open.TryDequeue(out var location))
            foreach (var step in bySource[location])
                if (reached.Add(step.To))
                    open.Enqueue(step.To);
        int count = 0;
        foreach (var location in _order.Where(reached.Contains).Concat(reached.Except(_order)))
            location.Number = count++;
        var steps = reached.OrderBy(location => location.Number)
            .Select(location => bySource[location]
                .Select(step => new Step(step.From.Number, step.To.Number, step.Function, step.Says, step.Guard,
                    Judged(step.Effects, judged))
                { Meaning = step.Meaning }).ToImmutableArray());
        if (count - 1 > _counter.Max)
            throw new InvalidOperationException($"{_name}: {count} locations, expected {_counter.Max + 1} at most");
        var program = new GuardedProgram(_name, _counter, [.. steps],
            [.. reached.OrderBy(location => location.Number).Select(location => location.Phase)]);
        return program with { Steps = Forbid(program, judged) };
    }

    // What may not be done under a lock becomes a broken property where a lock is held, and nothing elsewhere.
    private static ImmutableArray<ImmutableArray<Step>> Forbid(GuardedProgram program, ImmutableHashSet<SafetyProperty> judged)
    {
        var spinning = LockOrder.Spinning(program.Steps.SelectMany(steps => steps));
        return [.. program.Steps.Select((steps, location) => steps.Select(step => step.Effects.Any(effect => effect is Effect.Forbidden)
            ? step with { Effects = [
                .. step.Effects.Select(effect => effect is Effect.Forbidden forbidden ? Now(forbidden, program.Held[location]) : effect)] }
            : step).ToImmutableArray())];

        Effect Now(Effect.Forbidden forbidden, ImmutableSortedSet<string> held) =>
            judged.Contains(forbidden.Property) && held.Any(each => forbidden.UnderAnyLock || spinning.Contains(each))
                ? Effect.Check(Term.False, forbidden.Property) : Effect.When(Term.False);
    }

    private static ImmutableArray<Effect> Judged(ImmutableArray<Effect> effects, ImmutableHashSet<SafetyProperty> judged) =>
    [
        .. effects.Where(effect => effect is not Effect.Assert check || judged.Contains(check.Property))
            .Select(effect => effect is Effect.Branch branch
                ? new Effect.Branch(branch.Condition, Judged(branch.Then, judged), Judged(branch.Otherwise, judged)) : effect),
    ];

    private Location Place(Location location)
    {
        if (!_order.Contains(location))
            _order.Add(location);
        location.Phase = Phase;
        return location;
    }
}
