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

    public static TraceProgram Of(CompiledProgram code, int start) =>
        new(code, [.. code.Source.Steps.Select(steps => steps.Select(Means.Of).ToImmutableArray())], start);

    /// <summary>It has dropped its locks at a location: it has ended, or only waits to free a table.</summary>
    public bool IsDoneAt(int location) =>
        Source.EndsAt(location) || Source.Steps[location].All(step => step.Function == "tlb_remove_table");
}
