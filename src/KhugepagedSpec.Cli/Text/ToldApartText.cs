using System.Collections.Immutable;
using System.Text.Json;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Races;
using KhugepagedSpec.Races.Trace;
using KhugepagedSpec.Races.Validation;
using static KhugepagedSpec.Cli.Shell.Printing;

namespace KhugepagedSpec.Cli.Text;

/// <summary>What <c>validate --protocols</c> prints: a protocol a line.</summary>
internal static class ToldApartText
{
    public static int Print(string path, RaceTrace trace, ImmutableArray<CollapseAttempt> attempts, int most, bool json)
    {
        var all = Interruptible.Each("validate", Protocols.All, (protocol, stop) => ToldApart.Of(trace, attempts, protocol, most, stop))
            .OfType<ToldApart>().ToList();
        int company = attempts.Count(each => each.Company.Any());
        if (json)
            Console.WriteLine(JsonSerializer.Serialize(new RaceToldApartJson(path, attempts.Length, company,
                [.. all.Select(each => new RaceProtocolJson(each.Protocol.Name, each.Refused?.Attempt.Number, each.Refused is null ? null
                    : each.Company, At(trace, each), each.Judged, each.Why))]), CliJson.Readable.RaceToldApartJson));
        else
        {
            Line($"{path}: {attempts.Length:N0} attempts, {company:N0} with company, judged {Math.Min(company, most):N0} of them at most");
            foreach (var each in all)
                Line($"{each.Protocol.Name,-34}{Says(trace, each)}");
        }
        return Interruptible.Ended(all.Count, Protocols.All.Length, "protocols were gone through",
            all.Exists(each => each.Judged > 0) ? ExitCode.Agree : ExitCode.NotExhausted);
    }

    public static string Says(RaceTrace trace, ToldApart each) => each.Refused is { } refused
        ? $"refused at {At(trace, each)}, attempt {refused.Attempt.Number}, {each.Company} with company" : each.Why!;

    private static string? At(RaceTrace trace, ToldApart each) => each.Refused?.At is { } at ? trace.All[at].Name : null;
}

/// <summary>The same for scripts.</summary>
internal sealed record RaceToldApartJson(string File, int Attempts, int WithCompany, IReadOnlyList<RaceProtocolJson> Protocols);

internal sealed record RaceProtocolJson(string Protocol, int? Attempt, int? WithCompany, string? Observation, int Judged, string? Why);
