using System.Collections.Immutable;
using KhugepagedSpec.Races.Trace;

namespace KhugepagedSpec.Races.Validation;

/// <summary>
/// Holds a recorded attempt against the interleaving model: it keeps the set of all states that agree with the observations so far.
/// Steps that the trace does not show may be taken at any time.
/// </summary>
public sealed class Validator
{
    /// <summary>States at once, beyond which an attempt is not judged.</summary>
    public const int MostStates = 20_000;

    private readonly RaceTrace _trace;
    private readonly TraceModel _model;
    private readonly HashSet<Mark> _shown;

    /// <summary>Prepares the judging of a trace.</summary>
    /// <param name="trace">The trace.</param>
    /// <param name="protocol">What collapse is held against.</param>
    public Validator(RaceTrace trace, CollapseProtocol protocol)
        : this(trace, new TraceModel(protocol))
    {
    }

    internal Validator(RaceTrace trace, TraceModel model) =>
        (_trace, _model, _shown) = (trace, model, Marks.ShownBy(trace.Probes));

    /// <summary>The pages of an attempt's window that the model is told, a group at a time: all of them if they fit, else those that
    /// somebody touches, with some that stand for the rest.</summary>
    public IEnumerable<ImmutableArray<int>> Told(CollapseAttempt attempt)
    {
        var projection = new Projection(_trace, attempt);
        return projection.Groups(TraceModel.Pages(projection.IsPmd));
    }

    /// <summary>Judges one attempt of the trace.</summary>
    /// <param name="attempt">The attempt.</param>
    /// <param name="stop">Ends it, without a judgement.</param>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public Judgement Judge(CollapseAttempt attempt, CancellationToken stop = default)
    {
        var projection = new Projection(_trace, attempt);
        var collapser = _model.Collapser(projection.IsPmd, attempt.IsDaemons);
        string? reason = _trace.NotJudged ?? (collapser is null ? "the model has no such order" : projection.CannotBe);
        var judged = reason is not null ? new Judgement(attempt, Verdict.NotJudged) { Reason = reason }
            : Groups(TraceModel.Pages(projection.IsPmd));
        // Fewer pages at once have fewer states, and take fewer processes.
        if (judged.Verdict == Verdict.NotJudged && reason is null)
            judged = Groups(1);
        return judged with { Actors = ActorsOf(attempt, projection) };

        Judgement Groups(int most)
        {
            Judgement? all = null;
            foreach (var pages in projection.Groups(most))
            {
                var one = new AttemptRun(_trace, _model, collapser!, _shown, attempt, projection, pages, stop).Judge();
                one = all is null ? one : one with { States = Math.Max(all.States, one.States) };
                if (one.Verdict != Verdict.Path)
                    return one;
                all = one;
            }
            return all!;
        }
    }

    private Dictionary<string, int> ActorsOf(CollapseAttempt attempt, Projection projection)
    {
        var actors = projection.Operations.Where(one => attempt.Company.Contains(one)).GroupBy(one => one.Actor)
            .ToDictionary(group => group.Key, group => group.Count(), StringComparer.Ordinal);
        if (UnlessTold.IsOfSettings(attempt.Status(_trace)))
            actors[Roles.Settings] = 1;
        return actors;
    }
}
