using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace KhugepagedSpec.Cli.Threads;

/// <summary>The threads that the specification was made from, a file a thread beside this one.</summary>
internal static class ThreadBook
{
    // In the order of their numbers.
    private static readonly ImmutableArray<string> Files = ["uffd", "pmd-teardown", "walk", "cover-letter", "non-swap"];

    /// <summary>All of them.</summary>
    public static ImmutableArray<MailThread> Threads { get; } = [.. Files.Select(Read)];

    /// <summary>The thread of a claim.</summary>
    public static MailThread Of(Claim claim) => Threads.First(thread => thread.Claims.Contains(claim));

    /// <summary>A verdict, as the files and the list have it.</summary>
    public static string Name(Verdict verdict) => JsonSerializer.Serialize(verdict, ThreadJson.Default.Verdict).Trim('"');

    private static MailThread Read(string name)
    {
        string file = $"{name}.json";
        using var stream = typeof(ThreadBook).Assembly.GetManifestResourceStream($"KhugepagedSpec.Cli.Threads.{file}")
            ?? throw new InvalidOperationException($"{file} is not in the program");
        var thread = JsonSerializer.Deserialize(stream, ThreadJson.Default.MailThread)!;
        return thread with { Claims = [.. thread.Claims.Select(claim => claim with { Runs = [.. OrNone(claim.Runs).Select(Whole)] })] };
    }

    private static ClaimRun Whole(ClaimRun run) => run with { Prints = OrNone(run.Prints), Never = OrNone(run.Never) };

    private static ImmutableArray<T> OrNone<T>(ImmutableArray<T> given) => given.IsDefault ? [] : given;
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    UseStringEnumConverter = true)]
[JsonSerializable(typeof(MailThread))]
internal sealed partial class ThreadJson : JsonSerializerContext;
