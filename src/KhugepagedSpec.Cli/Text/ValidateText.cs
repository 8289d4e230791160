using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Races.Trace;
using KhugepagedSpec.Races.Validation;
using static KhugepagedSpec.Cli.Shell.Printing;

namespace KhugepagedSpec.Cli.Text;

/// <summary>What <c>validate</c> prints.</summary>
internal static class ValidateText
{
    // Of one refusal all is told, of others that they are.
    private const int MostListed = 10;

    public static void Print(Validated found)
    {
        var trace = found.Trace;
        int withCompany = found.Attempts.Count(each => each.Company.Any());
        Line($"{found.Path}: {trace.All.Length:N0} events, {found.Attempts.Length:N0} attempts, {withCompany:N0} with company");
        if (trace.NotJudged is { } why)
        {
            Line($"not judged: {why}{(trace.Loss is { } loss ? $": {loss}" : "")}");
            return;
        }
        PrintInvariants(found);
        var (paths, notJudged) = (found.Count(Verdict.Path), found.Count(Verdict.NotJudged));
        Line($"against {found.Model}: {paths:N0} paths, {found.Count(Verdict.Refused):N0} refused, {notJudged:N0} not judged");
        foreach (var (reason, count) in found.Reasons)
            Line($"  not judged {count,6:N0}  {reason}");
        if (found.Company is { All: > 0 } company)
            Line($"  with company {company.All:N0}, judged {company.Judged:N0}, {100.0 * company.Judged / company.All:N1} %");
        foreach (var (actor, attempts, unjudged, operations) in found.Actors)
            Line($"  beside {attempts,10:N0}  {actor}, {operations:N0} {(operations == 1 ? "operation" : "operations")}{(unjudged > 0
                ? $"; {unjudged:N0} not judged" : "")}");
        if (found.Judged.Any(each => each.Verdict != Verdict.NotJudged))
        {
            var (each, most) = (found.Took.TotalMilliseconds / found.Judged.Count, found.Judged.Max(each => each.States));
            Line($"  {each:N1} ms an attempt, {most:N0} states at once at most");
        }
        var refused = found.Judged.Where(each => each.Verdict == Verdict.Refused).ToList();
        if (refused.Count > 0)
            PrintRefusal(found, refused[0]);
        else if (found.IsOne && found.Judged is [{ Verdict: Verdict.Path } path])
            TraceLanes.Print(trace, path.Attempt, path.Observed, whole: true);
        foreach (var other in refused.Skip(1).Take(MostListed))
        {
            var at = trace.All[other.At!.Value];
            Line($"also refused: attempt {other.Attempt.Number} at line {at.Line}, {at.Name}: {Again(found, other)}");
        }
        if (refused.Count > MostListed + 1)
            Line($"also refused: {refused.Count - MostListed - 1:N0} more");
    }

    private static void PrintInvariants(Validated found)
    {
        int unseen = found.Unseen.Length, brokenOnes = found.Broken.Select(each => each.Invariant).Distinct().Count();
        Line($"invariants of the trace: {TraceInvariant.All.Length - unseen - brokenOnes} hold, {brokenOnes} broken, {unseen} not judged");
        foreach (var broken in found.Broken.Take(MostListed))
        {
            string by = broken.Attempt is { } attempt ? $" by attempt {attempt.Number}" : "";
            Line($"  {broken.Invariant} is broken{by} at line {broken.At.Line}: {broken.Says}");
        }
        if (found.Broken.Length > MostListed)
            Line($"  {found.Broken.Length - MostListed:N0} more");
        foreach (var (invariant, probe) in found.Unseen)
            Line($"  {invariant.Name} is not judged: no probe {probe}");
    }

    private static void PrintRefusal(Validated found, Judgement refused)
    {
        var trace = found.Trace;
        var attempt = refused.Attempt;
        Line($"\nrefused: attempt {attempt.Number}, order {attempt.Order} at 0x{attempt.Address:x}");
        Line($"  observed  {Of(trace.All[refused.At!.Value])}");
        if (refused.Before is { } before)
            Line($"  before    {Of(trace.All[before])}");
        foreach (string step in refused.Had)
            Line($"  the model had  {step}");
        if (refused.Had.IsEmpty)
            Line($"  the model had  no step of that task");
        if (!refused.Pages.IsEmpty)
            Line($"  of the window's pages {string.Join(", ", refused.Pages)}");
        TraceLanes.Print(trace, attempt, [.. refused.Observed, refused.At.Value], whole: found.IsOne);
        Line($"again: {Again(found, refused)}");
    }

    private static string Of(TraceEvent one) => $"line {one.Line}, time {one.Time}: {one.Task}-{one.Pid} {TraceLanes.Said(one)}";

    private static string Again(Validated found, Judgement one) => Again(found, one.Attempt);

    /// <summary>The command that judges one attempt.</summary>
    public static string Again(Validated found, CollapseAttempt one) =>
        $"khugepaged-spec validate {ShellWord.Quoted(found.Path)} --model {found.Model} --attempt {one.Number}";
}
