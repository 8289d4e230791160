using System.Collections.Immutable;
using KhugepagedSpec.Cli.Threads;

namespace KhugepagedSpec.Cli.Text;

/// <summary>A claim for scripts. Whether every run showed the verdict is null if none was done.</summary>
internal sealed record ClaimJsonLine(
    int Number, string Thread, string Who, string Date, string Kind, string Claim, string Verdict, string? Note, bool? Shown,
        ImmutableArray<ClaimRunJson> Runs);

/// <summary>A run of it, and, where it was run, why it does not show the verdict.</summary>
internal sealed record ClaimRunJson(
    string Command, int Exit, ImmutableArray<string> Prints, ImmutableArray<string> Never, string? Unless, string? Amiss);

internal static class ThreadsJson
{
    /// <summary>A claim, with what was run for it if anything was.</summary>
    public static ClaimJsonLine Of(Claim claim, ImmutableArray<Shown>? shown) => new(
        claim.Number, ThreadBook.Of(claim).Name, claim.Who, claim.Date,
        claim.Kind.ToString().ToLowerInvariant(), claim.Text, ThreadBook.Name(claim.Verdict), claim.Note,
        shown is { IsEmpty: false } ? shown.Value.All(one => one.Amiss is null) : null,
        [.. claim.Runs.Select((run, i) => new ClaimRunJson($"khugepaged-spec {run.Command}", run.Exit, run.Prints, run.Never, run.Unless,
            shown?[i].Amiss))]);
}
