using System.Collections.Immutable;
using ModelChecker.Guarded;

namespace KhugepagedSpec.Races.Validation;

/// <summary>A program of the model whose steps are marked.</summary>
/// <param name="Code">The program.</param>
/// <param name="Marks">The mark of each step, by location.</param>
/// <param name="Start">Where it begins.</param>
internal sealed record TraceProgram(CompiledProgram Code, ImmutableArray<ImmutableArray<Mark>> Marks, int Start)
{
    public GuardedProgram Source => Code.Source;

    public static TraceProgram Of(CompiledProgram code, Func<Step, Mark> mark, int start) =>
        new(code, [.. code.Source.Steps.Select(steps => steps.Select(mark).ToImmutableArray())], start);

    /// <summary>It has dropped its locks at a location: it has ended, or only waits to free a table.</summary>
    public bool IsDoneAt(int location) =>
        Source.EndsAt(location) || Source.Steps[location].All(step => step.Function == "tlb_remove_table");

    /// <summary>Where the first step of that description leads; null if there is none.</summary>
    public static int? Behind(GuardedProgram program, string says) =>
        program.Steps.SelectMany(steps => steps).FirstOrDefault(step => step.Says == says)?.To;

    /// <summary>Where a step of that description begins; null if there is none.</summary>
    public static int? Before(GuardedProgram program, string says) =>
        program.Steps.SelectMany(steps => steps).FirstOrDefault(step => step.Says == says)?.From;
}
