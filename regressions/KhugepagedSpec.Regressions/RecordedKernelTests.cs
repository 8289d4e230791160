using KhugepagedSpec.Invariants;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Results;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Regressions;

public sealed class RecordedKernelTests
{
    [Theory]
    [InlineData("linux-7.2.13.jsonl", 1945, 5737)]
    [InlineData("linux-7.2.13-swap.jsonl", 60, 180)]
    [InlineData("linux-7.3-rc7.jsonl", 261, 771)]
    [InlineData("linux-7.3.4-swap.jsonl", 60, 180)]
    public void Every_recorded_pass_is_the_models_attempt_by_attempt(string file, int vectors, int passes)
    {
        var recorded = Recordings.Read(file);
        Assert.Equal((vectors, passes), (recorded.Count, recorded.Sum(vector => vector.Passes.Length)));
        Assert.Empty(recorded
            .Select(vector => (vector.Id, Difference: Replay.Run(vector, Catalogue.Linux72)))
            .Where(pair => pair.Difference is not null)
            .Select(pair => $"{pair.Id}: {pair.Difference}"));
    }

    // Without slots every page comes back alone; where folios came back, the counters and the number of faults tell.
    [Fact]
    public void Without_slots_the_vectors_in_which_folios_came_back_differ()
    {
        var recorded = Recordings.Read("linux-7.2.13-swap.jsonl");
        var together = recorded.Where(vector =>
            vector.Passes.Any(pass => pass.Counters.Statistics!.Value.Any(counter => counter.Name == "swpin"))).ToList();
        Assert.Equal(8, together.Count);
        Assert.Equal(
            together.Select(vector => vector.Id),
            recorded.Where(vector =>
                Replay.Run(vector with { Before = TableNotation.WithSlots(vector.Before, _ => 0) }, Catalogue.Linux72) is not null)
                    .Select(vector => vector.Id));
    }

    // An older recording has no slots, but counters: what they leave open is enough, and what contradicts them is not excused.
    [Fact]
    public void A_recording_without_slots_is_judged_by_what_its_counters_leave_open()
    {
        var lines = File.ReadLines(Path.Combine(Recordings.Folder, "linux-7.2.13-swap.jsonl")).Skip(1)
            .Select(line => System.Text.RegularExpressions.Regex.Replace(line, "\"slots\":\"[^\"]*\",", "")).ToList();
        Assert.All(lines, line => Assert.Null(Replay.Run(Vector(line), Catalogue.Linux72)));
        var counted = lines.Where(line => line.Contains("\"swpin.2\":", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(counted);
        Assert.All(counted, line =>
            Assert.NotNull(Replay.Run(Vector(line.Replace("\"swpin.2\":", "\"swpin.8\":", StringComparison.Ordinal)), Catalogue.Linux72)));

        static RecordedVector Vector(string line) => VectorReader.ReadLine(line, 1, Geometry.X86).Vector!;
    }

    // A page that was pinned beforehand ends the scan, so an attempt can meet an extra reference only if an earlier attempt of
    // the same pass left it: the LRU batch is the only one that can.
    [Theory]
    [InlineData("linux-7.2.13.jsonl")]
    [InlineData("linux-7.3-rc7.jsonl")]
    public void Without_the_lru_batch_exactly_the_vectors_whose_attempts_met_an_extra_reference_differ(string file)
    {
        var dependent = Recordings.Read(file)
            .Where(vector => vector.Passes.Any(pass => pass.Attempts.Any(attempt => attempt.Status == ScanResult.PageCount)))
            .Select(vector => vector.Id)
            .ToList();
        Assert.NotEmpty(dependent);
        Assert.Equal(dependent, Recordings.Differing(file, Catalogue.Linux72WithoutLruBatch));
    }

    [Theory]
    [InlineData("linux-7.2.13.jsonl", 1935)]
    [InlineData("linux-7.3-rc7.jsonl", 257)]
    public void The_kernels_themselves_break_only_what_their_model_is_known_to_break(string file, int judged)
    {
        var histories = Recordings.Read(file).Select(vector => RecordedHistory.Of(vector)).OfType<History>().ToList();
        Assert.Equal(judged, histories.Count);
        var broken = Contract.Invariants.Where(invariant => histories.Exists(history => invariant.Check(history) is not null));
        Assert.Equal(Contract.Invariants.Where(invariant => invariant.ExceptionFor(Catalogue.Linux72) is not null), broken);
    }

    [Fact]
    public void Both_kernels_did_the_same_with_every_table_they_were_both_given()
    {
        var older = Recordings.Read("linux-7.2.13.jsonl").ToDictionary(vector => vector.Id);
        var common = Recordings.Read("linux-7.3-rc7.jsonl").Where(vector => older.ContainsKey(vector.Id)).ToList();
        Assert.NotEmpty(common);
        Assert.All(common, vector =>
        {
            Assert.Equal(older[vector.Id].Before, vector.Before);
            Assert.Equal(older[vector.Id].Passes.SelectMany(pass => pass.Attempts), vector.Passes.SelectMany(pass => pass.Attempts));
            Assert.Equal(older[vector.Id].Passes.Select(pass => pass.After), vector.Passes.Select(pass => pass.After));
        });
    }
}
