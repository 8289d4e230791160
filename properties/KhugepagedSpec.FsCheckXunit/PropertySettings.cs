using System.Collections.Immutable;
using System.Globalization;
using System.Reflection;

namespace FsCheck.Xunit;

/// <summary>What one attribute says; null where it says nothing.</summary>
internal sealed record GivenSettings
{
    public string? Replay { get; init; }

    public int? Parallelism { get; init; }

    public int? MaxTest { get; init; }

    public int? MaxRejected { get; init; }

    public int? StartSize { get; init; }

    public int? EndSize { get; init; }

    public bool? Verbose { get; init; }

    public bool? QuietOnSuccess { get; init; }

    public Type[] Arbitrary { get; init; } = [];

    /// <summary>What an inner attribute adds to an outer one: it wins, but the generators of both count.</summary>
    public GivenSettings Within(GivenSettings outer) => new()
    {
        Replay = Replay ?? outer.Replay,
        Parallelism = Parallelism ?? outer.Parallelism,
        MaxTest = MaxTest ?? outer.MaxTest,
        MaxRejected = MaxRejected ?? outer.MaxRejected,
        StartSize = StartSize ?? outer.StartSize,
        EndSize = EndSize ?? outer.EndSize,
        Verbose = Verbose ?? outer.Verbose,
        QuietOnSuccess = QuietOnSuccess ?? outer.QuietOnSuccess,
        Arbitrary = [.. Arbitrary, .. outer.Arbitrary],
    };
}

/// <summary>What the attributes of a method, its classes and its assembly say together.</summary>
/// <param name="Config">The run.</param>
/// <param name="Replays">Runs that go before it.</param>
/// <param name="QuietOnSuccess">Print nothing if the property holds.</param>
/// <param name="Verbose">Print every case.</param>
internal sealed record PropertySettings(Config Config, ImmutableArray<Config> Replays, bool QuietOnSuccess, bool Verbose)
{
    public const int UsualMaxTest = 100, UsualMaxRejected = 1000, UsualStartSize = 1, UsualEndSize = 100;

    public static PropertySettings Of(MethodInfo method, IRunner runner)
    {
        var given = InnermostFirst(method).Select(attribute => attribute.Given).Aggregate((inner, outer) => inner.Within(outer));
        var config = Config.Quick
            .WithMaxTest(given.MaxTest ?? UsualMaxTest)
            .WithMaxRejected(given.MaxRejected ?? UsualMaxRejected)
            .WithStartSize(given.StartSize ?? UsualStartSize)
            .WithEndSize(given.EndSize ?? UsualEndSize)
            .WithArbitrary(given.Arbitrary)
            .WithRunner(runner);
        if (given.Parallelism is > 0 and { } parallelism)
            config = config.WithParallelRunConfig(new ParallelRunConfig(parallelism));
        return new PropertySettings(
            given.Replay is { } replay ? WithReplay(config, replay) : config,
            [.. method.GetCustomAttributes<ReplayAttribute>().Select(once => WithReplay(config, once.Run))],
            given.QuietOnSuccess ?? false, given.Verbose ?? false);
    }

    private static IEnumerable<PropertyAttribute> InnermostFirst(MethodInfo method)
    {
        foreach (var attribute in method.GetCustomAttributes<PropertyAttribute>())
            yield return attribute;
        for (var type = method.ReflectedType; type is not null; type = type.DeclaringType)
            foreach (var attribute in type.GetCustomAttributes<PropertiesAttribute>())
                yield return attribute;
        foreach (var attribute in method.Module.Assembly.GetCustomAttributes<PropertiesAttribute>())
            yield return attribute;
    }

    private static Config WithReplay(Config config, string text)
    {
        var parts = text.Trim().Trim('(', ')').Split(',', StringSplitOptions.TrimEntries);
        if (parts.Length is not (2 or 3)
            || !ulong.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out ulong seed)
            || !ulong.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out ulong gamma))
        {
            throw new FormatException($"Replay = \"{text}\": expected (seed,gamma) or (seed,gamma,size)");
        }
        return parts.Length == 2
            ? config.WithReplay(seed, gamma)
            : config.WithReplay(seed, gamma, int.Parse(parts[2], CultureInfo.InvariantCulture));
    }
}
