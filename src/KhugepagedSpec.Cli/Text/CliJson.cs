using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using KhugepagedSpec.Guests.Live;

namespace KhugepagedSpec.Cli.Text;

internal sealed record ReplayJson(string Model, IReadOnlyList<ReplayFileJson> Files);

internal sealed record ReplayFileJson(
    string File, string? Kernel, int Vectors, int Passes, int Attempts, int Agree,
    IReadOnlyList<DifferenceJson> Differ, IReadOnlyList<UnreadableJson> Unreadable);

internal sealed record DifferenceJson(string Id, int Pass, string At, string Kernel, string Model);

internal sealed record UnreadableJson(int Line, string Error);

internal sealed record ExplainJson(
    string Model, string Table, string Kind, string Enabled, int MaxPtesNone, int MaxPtesSwap, int MaxPtesShared,
        IReadOnlyList<PassJson> Passes);

internal sealed record PassJson(
    IReadOnlyList<RangeJson> Ranges, string After, IReadOnlyDictionary<string, long> Statistics, long PagesCollapsed, int? Return,
        int? Errno, IReadOnlyList<string> Trace)
{
    /// <summary>Why no range was scanned.</summary>
    public string? NotScanned { get; init; }
}

internal sealed record RangeJson(long Start, string Scan, string Status, int Referenced, int NoneOrZero, int Unmapped, int Shared,
    IReadOnlyList<AttemptJson> Attempts, RefusalJson? Why);

internal sealed record AttemptJson(int Offset, int Order, string Status, int? NoneOrZero, int? Referenced, int? SwappedIn,
    RefusalJson? Why);

internal sealed record RefusalJson(string Step, string Cause, int? Pte, long Found, long Limit, string Text);

internal sealed record CheckJson(
    int Seed, int Count, bool Fine, IReadOnlyList<CounterexampleJson> Counterexamples, IReadOnlyList<string> Undetected,
        IReadOnlyDictionary<string, int> RecordedVectorsThatBreak)
{
    /// <summary>For what was put together: the version whose claims it is held to.</summary>
    public IReadOnlyDictionary<string, string>? ClaimsOf { get; init; }
}

internal sealed record CounterexampleJson(string Model, string Invariant, bool Known, string Scenario, int Ptes, string Violation,
    int After);

internal sealed record ProofJson(string Model, int PmdOrder, IReadOnlyList<ClaimJson> Claims);

internal sealed record ClaimJson(string Name, string Statement, long Cases, string? Refuted, string? Open, bool OfTheVersion,
    double Seconds);

internal sealed record ExploreJson(string Protocol, string Verdict, IReadOnlyList<SearchJson> Searches);

internal sealed record SearchJson(
    int Entries, string Table, IReadOnlyList<string> Actors, string Ending, long Generated, long Distinct, long Left, int Depth,
        double CollisionOdds, double Seconds,
    int? FinalStates, IReadOnlyList<string>? OnlyInterleaved, string? Broken, string? Why, string? Replay, IReadOnlyList<StepJson>? Trace);

internal sealed record StepJson(string Process, string Function, string Says, IReadOnlyDictionary<string, string> Changes);

internal sealed record KernelJson(
    string Release, string? Version, bool Cached, string? Folder, bool Modules, bool? Unsigned, IReadOnlyList<string>? Packages);

internal sealed record LiveOutcomeJson(
    string Kernel, string Model, ulong Seed, int Scenarios, int Passes, int Attempts, bool Complete, IReadOnlyList<BatchResult> Bad,
        LiveCounterexampleJson? Smallest, double Seconds,
    IReadOnlyList<LackJson> Never)
{
    /// <summary>What would explain the batches that differ.</summary>
    public DiagnosisJson? Diagnosis { get; init; }
}

internal sealed record LackJson(string What, string Why, IReadOnlyList<string> Kinds, bool OthersHaveIt);

internal sealed record LiveCounterexampleJson(
    IReadOnlyList<string> Scenarios, int? Pass, string? What, string? Kernel, string? Model, string? Invariant, string? Violation,
        int Ptes, int Found, int Tries, bool Confirmed,
    IReadOnlyList<string> Logged);

[JsonSerializable(typeof(WhatIfJson))]
[JsonSerializable(typeof(LiveOutcomeJson))]
[JsonSerializable(typeof(KernelDiffJson))]
[JsonSerializable(typeof(ReplayJson))]
[JsonSerializable(typeof(ExploreJson))]
[JsonSerializable(typeof(List<ProofJson>))]
[JsonSerializable(typeof(List<KernelJson>))]
[JsonSerializable(typeof(CheckJson))]
[JsonSerializable(typeof(ExplainJson))]
[JsonSerializable(typeof(DiffJson))]
[JsonSerializable(typeof(CostsJson))]
[JsonSerializable(typeof(KernelTimesJson))]
[JsonSerializable(typeof(CreepsJson))]
[JsonSerializable(typeof(ResultJson[]))]
[JsonSerializable(typeof(PoliciesJson))]
[JsonSerializable(typeof(DiagnosisJson))]
[JsonSerializable(typeof(RaceToldApartJson))]
[JsonSerializable(typeof(ValidateJson))]
[JsonSerializable(typeof(RaceJson))]
[JsonSerializable(typeof(ClaimJsonLine[]))]
internal sealed partial class CliJson : JsonSerializerContext
{
    /// <summary>Writes '+' and quotes of kernel texts as they are.</summary>
    public static CliJson Readable { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
