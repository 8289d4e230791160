using KhugepagedSpec.Races.Trace;
using ModelChecker.Guarded;

namespace KhugepagedSpec.Races.Validation;

/// <summary>Whether a recorded race tells a protocol from what the kernel did.</summary>
/// <param name="Protocol">The protocol.</param>
/// <param name="Refused">The first attempt with company that is no path of it; null if each is one.</param>
/// <param name="Company">Which that is among those with company, from 1; else how many there were.</param>
/// <param name="Judged">How many were judged.</param>
/// <param name="Why">Why none is refused; null if one is.</param>
public sealed record ToldApart(CollapseProtocol Protocol, Judgement? Refused, int Company, int Judged, string? Why)
{
    /// <summary>Holds a trace against a protocol until an attempt with company is refused.</summary>
    /// <param name="trace">The trace.</param>
    /// <param name="attempts">Its attempts; those without company are left out.</param>
    /// <param name="protocol">The protocol.</param>
    /// <param name="most">Attempts with company, at most.</param>
    /// <param name="stop">Ends it, without an answer.</param>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static ToldApart Of(RaceTrace trace, IEnumerable<CollapseAttempt> attempts, CollapseProtocol protocol, int most,
        CancellationToken stop = default) => OfEach([(trace, attempts)], protocol, most, stop).Single();

    /// <summary>Holds traces against a protocol, one when the next answer is asked for.</summary>
    /// <param name="races">The traces, with their attempts.</param>
    /// <param name="protocol">The protocol.</param>
    /// <param name="most">Attempts with company, at most, of each.</param>
    /// <param name="stop">Ends it, without an answer.</param>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static IEnumerable<ToldApart> OfEach(IEnumerable<(RaceTrace Trace, IEnumerable<CollapseAttempt> Attempts)> races,
        CollapseProtocol protocol, int most, CancellationToken stop = default)
    {
        var model = new TraceModel(protocol);
        return races.Select(race => Of(new Validator(race.Trace, model), race.Attempts, protocol, most, stop));
    }

    private static ToldApart Of(Validator validator, IEnumerable<CollapseAttempt> attempts, CollapseProtocol protocol, int most,
        CancellationToken stop)
    {
        int company = 0, judged = 0;
        string? reason = null;
        foreach (var attempt in attempts.Where(each => each.Company.Any()).Take(most))
        {
            company++;
            var found = validator.Judge(attempt, stop);
            judged += found.Verdict == Verdict.NotJudged ? 0 : 1;
            reason ??= found.Reason;
            if (found.Verdict == Verdict.Refused)
                return new ToldApart(protocol, found, company, judged, null);
        }
        return new ToldApart(protocol, null, company, judged,
            judged == 0 ? $"not judged: {reason ?? "no attempt has company"}" : Because(protocol));
    }

    // Of TLBs, contents, counts, lists, tables and VMAs that are freed, and of who sleeps: the trace has nothing of these.
    private static readonly SafetyProperty[] Hidden =
    [
        Safety.NoWriteLost, Safety.TlbsAgree, Safety.NoFreedPageUsed, Safety.NoFreedTableUsed, Safety.NoFreedVmaUsed, Safety.CountsBalance,
        Safety.RmapFindsEveryMapping, Safety.RmapFindsWhatStays, Safety.NobodySleepsAtomic, Safety.NoPinOnUnmappedPage,
        Safety.NoAssertionFails, Safety.ReadOnlyStaysSo,
    ];

    // What a trace shows of khugepaged is the order of some steps. A protocol that has the same order may differ in what those steps come
    // to, once a race has made the difference, or in nothing that a probe sees.
    private static string Because(CollapseProtocol protocol) =>
        protocol == Protocols.Linux72 ? "it is what the kernel does"
        : !Shown(protocol).SequenceEqual(Shown(Protocols.Linux72)) ? "no attempt came to the step that is otherwise"
        : protocol.Breaks is { } hidden && Hidden.Contains(hidden) ? $"no probe shows what it breaks: {hidden.Name}"
        : protocol.Breaks is { } broken ? $"the same steps are shown, and no attempt came to what breaks {broken.Name}"
        : "the same steps are shown, and it breaks nothing";

    private static IEnumerable<(Mark, int)> Shown(CollapseProtocol protocol) =>
        new ProtocolSpace(protocol, Shape.Eight, null, 1).Khugepaged.Source.Steps.SelectMany(steps => steps).Select(step => step.Meaning)
            .OfType<Means>().Where(means => means.Mark != Mark.Hidden).Select(means => (means.Mark, means.Entry));
}
