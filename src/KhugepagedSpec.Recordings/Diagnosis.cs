using System.Collections.Immutable;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Recordings;

/// <summary>A version that was tried as an explanation.</summary>
/// <param name="Version">The version.</param>
/// <param name="Changes">What it does otherwise than the model that something differs from.</param>
/// <param name="Names">What has a name and is the same: versions, known-bad variants.</param>
public sealed record Hypothesis(KhugepagedVersion Version, ImmutableArray<PolicyChange> Changes, ImmutableArray<string> Names)
{
    /// <summary>How many of the observations that differ it explains.</summary>
    public int Explained { get; init; }

    /// <summary>How many of those that do not differ it explains as well.</summary>
    public int Kept { get; init; }

    /// <summary>What it does, in words.</summary>
    public string Words => Changes.IsEmpty ? Version.Source : string.Join(", ", Changes.Select(change => change.Value.Meaning));
}

/// <summary>
/// What a kernel is doing: versions, known-bad variants and single changes of a policy are tried against all that was seen of it, and
/// pairs of changes where none of these explains all.
/// </summary>
/// <param name="Model">The version that the kernel should be.</param>
/// <param name="Observations">How many there are.</param>
/// <param name="Differ">How many of them the model does not explain.</param>
/// <param name="Tried">How many other versions were tried.</param>
/// <param name="Answers">Those that explain everything with the fewest changes; they do not differ on any of the observations.</param>
/// <param name="Closest">Where there is no answer: the one that explains most; null if none explains anything.</param>
/// <param name="IsComplete">It was not ended before all were tried.</param>
public sealed record Diagnosis(KhugepagedVersion Model, int Observations, int Differ, int Tried, ImmutableArray<Hypothesis> Answers,
    Hypothesis? Closest, bool IsComplete)
{
    // Enough to see which is closest; an answer is held against all.
    private const int RankedBy = 12;

    /// <summary>Looks for what explains all of the observations.</summary>
    /// <param name="observations">What the kernel was seen to do.</param>
    /// <param name="model">What it should be.</param>
    /// <param name="tell">Told of each version that was tried.</param>
    /// <param name="cancellation">Ends it: what was tried until then counts.</param>
    public static Diagnosis Of(IReadOnlyList<Observation> observations, KhugepagedVersion model, Action? tell = null,
        CancellationToken cancellation = default)
    {
        var agrees = observations.AsParallel().AsOrdered().Select(one => one.IsExplainedBy(model)).ToList();
        ImmutableArray<Observation> differ = [.. observations.Where((_, i) => !agrees[i]).OrderBy(one => one.Cost)],
            others = [.. observations.Where((_, i) => agrees[i]).OrderBy(one => one.Cost)];
        if (differ.IsEmpty)
            return new Diagnosis(model, observations.Count, 0, 0, [], null, true);
        var singles = Singles(model).ToList();
        var first = Named(model, singles).OrderBy(one => one.Changes.Length).ToList();
        var ranked = Try(first, one => Ranked(one, differ, others));
        int tried = ranked.Count;
        var answers = Fewest(ranked);
        if (answers.IsEmpty && !cancellation.IsCancellationRequested)
        {
            var pairs = Try(Pairs(model, singles), one =>
                differ.All(seen => seen.IsExplainedBy(one.Version)) ? Ranked(one, differ, others) : one);
            tried += pairs.Count;
            ranked.AddRange(pairs);
            answers = Fewest(pairs);
        }
        var closest = answers.IsEmpty ? ranked.Where(one => one.Explained > 0)
            .OrderByDescending(one => one.Explained).ThenByDescending(one => one.Kept).ThenBy(one => one.Changes.Length)
            .FirstOrDefault() : null;
        return new Diagnosis(model, observations.Count, differ.Length, tried, answers, closest is null ? null : Whole(closest),
            !cancellation.IsCancellationRequested);

        List<Hypothesis> Try(IEnumerable<Hypothesis> all, Func<Hypothesis, Hypothesis> judge) =>
            [.. all.AsParallel().AsOrdered().Select(one =>
            {
                if (cancellation.IsCancellationRequested)
                    return null;
                var judged = judge(one);
                tell?.Invoke();
                return judged;
            }).OfType<Hypothesis>()];

        ImmutableArray<Hypothesis> Fewest(IEnumerable<Hypothesis> all)
        {
            var whole = all.Where(one => one.Explained == differ.Length && one.Kept == others.Length).ToList();
            return [.. whole.Where(one => one.Changes.Length == whole.Min(other => other.Changes.Length))];
        }

        Hypothesis Whole(Hypothesis one) => one with { Explained = Count(differ, one), Kept = Count(others, one) };
    }

    // Held against all if it explains those that are looked at first.
    private static Hypothesis Ranked(Hypothesis one, ImmutableArray<Observation> differ, ImmutableArray<Observation> others)
    {
        int explained = Count(differ.Take(RankedBy), one);
        if (explained == Math.Min(differ.Length, RankedBy) && differ.Length > RankedBy)
            explained += differ.Skip(RankedBy).TakeWhile(seen => seen.IsExplainedBy(one.Version)).Count();
        return one with
        {
            Explained = explained,
            Kept = explained == differ.Length ? others.TakeWhile(seen => seen.IsExplainedBy(one.Version)).Count() : 0,
        };
    }

    private static int Count(IEnumerable<Observation> seen, Hypothesis one) => seen.Count(each => each.IsExplainedBy(one.Version));

    private static IEnumerable<Hypothesis> Singles(KhugepagedVersion model) =>
        from policy in PolicyTable.All
        from value in policy.Values
        let change = new PolicyChange(policy, value)
        let version = Together(model, [change])
        where version is not null
        select new Hypothesis(version, [change], []);

    // Those of 7.2's line are put upon the model, whatever its own release; those that were released stand for themselves.
    private static IEnumerable<Hypothesis> Named(KhugepagedVersion model, List<Hypothesis> singles)
    {
        var named = new List<Hypothesis>();
        foreach (var one in Catalogue.All)
        {
            bool isReleased = one.Releases is not null;
            var version = isReleased ? one : Together(model, Composition.Changes(Catalogue.Linux72, one));
            if (version is not null && !Composition.AreSame(version, model))
                named.Add(new Hypothesis(version, Composition.Changes(model, version), [one.Name]));
        }
        foreach (var single in singles)
            yield return single with
            {
                Names = [.. named.Where(one => Composition.AreSame(one.Version, single.Version)).Select(one => one.Names[0])],
            };
        foreach (var same in named.GroupBy(one => string.Join(' ', one.Changes)))
            if (!singles.Exists(single => Composition.AreSame(single.Version, same.First().Version)))
                yield return same.First() with { Names = [.. same.SelectMany(one => one.Names)] };
    }

    private static IEnumerable<Hypothesis> Pairs(KhugepagedVersion model, List<Hypothesis> singles)
    {
        for (int i = 0; i < singles.Count; i++)
            for (int j = i + 1; j < singles.Count; j++)
            {
                ImmutableArray<PolicyChange> changes = [.. singles[i].Changes, .. singles[j].Changes];
                if (changes[0].Policy != changes[1].Policy && Together(model, changes) is { } version
                    && Composition.Changes(model, version).Length >= 2)
                    yield return new Hypothesis(version, changes, []);
            }
    }

    // Null where they do not go together, or come to nothing.
    private static KhugepagedVersion? Together(KhugepagedVersion model, ImmutableArray<PolicyChange> changes)
    {
        try
        {
            var version = Composition.Of(model, changes);
            return version == model ? null : version;
        }
        catch (FormatException)
        {
            return null;
        }
    }
}
