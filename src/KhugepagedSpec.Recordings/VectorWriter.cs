using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Recordings;

/// <summary>
/// Writes recorded vectors as <see cref="VectorReader"/> reads them: one JSON object a line. Besides what every pass has: <c>trace</c>,
/// the trace lines (<see cref="TraceNormalForm"/>); <c>gauges</c>, by how much nr_anon and its like moved; and in the last pass
/// <c>memcg</c>, thp_collapse_alloc of the root's memory.stat over all passes, and <c>warned</c>, whether the kernel has logged that it
/// does not support max_ptes_none.
/// </summary>
public static class VectorWriter
{
    private static readonly JsonSerializerOptions Terse = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The first line: which kernel did all this.</summary>
    public static string Meta(string kernel) => new JsonObject { ["meta"] = $"Linux version {kernel}" }.ToJsonString(Terse);

    /// <summary>A vector that was recorded alone.</summary>
    public static string Line(RecordedVector vector)
    {
        var line = new JsonObject
        {
            ["id"] = vector.Id,
            ["in"] = vector.Input.ToString(),
            ["pre"] = Table(vector.Before),
            ["pre_pmd_kb"] = PmdKb(vector),
            ["passes"] = new JsonArray([.. vector.Passes.Select(Pass)]),
            ["bad"] = vector.WrongPages,
        };
        if (TableNotation.WriteSlots(vector.Before) is { Length: > 0 } slots)
            line["slots"] = slots;
        if (vector.ThenAfter > 0)
            line["then"] = vector.ThenAfter;
        if (!vector.ProgramSlots.IsEmpty)
            line["prog_slots"] = new JsonArray([.. vector.ProgramSlots.Select(slots => JsonValue.Create(slots))]);
        if (vector.ThenSlots is { Length: > 0 } thenSlots)
            line["then_slots"] = thenSlots;
        return line.ToJsonString(Terse);
    }

    private static JsonObject Pass(RecordedPass pass)
    {
        var counters = pass.Counters;
        var json = new JsonObject
        {
            ["adv"] = counters.FullScans,
            ["pc"] = counters.PagesCollapsed,
            ["snap"] = Table(pass.After),
            ["pmd_kb"] = pass.PmdMappedKb,
            ["tries"] = new JsonArray([.. pass.Attempts.Select(attempt => JsonValue.Create(attempt.ToString()))]),
            ["scan"] = new JsonArray([.. pass.Scans.Select(line => JsonValue.Create(line.ToString()))]),
        };
        if (pass.Trace is { } trace)
            json["trace"] = new JsonArray([.. trace.Select(line => JsonValue.Create(line))]);
        if (counters.Statistics is { } sizes)
            json["stats"] = new JsonObject(
                [.. sizes.Select(size => KeyValuePair.Create($"{size.Name}.{size.Order}", (JsonNode?)size.Value))]);
        if (counters.Gauges is { } gauges)
            json["gauges"] = new JsonObject(
                [.. gauges.Select(gauge => KeyValuePair.Create($"{gauge.Name}.{gauge.Order}", (JsonNode?)gauge.Value))]);
        if (counters.CgroupCollapseAllocs is { } charged)
            json["memcg"] = charged;
        if (counters.WarnedOfMaxPtesNone is { } warned)
            json["warned"] = warned;
        if (counters.Events is { } events)
            json["events"] = new JsonObject([.. events.Select(one => KeyValuePair.Create(one.Name, (JsonNode?)one.Value))]);
        if (pass.Return is { } returned)
            (json["ret"], json["errno"]) = (returned, pass.Errno);
        return json;
    }

    private static string Table(PageTable table) => TableNotation.WriteRecorded(table);

    private static long PmdKb(RecordedVector vector) =>
        vector.Before.Pmd == PmdState.Huge ? vector.Before.Geometry.Pages * vector.Input.Machine.PageKilobytes : 0;
}
