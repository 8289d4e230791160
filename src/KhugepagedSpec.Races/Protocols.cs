using System.Collections.Immutable;
using ModelChecker.Guarded;

namespace KhugepagedSpec.Races;

/// <summary>One thing that a protocol, or a neighbour of collapse, does otherwise; several can be put together.</summary>
/// <param name="Name">The name users give on the command line.</param>
/// <param name="Source">Where it was claimed, posted or asked.</param>
/// <param name="Breaks">The property that it breaks; null if it breaks none by itself.</param>
/// <param name="ShownBy">The processes beside khugepaged that show it; null for all.</param>
/// <param name="Apply">Makes it so.</param>
public sealed record Switch(string Name, string Source, SafetyProperty? Breaks, ImmutableArray<string>? ShownBy, Func<CollapseProtocol,
    CollapseProtocol> Apply)
{
    /// <summary>It changes collapse by rounds, not Linux 7.2.</summary>
    public bool IsOfRounds { get; init; }

    /// <summary>For what breaks nothing: what that answers, in a sentence.</summary>
    public string? Says { get; init; }
}

/// <summary>The protocols: the versions', the known-bad ones and those that were asked about, each one thing otherwise.</summary>
public static partial class Protocols
{
    /// <summary>Linux 7.2.</summary>
    public static CollapseProtocol Linux72 { get; } = new()
    {
        Name = "linux-7.2",
        Source = "Linux 7.2, mm/khugepaged.c:collapse_huge_page",
        KnownNotToHold = [Safety.RmapFindsEveryMapping],
    };

    /// <summary>Collapse by rounds.</summary>
    public static CollapseProtocol Rounds { get; } = new()
    {
        Name = "rounds",
        Source = "\"mm/collapse: rebuild collapse on migration primitives\", RFC, K. Shutsemau, 2026-08-16",
        IsByRounds = true,
    };

    /// <summary>Versions whose protocols differ; those of reviews as they were posted, with what is wrong in them.</summary>
    public static ImmutableArray<CollapseProtocol> Versions { get; } =
    [
        Linux72,
        Linux72 with { Name = "linux-7.1", Source = "Linux 7.1, mm/khugepaged.c:collapse_huge_page: the PMD order alone",
            PmdOrderOnly = true },
        Version("v5", "khugepaged: mTHP support, v5, N. Pache, 2025-04-28", "pmd-cleared-beyond-vma", "anon-vma-dropped-early",
            "ptes-before-pmd", "swap-bail-keeps-lock", "pmd-checked-before-vma-lock"),
        Version("v17", "khugepaged: mTHP support, v17, N. Pache, 2026-05", "ptes-before-pmd"),
        Version("v18", "khugepaged: mTHP support, v18, N. Pache, 2026-05-22", "ptes-before-pmd", "vma-used-after-unlock"),
        Rounds,
    ];

    /// <summary>The known-bad ones, each by itself.</summary>
    public static ImmutableArray<CollapseProtocol> KnownBad { get; } =
        [.. Switches.Where(each => each.Breaks is not null).Select(each => With(Base(each), [each]))];

    /// <summary>What was asked, and breaks nothing.</summary>
    public static ImmutableArray<CollapseProtocol> Asked { get; } =
        [.. Switches.Where(each => each.Breaks is null).Select(each => With(Base(each), [each]))];

    /// <summary>All of them by name; the first is the default.</summary>
    public static ImmutableArray<CollapseProtocol> All { get; } = [.. Versions, .. KnownBad, .. Asked];

    /// <summary>Switches that break something only together.</summary>
    public static ImmutableArray<CollapseProtocol> Pairs { get; } =
    [
        .. PairsOf.Select(pair => Together(null, [Switch(pair.A)!, Switch(pair.B)!]) with { Breaks = pair.Breaks, ShownBy = pair.ShownBy }),
    ];

    /// <summary>A version, a protocol, or switches put together.</summary>
    /// <param name="model">
    /// A version's or a protocol's name; or switches, separated by commas, a version before them or not: without one they are those of
    /// Linux 7.2, or of rounds if one of them is of rounds; null for Linux 7.2.
    /// </param>
    /// <exception cref="FormatException">There is no such version or switch.</exception>
    public static CollapseProtocol Of(string? model)
    {
        if (model is null)
            return Linux72;
        if (All.FirstOrDefault(each => each.Name == model) is { } named)
            return named;
        string[] names = model.Split(',', StringSplitOptions.RemoveEmptyEntries);
        if (Pairs.FirstOrDefault(pair => pair.Name.Split(',').ToHashSet().SetEquals(names)) is { } together)
            return together;
        var version = names.Length > 1 ? Versions.FirstOrDefault(each => each.Name == names[0]) : null;
        var switches = names.Skip(version is null ? 0 : 1)
            .Select(name => Switch(name)
                ?? throw Unknown(name, names.Length == 1 ? All.Select(each => each.Name) : Switches.Select(each => each.Name)))
            .ToList();
        return switches.Count > 0 ? Together(version, switches) : throw Unknown(model, All.Select(each => each.Name));
    }

    private static Switch? Switch(string name) => Switches.FirstOrDefault(each => each.Name == name);

    // Without a version they are those of Linux 7.2, or of rounds if one of them is of rounds.
    private static CollapseProtocol Together(CollapseProtocol? version, List<Switch> switches) =>
        With(version ?? (switches.Any(each => each.IsOfRounds) ? Rounds : Linux72), switches);

    private static FormatException Unknown(string name, IEnumerable<string> expected) =>
        new($"--model {name}: expected one of {string.Join(", ", expected)}");

    private static CollapseProtocol Base(Switch one) => one.IsOfRounds ? Rounds : Linux72;

    // What several break is not known beforehand: they are judged by all that the version has.
    private static CollapseProtocol With(CollapseProtocol version, List<Switch> switches)
    {
        var all = switches.Aggregate(version, (protocol, each) => each.Apply(protocol));
        bool one = switches.Count == 1 && version == Base(switches[0]);
        var shownBy = switches.SelectMany(each => each.ShownBy ?? []).Distinct().Take(ProtocolSpace.MostActors).ToList();
        return all with
        {
            Name = (version == Linux72 || version == Rounds ? "" : version.Name + ",")
                + string.Join(',', switches.Select(each => each.Name)),
            Source = string.Join("; ", switches.Select(each => each.Source)),
            Breaks = one ? switches[0].Breaks : null,
            ShownBy = shownBy,
        };
    }

    private static CollapseProtocol Version(string name, string source, params string[] mistakes) =>
        mistakes.Select(mistake => Switch(mistake)!)
            .Aggregate(Linux72, (protocol, each) => each.Apply(protocol)) with
        {
            Name = name,
            Source = source + "; with " + string.Join(", ", mistakes),
            ShownBy = [.. mistakes.SelectMany(mistake => Switch(mistake)!.ShownBy ?? []).Distinct()
                .Take(ProtocolSpace.MostActors)],
        };
}
