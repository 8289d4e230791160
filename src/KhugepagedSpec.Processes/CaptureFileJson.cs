using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Scenarios;

namespace KhugepagedSpec.Processes;

internal sealed record CaptureLineJson
{
    public CaptureHeadJson? Head { get; init; }

    public MachineHeadJson? Machine { get; init; }

    public SkippedJson? Skipped { get; init; }

    public MachineEndJson? MachineEnd { get; init; }

    public CapturedRangeJson? Range { get; init; }

    public CapturedVmaJson? Vma { get; init; }

    public CaptureEndJson? End { get; init; }
}

internal sealed record CaptureHeadJson(
    int Pid, string Command, string Kernel, DateTimeOffset At, int PageBytes, int PmdOrder, SettingsJson Settings,
        long ScanSleepMilliseconds, ThpDisable ThpDisable, string? Cgroup = null, long Shared = 0, long Started = 0);

internal sealed record CapturedRangeJson(string At, long Ranges, string Table, bool Changed);

internal sealed record CapturedVmaJson(
    string Start, string End, string Permissions, string Name, VmaFlags Flags, bool HasAnonVma, PageCounts Pages, PageCounts Outside,
        PageCounts Smaps, UsedPages Used, bool Changed,
    bool IsWhole);

internal sealed record CaptureEndJson(CaptureEnding Ending, int Vmas, int Of, ImmutableArray<string> ChangedVmas,
    PageCounts? Rollup = null);

internal sealed record MachineHeadJson(string Kernel, DateTimeOffset At, string Asked, int Processes, ImmutableArray<long> FreeBlocks);

internal sealed record SkippedJson(int Pid, string Why);

internal sealed record MachineEndJson(CaptureEnding Ending, ImmutableArray<CgroupJson> Cgroups);

internal sealed record CgroupJson(string Path, int Processes, CgroupCounts Before, CgroupCounts After, CgroupLimitJson? Limit = null)
{
    public static CgroupJson Of(CgroupFigures figures) => new(figures.Path, figures.Processes, figures.Before, figures.After,
        figures.Limit is { } limit ? new CgroupLimitJson(limit.Cgroup, limit.File, limit.Max, limit.Current) : null);

    public CgroupFigures ToFigures() => new(Path, Processes, Before, After,
        Limit is { } limit ? new CgroupLimit(limit.Cgroup, limit.File, limit.Max, limit.Current) : null);
}

internal sealed record CgroupLimitJson(string Cgroup, string File, long Max, long Current);

[JsonSerializable(typeof(CaptureLineJson))]
[JsonSourceGenerationOptions(
    UseStringEnumConverter = true, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
internal sealed partial class CaptureJson : JsonSerializerContext
{
    public static CaptureJson Compact => field ??= new(new JsonSerializerOptions(Default.Options)
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
