using System.Collections.Immutable;
using KhugepagedSpec.Races.Trace;
using KhugepagedSpec.Races.Validation;

namespace KhugepagedSpec.Cli.Text;

/// <summary>What became of a trace.</summary>
/// <param name="Path">The file.</param>
/// <param name="Model">The protocol's name.</param>
/// <param name="Trace">The trace.</param>
/// <param name="Attempts">All of its attempts.</param>
/// <param name="Judged">Those that were asked for, judged or not.</param>
/// <param name="Broken">Where the trace breaks an invariant.</param>
/// <param name="Unseen">Invariants that were not judged for want of a probe.</param>
/// <param name="Took">How long the judging took.</param>
/// <param name="IsOne">One attempt was asked for.</param>
internal sealed record Validated(string Path, string Model, RaceTrace Trace, ImmutableArray<CollapseAttempt> Attempts,
    IReadOnlyList<Judgement> Judged, ImmutableArray<BrokenInvariant> Broken,
    ImmutableArray<(TraceInvariant Invariant, string Probe)> Unseen, TimeSpan Took, bool IsOne)
{
    public int Count(Verdict verdict) => Judged.Count(each => each.Verdict == verdict);

    /// <summary>Why attempts were not judged, and how many each.</summary>
    public IEnumerable<(string Reason, int Count)> Reasons => Judged.Where(each => each.Reason is not null).GroupBy(each => each.Reason!)
        .Select(group => (group.Key, group.Count())).OrderByDescending(each => each.Item2).ThenBy(each => each.Key, StringComparer.Ordinal);

    /// <summary>Beside which attempts, judged or not, and with how many operations who was, by actor.</summary>
    public IEnumerable<(string Actor, int Attempts, int NotJudged, int Operations)> Actors => Judged
        .SelectMany(each => each.Actors.Select(actor => (Actor: actor.Key, IsJudged: each.Verdict != Verdict.NotJudged, actor.Value)))
        .GroupBy(each => each.Actor)
        .Select(group => (group.Key, group.Count(), group.Count(each => !each.IsJudged), group.Sum(each => each.Value)))
        .OrderBy(each => each.Key, StringComparer.Ordinal);

    /// <summary>Attempts with company, and how many of them were judged.</summary>
    public (int All, int Judged) Company => (Judged.Count(each => each.Attempt.Company.Any()),
        Judged.Count(each => each.Attempt.Company.Any() && each.Verdict != Verdict.NotJudged));

    /// <summary>How the program ends.</summary>
    public int ExitCode => Trace.NotJudged is not null ? Shell.ExitCode.NotExhausted
        : Count(Verdict.Refused) > 0 || !Broken.IsEmpty ? Shell.ExitCode.Differ
        : Count(Verdict.Path) == 0 ? Shell.ExitCode.NotExhausted : Shell.ExitCode.Agree;
}

/// <summary>The same for scripts.</summary>
internal sealed record ValidateJson(string File, string Model, int Events, string? Loss, int Attempts, int WithCompany, int Paths,
    int Refused, IReadOnlyDictionary<string, int> NotJudged, IReadOnlyDictionary<string, int> Operations,
    IReadOnlyList<RefusedJson> Refusals, IReadOnlyList<BrokenJson> Broken, int MostStates, double MillisecondsAnAttempt)
{
    public static ValidateJson Of(Validated found) => new(
        found.Path, found.Model, found.Trace.All.Length, found.Trace.Loss, found.Attempts.Length,
        found.Attempts.Count(each => each.Company.Any()), found.Count(Verdict.Path), found.Count(Verdict.Refused),
        found.Reasons.ToDictionary(each => each.Reason, each => each.Count),
        found.Actors.ToDictionary(each => each.Actor, each => each.Operations),
        [.. found.Judged.Where(each => each.At is not null).Select(each => new RefusedJson(
            each.Attempt.Number, found.Trace.All[each.At!.Value].Line, found.Trace.All[each.At!.Value].Name, each.Had))],
        [.. found.Broken.Select(each => new BrokenJson(each.Invariant, each.Attempt?.Number, each.At.Line, each.Says))],
        found.Judged.Select(each => each.States).DefaultIfEmpty(0).Max(),
        Math.Round(found.Took.TotalMilliseconds / Math.Max(1, found.Judged.Count), 1));
}

internal sealed record RefusedJson(int Attempt, int Line, string Observation, IReadOnlyList<string> ModelHad);

internal sealed record BrokenJson(string Invariant, int? Attempt, int Line, string Says);
