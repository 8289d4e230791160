using System.Collections.Immutable;

namespace ModelChecker.Guarded;

/// <summary>A program with one step left out, or exchanged with the next.</summary>
/// <param name="Location">Where the step was.</param>
/// <param name="Says">What was done to it, in words.</param>
/// <param name="Program">The program that is left.</param>
public sealed record Mutation(int Location, string Says, GuardedProgram Program)
{
    /// <summary>Two steps were exchanged of which neither touches what the other changes: the same states come about.</summary>
    public bool IsOfStepsThatCommute { get; private init; }

    /// <summary>Every mutation of a program. A step of several ways that is left out goes the way that leads on, and does
    /// nothing.</summary>
    public static IEnumerable<Mutation> Of(GuardedProgram program)
    {
        for (int at = 0; at < program.Steps.Length; at++)
        {
            if (program.EndsAt(at))
                continue;
            if (On(program, at) is not { } on)
                continue;
            var first = program.Steps[at][0];
            if (program.Steps[at].Any(step => !step.Effects.IsEmpty || !step.Guard.IsTrue))
                yield return new Mutation(at, $"without {Text(program, at)}",
                    With(program, (at, [first with { To = on, Guard = Term.True, Effects = [] }])));
            if (program.EndsAt(on) || on == at || On(program, on) is not { } next || next == at || next == on
                || Predecessors(program, on) != 1)
                continue;
            yield return new Mutation(
                at, $"{Text(program, on)} before {Text(program, at)}",
                With(program, (at, Moved(program.Steps[on], at, next, on)), (on, Moved(program.Steps[at], on, on, next))))
            {
                IsOfStepsThatCommute = program.Steps[at].All(step => step.To == on) && program.Steps[on].All(step => step.To == next)
                    && Commute(program.Steps[at], program.Steps[on]),
            };
        }
    }

    // Where a location leads if all goes well: to the nearest place after it.
    private static int? On(GuardedProgram program, int at)
    {
        var forward = program.Steps[at].Select(step => step.To).Where(to => to > at).ToList();
        return forward.Count == 0 ? null : forward.Min();
    }

    private static bool Commute(ImmutableArray<Step> a, ImmutableArray<Step> b)
    {
        var ((readByA, writtenByA), (readByB, writtenByB)) = (Touched(a), Touched(b));
        return !writtenByA.Overlaps(readByB) && !writtenByA.Overlaps(writtenByB) && !readByA.Overlaps(writtenByB);
    }

    private static (HashSet<Variable> Read, HashSet<Variable> Written) Touched(ImmutableArray<Step> steps)
    {
        HashSet<Variable> read = [], written = [];
        foreach (var step in steps)
        {
            Visitor.Visit(step.Guard, variable => read.Add(variable));
            Visitor.Visit(step.Effects, variable => read.Add(variable), variable => written.Add(variable));
        }
        return (read, written);
    }

    private static int Predecessors(GuardedProgram program, int to) =>
        program.Steps.SelectMany(steps => steps).Where(step => step.To == to).Select(step => step.From).Distinct().Count();

    private static ImmutableArray<Step> Moved(ImmutableArray<Step> steps, int from, int oldOn, int newOn) =>
        [.. steps.Select(step => step with { From = from, To = step.To == oldOn ? newOn : step.To })];

    private static GuardedProgram With(GuardedProgram program, params ReadOnlySpan<(int At, ImmutableArray<Step> Steps)> changes)
    {
        var steps = program.Steps.ToBuilder();
        foreach (var (at, changed) in changes)
            steps[at] = changed;
        return new GuardedProgram(program.Name, program.Counter, steps.MoveToImmutable(), program.Phases);
    }

    private static string Text(GuardedProgram program, int at) => $"{program.Steps[at][0].Function}: {program.Steps[at][^1].Says}";
}
