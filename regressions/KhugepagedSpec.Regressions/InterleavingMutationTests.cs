using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using KhugepagedSpec.Races;
using ModelChecker.Exploration;
using ModelChecker.Guarded;

namespace KhugepagedSpec.Regressions;

/// <summary>
/// Each step of khugepaged's program left out, or exchanged with the next, one at a time: something breaks, or the reason why it may be so
/// is stated here. A step that nothing notices and nobody can explain is a check that the model lacks.
/// </summary>
[Trait("Form", "Long")]
[Trait("Coverage", "Slow")]
public sealed partial class InterleavingMutationTests
{
    // The likeliest first.
    private static readonly string[] Beside =
    [
        "reclaim", "dontneed", "writer", "munmap", "gup-fast", "hwpoison", "userfaultfd", "neighbour", "settings", "migrate", "fault",
            "secondary-mmu", "fork", "merge", "madv-free",
        "madv-collapse", "mremap", "mprotect", "mlock", "ksm", "uffd-move", "gup-read", "exit", "anon-vma", "split", "aging", "lru-drain",
    ];

    // Who is beside an actor whose step is missing, the likeliest first.
    private static readonly string[] Others = ["writer", "fault", "dontneed", "reclaim", "gup-fast", "munmap", "migrate"];

    [LongFact]
    public async Task Each_step_of_khugepaged_is_needed_or_its_absence_explained()
    {
        var space = new ProtocolSpace(Protocols.Linux72, Shape.Four);
        var text = new StringBuilder();
        foreach (var same in Named(space.Beside([], Reductions.None).Programs.Single()).GroupBy(each => each.Name, each => each.Mutation))
        {
            bool below = same.Key.StartsWith("below", StringComparison.Ordinal);
            string found = same.Select(mutation => mutation.Program.LockMistake)
                .FirstOrDefault(mistake => mistake is not null) is { } locks ? $"locks: {locks}"
                : same.SelectMany(mutation => Beside.Select(name => FoundBeside(space, [name], 0, mutation.Program, below)))
                    .FirstOrDefault(each => each is not null)
                    ?? $"nothing: {Reason(KhugepagedReasons, same.Key)}";
            text.Append(CultureInfo.InvariantCulture, $"{same.Key}\n    {found}\n");
        }
        await Verifier.Verify(text.ToString());
        Assert.DoesNotContain("nothing: unexplained", text.ToString(), StringComparison.Ordinal);
    }

    [LongFact]
    public async Task Each_step_of_an_actor_is_needed_or_its_absence_explained()
    {
        var (alone, folios) = (new ProtocolSpace(Protocols.Linux72, Shape.Four),
            new ProtocolSpace(Protocols.Of("folio-of-two"), Shape.Four));
        var text = new StringBuilder();
        foreach (var (actor, space) in Actor.All.Where(actor => actor.Name != "madv-collapse")
            .Select(actor => (actor, actor.Name == "split" ? folios : alone)))
            foreach (var (name, mutation) in Named(space.Beside([actor], Reductions.None).Programs.Last()).DistinctBy(each => each.Name))
            {
                string found = mutation.Program.LockMistake is { } locks ? $"locks: {locks}"
                    : mutation.IsOfStepsThatCommute ? "nothing: neither step touches what the other changes"
                    : Partners(actor).Select(names => FoundBeside(space, names, 1, mutation.Program))
                        .FirstOrDefault(each => each is not null) ?? $"nothing: {Reason(ActorReasons, name)}";
                text.Append(CultureInfo.InvariantCulture, $"{actor}: {name}\n    {found}\n");
            }
        await Verifier.Verify(text.ToString());
        Assert.DoesNotContain("nothing: unexplained", text.ToString(), StringComparison.Ordinal);
    }

    private static IEnumerable<string[]> Partners(Actor actor) =>
        Others.Select(other => new[] { actor.Name, other }).Prepend([actor.Name])
            .Where(names => Actor.CannotBe([.. names.Select(Named)]) is null);

    private static string? FoundBeside(ProtocolSpace space, string[] names, int process, GuardedProgram program, bool below = false)
    {
        Actor[] actors = [.. names.Select(Named)];
        foreach (string table in space.Tables)
        {
            var found = new Explorer<GuardedModel, PackedState,
                Move>(space.Mutated(actors, process, program, table, below), new Bounds { Workers = 1 }).Run();
            if (found.Counterexample is { } trace)
                return $"{Safety.All[trace.Property].Name}, beside {string.Join(", ", names)}";
        }
        return null;
    }

    private static Actor Named(string name) => Actor.All.Single(actor => actor.Name == name);

    // By what they say, entries' numbers apart; khugepaged's windows are the PMD's and the first below.
    private static IEnumerable<(string Name, Mutation Mutation)> Named(GuardedProgram program)
    {
        string window = "scan";
        int at = -1;
        foreach (var mutation in Mutation.Of(program))
        {
            for (; at < mutation.Location;)
                if (Window().Match(program.Steps[++at].Select(step => step.Says).FirstOrDefault("")) is { Success: true } match)
                    window = match.Groups[1].Value;
            string name = Entry().Replace(mutation.Says, "entry");
            if (window.EndsWith("/1", StringComparison.Ordinal) && window != "0/1")
                yield break;
            yield return (program.Name == "khugepaged"
                ? $"{(window.EndsWith("/2", StringComparison.Ordinal) ? "PMD order" : window == "scan" ? "scan" : "below it")}: {name}"
                : name, mutation);
        }
    }

    private static string Reason(IReadOnlyList<(string Pattern, string Why)> reasons, string name) =>
        reasons.FirstOrDefault(reason => Regex.IsMatch(name, reason.Pattern), (Pattern: "", Why: "unexplained")).Why;

    [GeneratedRegex(@"^asks whether (\d/\d)")]
    private static partial Regex Window();

    [GeneratedRegex(@"entry \d")]
    private static partial Regex Entry();
}
