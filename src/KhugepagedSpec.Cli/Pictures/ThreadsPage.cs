using System.Collections.Immutable;
using System.Text.Json;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Cli.Threads;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Cli.Pictures;

/// <summary>
/// The page of <c>threads</c>: the claims as the threads made them, each with what was run for it and, of a table, its walk.
/// </summary>
/// <param name="Command">The command line that shows the same as text.</param>
/// <param name="Verdicts">How many claims there are of each.</param>
/// <param name="Threads">The threads.</param>
/// <param name="Kinds">The symbols of single PTEs.</param>
/// <param name="Walks">The walks that claims open.</param>
internal sealed record ThreadsPage(
    string Command, string Verdicts, ImmutableArray<ThreadPicture> Threads, IReadOnlyDictionary<string, CellKind> Kinds,
    ImmutableArray<WalkPicture> Walks)
{
    /// <summary>Makes it.</summary>
    /// <param name="done">The claims, and what was run for each.</param>
    /// <param name="command">The command line.</param>
    /// <param name="explain">The walk that a run is about; null if it is about none.</param>
    public static HtmlPage Of(
        IReadOnlyList<(Claim Claim, ImmutableArray<Shown> Shown)> done, string command,
        Func<ClaimRun, (Explained Explained, bool EveryStep)?> explain)
    {
        var walks = new List<(string Command, WalkPicture Picture)>();
        var tables = new List<PageTable>();
        ImmutableArray<ThreadPicture> threads =
        [
            .. ThreadBook.Threads.Select(thread => new ThreadPicture(thread.Name, thread.Title,
                [.. done.Where(one => thread.Claims.Contains(one.Claim)).Select(Picture)])).Where(thread => !thread.Claims.IsEmpty),
        ];
        var page = new ThreadsPage(command, ThreadsText.Counts(done), threads, CellKind.Of(tables),
            [.. walks.Select(walk => walk.Picture)]);
        return new HtmlPage("threads", "threads", ["map", "tree", "walk"], JsonSerializer.Serialize(page, PageJson.Compact.ThreadsPage));

        ClaimPicture Picture((Claim Claim, ImmutableArray<Shown> Shown) one) => new(
            one.Claim.Number, one.Claim.Who, one.Claim.Date, one.Claim.Kind.ToString().ToLowerInvariant(), one.Claim.Text,
            ThreadBook.Name(one.Claim.Verdict), one.Claim.Note, [.. one.Shown.Select(Run)]);

        ClaimRunPicture Run(Shown shown) => new(shown.Run.Command, shown.Lines, shown.Amiss, shown.Run.Unless, Walk(shown.Run));

        int? Walk(ClaimRun run)
        {
            int known = walks.FindIndex(walk => walk.Command == run.Command);
            if (known >= 0)
                return known;
            if (explain(run) is not { } picture)
                return null;
            tables.AddRange(WalkPicture.TablesOf(picture.Explained));
            walks.Add((run.Command, WalkPicture.Of(picture.Explained, picture.EveryStep).InBrief()));
            return walks.Count - 1;
        }
    }
}

/// <summary>A thread.</summary>
/// <param name="Name">What --thread calls it.</param>
/// <param name="Title">Whose it is, on what, and when.</param>
/// <param name="Claims">Its claims.</param>
internal sealed record ThreadPicture(string Name, string Title, ImmutableArray<ClaimPicture> Claims);

/// <summary>A claim.</summary>
/// <param name="Number">Its number.</param>
/// <param name="Who">Who made it.</param>
/// <param name="Date">When.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Text">The claim.</param>
/// <param name="Verdict">What became of it.</param>
/// <param name="Note">If what, or what instead.</param>
/// <param name="Runs">What was run for it.</param>
internal sealed record ClaimPicture(
    int Number, string Who, string Date, string Kind, string Text, string Verdict, string? Note, ImmutableArray<ClaimRunPicture> Runs);

/// <summary>A run for a claim.</summary>
/// <param name="Command">The command.</param>
/// <param name="Lines">The lines that were looked for.</param>
/// <param name="Amiss">Why it does not show the verdict; null if it does.</param>
/// <param name="Unless">What would make it show otherwise.</param>
/// <param name="Walk">The walk, by number; null if there is none to be drawn.</param>
internal sealed record ClaimRunPicture(string Command, ImmutableArray<string> Lines, string? Amiss, string? Unless, int? Walk);
