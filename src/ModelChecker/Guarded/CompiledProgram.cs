namespace ModelChecker.Guarded;

/// <summary>A program made ready to run beside others.</summary>
internal sealed class CompiledProgram
{
    private readonly StepCode?[][] _code;
    private readonly StepCompiler _compiler;

    public CompiledProgram(GuardedProgram program, Layout layout, StepCompiler compiler)
    {
        Source = program;
        _compiler = compiler;
        (Word, Shift) = layout[program.Counter];
        Mask = Layout.Mask(program.Counter);
        _code = [.. program.Steps.Select(steps => new StepCode?[steps.Length])];
        Widest = program.Steps.Max(steps => steps.Length);
        Here = [.. program.Steps.Select(steps => steps.Aggregate(default(Footprint), (all, step) => all | Footprint.Of(layout, step)))];
        Ahead = AheadOf(program, Here);
        GoesOn = [.. program.Steps.Select(steps => steps.All(step => step.To > step.From))];
        var turningAway = program.Steps.SelectMany(steps => steps).SelectMany(step => step.Effects).OfType<Effect.LockUse>()
            .Where(use => use.TurnsAway).Select(use => use.Lock).ToHashSet();
        HoldsLock = [.. program.Held.Select(locks => !turningAway.IsSupersetOf(locks))];
    }

    public GuardedProgram Source { get; }

    public int Word { get; }

    public int Shift { get; }

    public ulong Mask { get; }

    public int Widest { get; }

    /// <summary>What the steps of each location touch.</summary>
    public Footprint[] Here { get; }

    /// <summary>What they and all later steps touch.</summary>
    public Footprint[] Ahead { get; }

    /// <summary>No step of the location leads backwards.</summary>
    public bool[] GoesOn { get; }

    /// <summary>Some lock that others wait for is held at the location.</summary>
    public bool[] HoldsLock { get; }

    public ReadOnlySpan<StepCode?> At(int location) => _code[location];

    public StepCode Compile(int location, int choice)
    {
        lock (_compiler)
            return _code[location][choice] ??= _compiler.Compile(Source.Steps[location][choice], Source.Counter);
    }

    private static Footprint[] AheadOf(GuardedProgram program, Footprint[] here)
    {
        Footprint[] ahead = [.. here];
        for (bool grows = true; grows;)
        {
            grows = false;
            for (int from = ahead.Length - 1; from >= 0; from--)
            {
                var all = program.Steps[from].Aggregate(ahead[from], (sum, step) => sum | ahead[step.To]);
                grows |= all != ahead[from];
                ahead[from] = all;
            }
        }
        return ahead;
    }
}
