using System.Collections.Immutable;
using System.Text.Json;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Regressions;

/// <summary>What a kernel is doing, said of models that stand for kernels: recorded like one, they are found among all others.</summary>
[Trait("Form", "Long")]
[Trait("Coverage", "Slow")]
public sealed class DiagnosisTests : IDisposable
{
    private static readonly ImmutableArray<VectorInput> Inputs = ModelRecorder.Inputs(batches: 7, seed: 3);

    private readonly string _folder = Directory.CreateTempSubdirectory("khugepaged-spec").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    // What differs nowhere is spoiled in memory only, or these scenarios do not lead there.
    [LongFact]
    public async Task Every_known_bad_variant_that_differs_is_the_answer_or_so_is_what_differs_less_and_explains_as_much()
    {
        var told = KnownBad.Variants.Select(Told).ToList();
        Assert.Equal(42, told.Count(one => one.IsNamed));
        await Verifier.Verify(string.Concat(told.Select(one => one.Line + "\n")));
    }

    [Fact]
    public void One_in_four_known_bad_variants_is_explained_as_approved()
    {
        string[] approved = ApprovedLines.Of(nameof(DiagnosisTests),
            nameof(Every_known_bad_variant_that_differs_is_the_answer_or_so_is_what_differs_less_and_explains_as_much));
        Assert.Equal(KnownBad.Variants.Length, approved.Length);
        for (int i = 0; i < approved.Length; i += 4)
            Assert.Equal(approved[i], Told(KnownBad.Variants[i]).Line);
    }

    private static (string Line, bool IsNamed) Told(KhugepagedVersion variant)
    {
        var diagnosis = Diagnosis.Of(Observations(variant), Catalogue.Linux72);
        if (diagnosis.Differ == 0)
            return ($"{variant.Name}: differs nowhere", false);
        string line = $"{variant.Name}: {string.Join("; or ", diagnosis.Answers.Select(answer => string.Join(", ", answer.Changes)))}";
        Assert.All(diagnosis.Answers,
            answer => Assert.Equal((diagnosis.Differ, diagnosis.Observations - diagnosis.Differ), (answer.Explained, answer.Kept)));
        int its = Composition.Changes(Catalogue.Linux72, variant).Length;
        bool isNamed = diagnosis.Answers.Any(answer => answer.Names.Contains(variant.Name));
        Assert.True(isNamed || (!diagnosis.Answers.IsEmpty && diagnosis.Answers[0].Changes.Length < its), line);
        return (line, isNamed);
    }

    // Every pair is tried.
    [LongFact]
    public void What_no_single_change_explains_a_pair_does()
    {
        var kernel = Composition.Of(Catalogue.Linux72, Changes("none-limit=scaled", "visit=collapsed-or-fail"));
        var diagnosis = Diagnosis.Of(Observations(kernel), Catalogue.Linux72);
        Assert.Contains("none-limit=scaled visit=collapsed-or-fail", diagnosis.Answers.Select(answer => string.Join(' ', answer.Changes)));
        Assert.All(diagnosis.Answers, answer => Assert.Contains(PolicyChange.Parse("none-limit=scaled"), answer.Changes));
        Assert.InRange(diagnosis.Tried, 2000, 50_000);
    }

    [Fact]
    public void A_version_that_is_more_than_a_pair_away_is_found_by_its_name()
    {
        var (code, output, error) = Diagnose(Written(Catalogue.V17));
        Assert.Equal((0, ""), (code, error));
        Assert.Contains(" (v17): ", output, StringComparison.Ordinal);
        string command = output.Split('\n').Single(line => line.StartsWith("  khugepaged-spec replay", StringComparison.Ordinal));
        Assert.Equal(0, Cli.Run([.. command.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..]]).Code);
    }

    [Fact]
    public void Where_nothing_explains_all_the_closest_is_shown()
    {
        var kernel = Composition.Of(Catalogue.Linux72, Changes("none-limit=scaled", "visit=collapsed-or-fail", "walk=right-first"));
        var (code, output, _) = Diagnose(Written(kernel));
        Assert.Equal(1, code);
        Assert.Matches(@"\nnone of \d+ compositions explains all; closest linux-7\.2 with walk=right-first .*; explains \d+ of \d+ ", output);
    }

    [Fact]
    public void Of_a_kernel_that_agrees_there_is_nothing_to_explain()
    {
        var (code, output, _) = Diagnose(Written(Catalogue.Linux72));
        Assert.Equal((3, $"{Inputs.Length} observations, 0 differ from linux-7.2\nnothing to explain\n"), (code, output));
        Assert.Equal(3, Diagnose("linux-7.2.13-swap.jsonl").Code);
    }

    // An answer must leave alone what agrees: a change that explains the few that differ and breaks others is none.
    [Fact]
    public void What_agrees_counts_too()
    {
        var all = Observations(Catalogue.Find("limits-scaled")!);
        ImmutableArray<Observation> differ = [.. all.Where(one => !one.IsExplainedBy(Catalogue.Linux72))];
        var alone = Diagnosis.Of([differ[0]], Catalogue.Linux72);
        var whole = Diagnosis.Of(all, Catalogue.Linux72);
        Assert.True(alone.Answers.Length > whole.Answers.Length, $"{alone.Answers.Length} and {whole.Answers.Length}");
        Assert.Equal(["limits-scaled"], whole.Answers.SelectMany(answer => answer.Names));
    }

    [Fact]
    public void Answers_that_the_observations_do_not_tell_apart_are_all_listed_and_told_apart()
    {
        var (code, output, _) = Diagnose(Written(Catalogue.Find("uffd-checked-in-walk-only")!), "--json");
        Assert.Equal(0, code);
        var json = JsonDocument.Parse(output).RootElement;
        Assert.Equal(["linux-7.2 with window.vma=seen", "linux-7.2 with window.uffd=remembered"],
            json.GetProperty("answers").EnumerateArray().Select(answer => answer.GetProperty("model").GetString()));
        Assert.Contains("--fail uffd-registered", json.GetProperty("toldApart")[0].GetProperty("on").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_model_may_be_named_and_changed()
    {
        string file = Written(Catalogue.Find("limits-scaled")!);
        Assert.Equal(3, Diagnose(file, "--with", "none-limit=scaled").Code);
        Assert.Equal(3, Diagnose(file, "--model", "limits-scaled").Code);
        Assert.Contains("\nlimits-scaled with none-limit=zero-or-max", Diagnose(Written(Catalogue.Linux72), "--model", "limits-scaled").Output,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_change_of_7_2_is_found_upon_7_3_too()
    {
        var kernel = Composition.Of(Catalogue.Linux73, Changes("none-limit=scaled"));
        string file = Path.Combine(_folder, "7.3.jsonl");
        File.WriteAllText(file, ModelRecorder.File(Inputs, kernel, "7.3.4"));
        var (code, output, _) = Diagnose(file);
        Assert.Equal(0, code);
        Assert.Contains("\nlinux-7.3 with none-limit=scaled (limits-scaled): ", output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_journal_of_a_comparison_holds_the_batches_that_differ()
    {
        ImmutableArray<string> lines = [.. Observations(Catalogue.Find("limits-scaled")!)
            .Where(one => !one.IsExplainedBy(Catalogue.Linux72)).Select(one => VectorWriter.Line(one.Together[0]))];
        string file = Path.Combine(_folder, "out.jsonl");
        var plan = new LivePlan("7.2.13 #1", "linux-7.2", 5);
        ImmutableArray<BatchResult> batches = [.. lines.Select((line, i) => new BatchResult
        {
            Number = i,
            Scenarios = 1,
            Differs = "pass 1",
            Vectors = [line],
        }), new BatchResult { Number = 99, Scenarios = 16 }];
        LiveJournal.Begin(file, plan, batches).Dispose();
        var (code, output, error) = Diagnose(file);
        Assert.Equal((0, ""), (code, error));
        Assert.StartsWith($"{lines.Length} observations, {lines.Length} differ from linux-7.2\n", output, StringComparison.Ordinal);
        Assert.Contains("none-limit=scaled", output, StringComparison.Ordinal);
        string command = output.Split('\n').First(line => line.StartsWith("  khugepaged-spec", StringComparison.Ordinal));
        Assert.Equal((3, "nothing to explain"), Cli.Run([.. command.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..]]) is var again
            ? (again.Code, again.Output.Split('\n')[1]) : default);

        LiveJournal.Begin(file, plan, [batches[^1]]).Dispose();
        Assert.Equal((2, "", $"khugepaged-spec: {file}: no observation: expected vectors, or batches that differ with theirs\n"),
            Diagnose(file));
    }

    private static (int Code, string Output, string Error) Diagnose(params string[] words) => Cli.Run(["diagnose", .. words]);

    private static IEnumerable<PolicyChange> Changes(params string[] changes) => changes.Select(PolicyChange.Parse);

    private static List<Observation> Observations(KhugepagedVersion kernel) =>
        [.. ModelRecorder.File(Inputs, kernel).Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1)
            .Select((line, i) => VectorReader.ReadLine(line, i + 2, Geometry.X86).Vector!)
            .Select(vector => new Observation(vector.Id, [vector]))];

    private string Written(KhugepagedVersion kernel)
    {
        string file = Path.Combine(_folder, "seen.jsonl");
        File.WriteAllText(file, ModelRecorder.File(Inputs, kernel));
        return file;
    }
}
