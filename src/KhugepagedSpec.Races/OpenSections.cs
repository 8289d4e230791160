using ModelChecker.Guarded;

namespace KhugepagedSpec.Races;

/// <summary>
/// A section under a lock is one step of an actor, since who takes the lock cannot look into it. For a protocol that does without the lock
/// it is opened: a step that takes the lock, and one that does the work and drops it.
/// </summary>
internal static class OpenSections
{
    /// <summary>The program with each step that waits for the lock made two.</summary>
    /// <param name="program">The program; its steps wait for the lock, and hold it no longer than the step.</param>
    /// <param name="held">The lock: 0 if it is free.</param>
    /// <param name="name">Its name.</param>
    public static GuardedProgram Of(GuardedProgram program, Variable held, string name)
    {
        var isFree = held.Is(0);
        var steps = program.Steps.ToBuilder();
        var phases = program.Phases.ToBuilder();
        for (int at = 0; at < program.Steps.Length; at++)
        {
            var waiting = program.Steps[at].Where(step => Without(step.Guard, isFree) != step.Guard).ToList();
            if (waiting.Count == 0)
                continue;
            int inside = steps.Count;
            var isPossible = Term.Any(waiting.Select(step => Without(step.Guard, isFree)));
            Effect[] take = [held.Set(1), new Effect.LockUse(name, true, false) { IsSpin = true }];
            Effect[] drop = [held.Set(0), new Effect.LockUse(name, false, false)];
            steps[at] = [.. program.Steps[at].Except(waiting),
                new Step(at, inside, name, $"takes the {name}", isFree & isPossible, [.. take])];
            steps.Add(
            [
                .. waiting.Select(step =>
                    step with { From = inside, Guard = Without(step.Guard, isFree), Effects = [.. step.Effects, .. drop] }),
                new Step(inside, at, name, $"drops the {name} again", !isPossible, [.. drop]),
            ]);
            phases.Add(program.Phases[at]);
        }
        return steps.Count - 1 <= program.Counter.Max
            ? new GuardedProgram(program.Name, program.Counter, steps.ToImmutable(), phases.ToImmutable())
            : throw new InvalidOperationException($"{program.Name}: {steps.Count} locations, expected {program.Counter.Max + 1} at most");
    }

    private static Term Without(Term term, Term isFree) => term == isFree ? Term.True : term switch
    {
        Term.Not not => !Without(not.Of, isFree),
        Term.Binary(Operator.And, var a, var b) => Without(a, isFree) & Without(b, isFree),
        Term.Binary(Operator.Or, var a, var b) => Without(a, isFree) | Without(b, isFree),
        _ => term,
    };
}
