using System.Collections.Immutable;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Races.Trace;
using KhugepagedSpec.Races.Validation;

namespace KhugepagedSpec.Cli.Pictures;

/// <summary>The page of <c>validate</c>: an attempt of a race, a lane a task; what is refused or broken is marked.</summary>
internal static class ValidatePage
{
    /// <summary>Makes it: the first attempt that breaks an invariant, whatever the model, else the first that is refused, else the one
    /// asked for.</summary>
    /// <param name="found">What became of the trace.</param>
    /// <param name="command">The command line.</param>
    public static HtmlPage Of(Validated found, string command)
    {
        var (attempt, observed, at, broken) = Shown(found);
        var way = attempt is null ? null : WayOf(found, attempt, observed, at);
        string verdict = found.Trace.NotJudged is { } why ? $"not judged: {why}" : FormattableString.Invariant(
            $"{found.Count(Verdict.Path)} paths, {found.Count(Verdict.Refused)} refused, {found.Count(Verdict.NotJudged)} not judged; {found.Broken.Select(each => each.Invariant).Distinct().Count()} invariants broken");
        string title = attempt is null ? $"a race against {found.Model}" : FormattableString.Invariant(
            $"attempt {attempt.Number}, order {attempt.Order} at 0x{attempt.Address:x}, against {found.Model}");
        int lane = way is null || at is null ? -1 : way.Processes.IndexOf(LaneOf(found.Trace.All[at.Value]));
        return ExplorePage.Page(new ExplorePage(command, title, verdict, [],
            broken is null ? null : broken with { Lanes = [new BlamedLane(lane, broken.Lanes[0].Says, null)] }, way));
    }

    // The attempt, what was observed of it, what is wrong, and where.
    private static (CollapseAttempt? Attempt, ImmutableArray<int> Observed, int? At, BrokenPicture? Broken) Shown(Validated found)
    {
        if (found.Broken.FirstOrDefault(each => each.Attempt is { } one && (!found.IsOne || one == found.Judged[0].Attempt)) is
            { Attempt: { } attempt } broken)
        {
            int where = found.Trace.All.IndexOf(broken.At);
            var seen = attempt.Events.Concat(attempt.Beside.SelectMany(one => one.Events)).Where(i => i < where);
            return (attempt, [.. seen.Distinct().Order(), where], where, new BrokenPicture(
                broken.Invariant, $"{broken.Invariant} is broken", TraceInvariant.All.First(each => each.Name == broken.Invariant).Says,
                broken.Says, [new BlamedLane(0, "breaks it", null)]));
        }
        if (found.Judged.FirstOrDefault(each => each.Verdict == Verdict.Refused) is { At: { } at } refused)
            return (refused.Attempt, [.. refused.Observed, at], at, new BrokenPicture(
                null, $"no path of {found.Model}", refused.Had.IsEmpty ? "no step of that task" : string.Join("; or ", refused.Had),
                TraceLanes.Said(found.Trace.All[at]), [new BlamedLane(0, "is refused", null)]));
        return found.IsOne && found.Judged[0].Verdict == Verdict.Path ? (found.Judged[0].Attempt, found.Judged[0].Observed, null, null)
            : default;
    }

    private static WayPicture WayOf(Validated found, CollapseAttempt attempt, ImmutableArray<int> observed, int? at)
    {
        int[] shown = [.. observed.Where(i => found.IsOne || i >= attempt.First || i == at)];
        ImmutableArray<string> lanes =
        [
            .. shown.Select(i => found.Trace.All[i]).OrderBy(one => one.Pid != attempt.Pid).ThenBy(one => one.Pid)
                .Select(LaneOf).Distinct(),
        ];
        return new WayPicture(lanes, [], [.. shown.Select(i => Move(found.Trace.All[i]))], ValidateText.Again(found, attempt));

        MovePicture Move(TraceEvent one) => new(lanes.IndexOf(LaneOf(one)), one.Name,
            FormattableString.Invariant($"{one.Time}  {TraceLanes.Said(one)[one.Name.Length..].Trim()}").TrimEnd(), []);
    }

    private static string LaneOf(TraceEvent one) => FormattableString.Invariant($"{one.Task}-{one.Pid}");
}
