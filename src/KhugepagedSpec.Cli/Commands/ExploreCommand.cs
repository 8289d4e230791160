using System.Collections.Immutable;
using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using KhugepagedSpec.Cli.Pictures;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Races;
using ModelChecker.Exploration;
using ModelChecker.Guarded;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec explore</c>: every interleaving of collapse with what can run beside it.</summary>
internal static class ExploreCommand
{
    private const int MostDepth = 100_000;

    public static Command Create()
    {
        var model = new Option<string?>("--model")
        {
            Description = "The version, a protocol, or switches put together (linux-7.2); see --list.",
            HelpName = "NAME or A,B",
            CompletionSources = { Protocols.All.Select(one => one.Name).ToArray() },
        };
        var actors = new Option<string?>(
            "--actors")
        {
            Description = "Who runs beside khugepaged: up to three names, the same twice allowed; see --list.",
            HelpName = "A,B",
            CompletionSources = { context => Further(context.WordToComplete) }
        };
        var most = Options.Number("--beside",
            "Every combination of up to so many, 1 to 3 (2); the default for protocols that are not known-bad.");
        var entries = Options.Number("--entries", "PTEs of the table: 4 or 8 (without --actors both, with them 4).");
        var table = new Option<string?>(
            "--table")
        {
            Description =
                "The table to begin with, a letter an entry (each of two); 0 or m for a PMD entry that is empty or maps a huge page.",
            HelpName = "LETTERS"
        };
        var property = new Option<string?>(
            "--property")
        {
            Description =
                "Judge only this property; a known-bad protocol is judged by the one it is known to break, unless 'all'.",
            HelpName = "NAME",
            CompletionSources = { Safety.All.Select(one => one.Name).Append("all").ToArray() }
        };
        var depth = Options.Number("--depth", "Stop after so many steps.");
        var memory = Options.Number("--memory", "Stop at so many megabytes (half of what there is).");
        var workers = Options.Number("--workers", "Cores to use (all).");
        var full = new Option<bool>("--full") { Description = "Leave nothing out: no partial-order and no symmetry reduction." };
        var finals = new Option<bool>("--finals") { Description = "With --actors: also compare what memory looks like in the end with what it would if every critical section were one step." };
        var replay = new Option<string?>(
            "--replay")
        { Description = "With --actors: go this way and show it, as a counterexample prints it.", HelpName = "WAY" };
        var shard = new Option<string?>("--shard")
        {
            Description = "With --entries: only this share of the combinations.",
            HelpName = "I/N"
        };
        var output = new Option<string?>(
            "--out")
        {
            Description = "With --entries: keep what each combination came to there, and do only what is missing.",
            HelpName = "FILE"
        };
        var json = new Option<bool>("--json") { Description = "Print the result as JSON." };
        var dot = new Option<string?>(
            "--dot")
        { Description = "With --actors: write the counterexample, or else the states, for Graphviz.", HelpName = "FILE" };
        var promela = new Option<string?>("--promela")
        {
            Description = "With --actors: write the model for SPIN, and search nothing.",
            HelpName = "FILE"
        };
        var html = HtmlOption.Create("the interleaving as swim lanes, or else what was searched");
        var list = new Option<bool>("--list") { Description = "List protocols, actors and properties." };
        var command = new Verb(
            "explore",
            "Search every interleaving of collapse with faults, reclaim, munmap and others.",
            """
            The scan and collapse_huge_page as atomic steps over shared state, breadth first, so that a counterexample is a
            shortest one. Exit code 0 if every interleaving was seen and none breaks a property, 1 if one does, 3 if a bound
            was reached first.

            Examples:
              khugepaged-spec explore
              khugepaged-spec explore --actors fault,gup-fast --entries 8
              khugepaged-spec explore --model anon-vma-dropped-early
              khugepaged-spec explore --model gup-no-second-look-at-pmd,no-sync-before-isolate --actors gup-fast
              khugepaged-spec explore --model v5 --beside 1
              khugepaged-spec explore --beside 3 --entries 8 --shard 7/64 --out 7.jsonl
              khugepaged-spec explore --model tlbs-not-flushed --html lanes.html
              khugepaged-spec explore --actors migrate,reclaim --promela collapse.pml
            """)
        { model, actors, most, entries, table, property, depth, memory, workers, full, finals, replay, shard, output, json, dot, promela,
            html, list };
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(list))
                return ExploreText.List();
            var protocol = Protocols.Of(parsed.GetValue(model));
            var named = Actors(parsed.GetValue(actors), parsed.GetValue(most) is null ? protocol : Protocols.Linux72);
            if (named is null && (parsed.GetValue(replay) ?? parsed.GetValue(dot) ?? parsed.GetValue(promela) ?? parsed.GetValue(
                table)) is not null)
                throw new UsageException("--replay, --dot, --promela and --table: expected --actors too");
            var page = HtmlOption.Get(parsed, html);
            if (page is not null && parsed.GetValue(promela) is not null)
                throw new UsageException("--html contradicts --promela, which searches nothing: expected one of them");
            var judged = Judged(parsed.GetValue(property), protocol);
            if (protocol.HasFolios && parsed.GetValue(entries) == 8)
                throw new UsageException("--entries 8: expected 4, where folios have two pages");
            var shapes = Shapes(parsed.GetValue(entries), named is null && !protocol.HasFolios);
            var reductions = parsed.GetValue(full) ? Reductions.None : Reductions.PartialOrder | Reductions.Symmetry;
            var bounds = Limits(parsed.GetValue(depth), parsed.GetValue(memory),
                parsed.GetValue(workers)) with
            { Cancellation = Interrupt.OfTheRun };
            if ((parsed.GetValue(shard) ?? parsed.GetValue(output)) is not null)
                return Share();
            if (named is not { } beside)
                return All(protocol, judged, shapes, InRange(parsed.GetValue(most) ?? 2, 1, 3, "--beside"), reductions, bounds,
                    new Wanted(parsed.GetValue(json), false, null, WritePage));
            var space = new ProtocolSpace(protocol, shapes[0], judged);
            string? begin = parsed.GetValue(table);
            if (parsed.GetValue(promela) is { } file)
                return Write(OutputFile.Of("--promela", file)!,
                    PromelaText.Of(space.Beside(beside, Reductions.None, begin), Title(space, beside, begin ?? space.Tables[0])));
            if (parsed.GetValue(replay) is { } way)
            {
                var model = space.Beside(beside, Reductions.None, begin);
                var gone = Interleaving.Of(model, way);
                if (page is not null)
                    page.Write(ExplorePage.Of(ExploreText.Title(space, beside), gone, Blame.Of(space, model, gone),
                        CommandText.Of(parsed, html)).ToString());
                return ExploreText.Print(gone);
            }
            return One(space, beside, begin, reductions, bounds,
                new Wanted(parsed.GetValue(json), parsed.GetValue(finals), OutputFile.Of("--dot", parsed.GetValue(dot)), WritePage));

            int Share()
            {
                if (named is not null || parsed.GetValue(entries) is null || parsed.GetValue(json) || page is not null)
                    throw new UsageException("--shard and --out: expected --entries, and none of --actors, --json, --html");
                var kept = OutputFile.Journal("--out", parsed.GetValue(output));
                var its = new ProtocolSpace(protocol, shapes[0], judged);
                int beside = InRange(parsed.GetValue(most) ?? 2, 1, 3, "--beside");
                var combinations = Suite.Combinations(beside).ToList();
                var plan = new ExplorePlan(protocol.Name, shapes[0].Pages, beside,
                    parsed.GetValue(property) ?? protocol.Breaks?.Name ?? "all", reductions == Reductions.None, combinations.Count);
                return ExploreShards.Run(its, combinations, plan, ExhaustiveCheck.Shard(parsed.GetValue(shard)), kept, reductions, bounds);
            }

            void WritePage(string title, IReadOnlyList<SearchResult> results)
            {
                if (page is not null)
                    page.Write(ExplorePage.Of(title, results, CommandText.Of(parsed, html)).ToString());
            }
        });
        return command;
    }

    private static int One(ProtocolSpace space, ImmutableArray<Actor> actors, string? table, Reductions reductions, Bounds bounds,
        Wanted wanted)
    {
        var results = TerminalProgress.Searching(progress => Suite.Search(space, actors, reductions, bounds, table, progress)
            .Select(result => wanted.Finals && result.Found.Ending == Ending.Exhausted
                ? result with { Finals = FinalStates.Compare(space, actors, result.Table, bounds) } : result).ToList());
        var shown = Suite.Shortest(results);
        if (wanted.Dot is { } dot)
            Write(dot, shown is null ? DotText.Of(space.Beside(actors, reductions, table), bounds.Depth)
                : DotText.Of(shown.Counterexample!));
        if (wanted.Json)
            Console.WriteLine(JsonSerializer.Serialize(ExploreText.ToJson(space.Protocol, results), CliJson.Readable.ExploreJson));
        else
            ExploreText.Print(space, actors, results, shown);
        wanted.Page(ExploreText.Title(space, actors), results);
        return CodeOf(results);
    }

    private static int All(
        CollapseProtocol protocol, IEnumerable<SafetyProperty>? judged, ImmutableArray<Shape> shapes, int most, Reductions reductions,
            Bounds bounds, Wanted wanted)
    {
        var all = new List<SearchResult>();
        var combinations = Suite.Combinations(most).ToList();
        bool isCircular = false, cut = false;
        foreach (var shape in shapes)
        {
            var space = new ProtocolSpace(protocol, shape, judged);
            var results = new List<SearchResult>();
            var clock = Stopwatch.StartNew();
            TerminalProgress.Steps($"{shape.Pages} entries", combinations.Count, advance =>
            {
                foreach (var actors in combinations)
                {
                    if (bounds.Cancellation.IsCancellationRequested)
                        break;
                    results.AddRange(Suite.Search(space, actors, reductions, bounds));
                    advance();
                }
            });
            cut |= results.Count < combinations.Count * space.Tables.Length;
            // Interrupted before the first search of this shape.
            if (results.Count == 0)
                break;
            string? circle = Suite.LockCircle(space);
            isCircular |= circle is not null;
            if (!wanted.Json)
                ExploreText.Print(space, most, combinations.Count, results, circle, clock.Elapsed);
            all.AddRange(results);
        }
        if (wanted.Json)
            Console.WriteLine(JsonSerializer.Serialize(ExploreText.ToJson(protocol, all), CliJson.Readable.ExploreJson));
        wanted.Page($"{protocol.Name} beside every combination", all);
        return isCircular ? ExitCode.Differ
            : cut && CodeOf(all) == ExitCode.Agree ? ExitCode.NotExhausted
            : CodeOf(all);
    }

    private static int CodeOf(List<SearchResult> results) =>
        results.Any(result => result.Found.Ending == Ending.Refuted || result.Finals?.OnlyInterleaved.Count > 0) ? ExitCode.Differ
        : results.All(result => result.Found.Ending == Ending.Exhausted) ? ExitCode.Agree
        : ExitCode.NotExhausted;

    private static string Title(ProtocolSpace space, ImmutableArray<Actor> actors, string table) =>
        $"khugepaged-spec explore: {space.Protocol.Name} beside {string.Join(", ", actors)}, table {table}.\n   The same states: spin -o1 -o2 -o3 -a; cc -O2 -DSAFETY -DNOREDUCE -o pan pan.c; ./pan -m1000000";

    private static int Write(OutputFile file, string text)
    {
        file.Write(text);
        return ExitCode.Agree;
    }

    // Null for every combination; a known-bad protocol names those that show it.
    private static ImmutableArray<Actor>? Actors(string? names, CollapseProtocol protocol)
    {
        string[]? words = names?.Split(',', StringSplitOptions.RemoveEmptyEntries) ?? (protocol.Breaks is null ? null
            : [.. protocol.ShownBy]);
        if (words?.Length > ProtocolSpace.MostActors)
            throw new UsageException($"--actors {names}: expected {ProtocolSpace.MostActors} at most");
        if (words is null)
            return null;
        ImmutableArray<Actor> actors = [.. words.Select(word => Named(Actor.All, actor => actor.Name, word, "--actors"))];
        return Actor.CannotBe(actors) is { } why ? throw new UsageException($"--actors {names}: {why}: expected others") : actors;
    }

    // Behind the actors that are named already.
    private static IEnumerable<string> Further(string named) =>
        Actor.All.Select(actor => named[..(named.LastIndexOf(',') + 1)] + actor.Name);

    private static IEnumerable<SafetyProperty>? Judged(string? name, CollapseProtocol protocol) => name switch
    {
        "all" => null,
        null => protocol.Breaks is { } broken ? [broken] : null,
        _ => [Named(Safety.All, property => property.Name, name, "--property")],
    };

    private static ImmutableArray<Shape> Shapes(int? entries, bool both) => entries switch
    {
        null => both ? [Shape.Four, Shape.Eight] : [Shape.Four],
        4 => [Shape.Four],
        8 => [Shape.Eight],
        _ => throw new UsageException($"--entries {entries}: expected 4 or 8"),
    };

    private static Bounds Limits(int? depth, int? memory, int? workers)
    {
        var bounds = new Bounds();
        if (depth is { } most)
            bounds = bounds with { Depth = InRange(most, 1, MostDepth, "--depth") };
        if (memory is { } megabytes)
            bounds = bounds with { Bytes = InRange(megabytes, 1, 1 << 20, "--memory") * (1L << 20) };
        return workers is { } cores ? bounds with { Workers = InRange(cores, 1, Environment.ProcessorCount, "--workers") } : bounds;
    }

    private static int InRange(int value, int from, int to, string option) =>
        value >= from && value <= to ? value : throw new UsageException($"{option} {value}: expected {from} to {to}");

    private static T Named<T>(ImmutableArray<T> all, Func<T, string> nameOf, string name, string option)
        where T : class =>
        all.FirstOrDefault(one => nameOf(one) == name) ?? throw new UsageException(
            $"{option} {name}: expected one of {string.Join(", ", all.Select(nameOf))}");

    private sealed record Wanted(bool Json, bool Finals, OutputFile? Dot, Action<string, IReadOnlyList<SearchResult>> Page);
}
