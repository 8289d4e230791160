using System.CommandLine;
using System.Text.Json;
using KhugepagedSpec.Cli.Commands;

namespace KhugepagedSpec.Regressions;

/// <summary>The commands, in this process; one at a time, as they write to the console.</summary>
[Collection("console")]
public sealed class CommandLineTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("khugepaged-spec").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Replay_of_the_recordings_agrees_and_says_so_in_its_last_line()
    {
        var (code, output, _) = Cli.Run("replay");
        Assert.Equal(0, code);
        Assert.EndsWith("2326 of 2326 vectors agree in every pass, 0 differ\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_mismatch_is_shown_side_by_side_and_ends_with_exit_code_1()
    {
        var (code, output, _) = Cli.Run("replay", "--model", "no-lru-batch", Path.Combine(Recordings.Folder, "linux-7.3-rc7.jsonl"));
        Assert.Equal(1, code);
        Assert.Contains("differs in pass 1 at ", output, StringComparison.Ordinal);
        Assert.Contains("\n  kernel                                no-lru-batch\n", output, StringComparison.Ordinal);
        Assert.Contains("khugepaged-spec explain --vector ", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_torn_line_loses_no_other_verdict_and_ends_with_exit_code_2()
    {
        string file = Path.Combine(_folder, "torn.jsonl");
        var lines = File.ReadLines(Path.Combine(Recordings.Folder, "linux-7.2.13.jsonl")).Take(5).ToArray();
        lines[2] = lines[2][..(lines[2].Length / 2)];
        File.WriteAllLines(file, lines);
        var (code, output, error) = Cli.Run("replay", file, "--json");
        Assert.Equal(2, code);
        Assert.Matches(@"^khugepaged-spec: \S+torn.jsonl, line 3: torn or malformed JSON at byte [0-9]+: expected one object a line\n$",
            error);
        var report = JsonDocument.Parse(output).RootElement.GetProperty("files")[0];
        Assert.Equal((3, 3), (report.GetProperty("vectors").GetInt32(), report.GetProperty("agree").GetInt32()));
    }

    [Fact]
    public void A_missing_file_loses_no_other_verdict_and_ends_with_exit_code_2()
    {
        var (code, output, error) = Cli.Run("replay", "nowhere.jsonl", Path.Combine(Recordings.Folder, "linux-7.3-rc7.jsonl"));
        Assert.Equal(2, code);
        Assert.StartsWith("khugepaged-spec: nowhere.jsonl: no such file", error, StringComparison.Ordinal);
        Assert.Contains("261 of 261 vectors agree", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("no command: expected replay, explain, check")]
    [InlineData("'collapse': expected replay, explain, check", "collapse")]
    [InlineData("TABLE: 511 cells: expected 512", "explain", "x*511")]
    [InlineData("TABLE: 513 cells: expected 512", "explain", "x*513")]
    [InlineData("TABLE: column 7: unknown kind '?': expected one of .z", "explain", "x*511 ?")]
    [InlineData("TABLE: column 1: folio order 10 is outside the geometry: expected 0 to 9", "explain", "f10")]
    [InlineData("TABLE: column 4: pages 12 to 19 overlap what lies after the folio", "explain", "f4[12+8]")]
    [InlineData("TABLE: cells 0 and 8 overlap in one folio of order 4", "explain", "f4[0+4]p x*4 f4[8+4] x*500")]
    [InlineData("TABLE: column 3: expected a count after '*'", "explain", "x*")]
    [InlineData("TABLE: column 2: 'f' needs a folio order", "explain", "f")]
    [InlineData("no page table: expected TABLE, a file, -", "explain")]
    [InlineData("--enabled: '12k' is no size", "explain", "x*512", "--enabled", "12k")]
    [InlineData("--enabled: '4m' is order 10: expected 2 to 9 (16kB to 2048kB)", "explain", "x*512", "--enabled", "4m")]
    [InlineData("order 2 is set twice", "explain", "x*512", "--enabled", "2", "--always", "16k")]
    [InlineData("max_ptes_none is 512: expected 0 to 511", "explain", "x*512", "--max-ptes-none", "512")]
    [InlineData("--max-ptes-none: 'many': expected a whole number", "explain", "x*512", "--max-ptes-none", "many")]
    [InlineData("--kind: 'both': expected khugepaged, madvise", "explain", "x*512", "--kind", "both")]
    [InlineData("--pmd-order 14: expected 2 to 13", "explain", "x*512", "--pmd-order", "14")]
    [InlineData("--passes 0: expected 1 to 1000", "explain", "x*512", "--passes", "0")]
    [InlineData("--no-madvise contradicts --nohugepage", "explain", "x*512", "--no-madvise", "--nohugepage")]
    [InlineData("--vma 7: expected FIRST-LAST", "explain", "x*512", "--vma", "7")]
    [InlineData("--seeds 0: expected 1 or more", "check", "--seeds", "0")]
    [InlineData("--seed contradicts --seeds", "check", "--seeds", "2", "--seed", "1")]
    [InlineData("--model v19: expected a known-bad variant with --seeds", "check", "--seeds", "2", "--model", "v19")]
    [InlineData("unknown fault 'rain' in 'rain'", "explain", "x*512", "--fail", "rain")]
    [InlineData("unknown gap 'never' in 'mm-exits/never'", "explain", "x*512", "--fail", "mm-exits/never")]
    [InlineData("'two' in 'alloc-fails@two' is no number", "explain", "x*512", "--fail", "alloc-fails@two")]
    [InlineData("--model: no khugepaged is called 'linux-1.0': expected linux-7.1, v5, v12", "explain", "x*512", "--model", "linux-1.0")]
    [InlineData("--model: no khugepaged is called 'v77': expected linux-7.1, v5", "check", "--model", "v77")]
    [InlineData("--model: no khugepaged is called 'legacy' any more: expected linux-7.1", "explain", "x*512", "--model", "legacy")]
    [InlineData("--model: no khugepaged is called 'linux-6.1.176'", "explain", "x*512", "--model", "linux-6.1.176")]
    [InlineData("--uffd minor: minor faults are for shmem and hugetlb, not for anonymous memory: expected missing, wp, rwp", "explain",
        "x*512", "--uffd", "minor")]
    [InlineData("--uffd: 'all': expected missing, wp, rwp", "explain", "x*512", "--uffd", "all")]
    [InlineData("--uffd rwp: linux-7.2 has no read-write protection: expected missing, wp, or --model linux-7.3", "explain", "x*512",
        "--uffd", "rwp")]
    [InlineData("--uffd rwp: linux-7.1 has no read-write protection", "diff", "linux-7.3", "linux-7.1", "x*512", "--uffd", "rwp")]
    [InlineData("--invariant: nothing is called 'peace': expected no-none-creep, no-mthp", "check", "--invariant", "peace")]
    [InlineData("--count 0: expected 1 or more", "check", "--count", "0")]
    [InlineData("no khugepaged is called 'v77': expected linux-7.1, v5", "diff", "v17", "v77")]
    [InlineData("only one version, v17: expected another", "diff", "v17")]
    [InlineData("no versions: expected A and B, or --all", "diff")]
    [InlineData("TABLE: 511 cells: expected 512", "diff", "v17", "v18", "x*511")]
    [InlineData("--vector contradicts TABLE 'x*512'", "explain", "x*512", "--vector", "f_3827", "linux-7.2.13.jsonl")]
    [InlineData("--vector contradicts --enabled", "explain", "--enabled", "2", "--vector", "f_3827", "linux-7.2.13.jsonl")]
    [InlineData("linux-7.2.13.jsonl: no vector is called 'nobody'", "explain", "--vector", "nobody", "linux-7.2.13.jsonl")]
    [InlineData("nowhere.jsonl: no such file", "explain", "--vector", "f_3827", "nowhere.jsonl")]
    [InlineData("nowhere.jsonl: no such file", "replay", "nowhere.jsonl")]
    [InlineData("'nobody': expected replay, explain, check", "man", "nobody")]
    [InlineData("'boot': expected list, fetch", "man", "kernel", "boot")]
    [InlineData("'more': expected nothing after explain", "man", "explain", "more")]
    [InlineData("no command: expected list, fetch", "kernel")]
    [InlineData("'boot': expected list, fetch", "kernel", "boot")]
    [InlineData("'7.2': expected an option or argument of list; khugepaged-spec kernel list --help lists them", "kernel", "list", "7.2")]
    [InlineData("no RELEASE: expected an option or argument of fetch", "kernel", "fetch")]
    public void Bad_input_is_one_line_on_stderr_and_exit_code_2(string message, params string[] args)
    {
        var (code, output, error) = Cli.Run(args);
        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith($"khugepaged-spec: {message}", error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd('\n').Split('\n'));
    }

    [Fact]
    public void An_option_that_a_command_does_not_have_is_no_argument_of_it()
    {
        var all = Of(CommandLine.Root(), "").ToList();
        Assert.True(all.Count > 25);
        foreach (string words in all)
        {
            var (code, output, error) = Cli.Run([.. words.Split(' '), "--no-such-option"]);
            Assert.Equal((2, "", $"khugepaged-spec: '--no-such-option': expected an option or argument of {words.Split(' ')[^1]}; "
                + $"khugepaged-spec {words} --help lists them\n"), (code, output, error));
        }
        Assert.StartsWith("khugepaged-spec: --no-such-option: no such file", Cli.Run("replay", "--", "--no-such-option").Error,
            StringComparison.Ordinal);

        static IEnumerable<string> Of(Command command, string above) => command.Subcommands.SelectMany(each =>
            each.Subcommands.Count > 0 ? Of(each, $"{each.Name} ") : [$"{above}{each.Name}"]);
    }

    [Fact]
    public void A_file_or_stdin_holds_the_page_table_with_comments()
    {
        string file = Path.Combine(_folder, "table");
        File.WriteAllText(file, "# half of it\nx*256\n.*256 # the rest\n");
        var expected = Cli.Run("explain", "x*256 .*256");
        Assert.Equal(0, expected.Code);
        Assert.Equal(expected, Cli.Run("explain", file));
        Assert.Equal(expected, Cli.RunWithInput(File.ReadAllText(file), "explain", "-"));
    }

    [Theory]
    [InlineData("--help", "khugepaged-spec replay")]
    [InlineData("replay --help", "khugepaged-spec replay linux-7.2.13.jsonl --json")]
    [InlineData("explain --help", "khugepaged-spec explain --vector f_3827 linux-7.2.13.jsonl")]
    [InlineData("notation --help", "khugepaged-spec notation")]
    [InlineData("check --help", "khugepaged-spec check --model linux-7.2")]
    [InlineData("diff --help", "khugepaged-spec diff v19 linux-7.2")]
    [InlineData("versions --help", "khugepaged-spec versions")]
    [InlineData("invariants --help", "khugepaged-spec invariants")]
    [InlineData("merge --help", "khugepaged-spec merge 1.jsonl 2.jsonl")]
    [InlineData("completion --help", "source <(khugepaged-spec completion bash)")]
    [InlineData("man --help", "khugepaged-spec man --roff > khugepaged-spec.1")]
    [InlineData("kernel --help", "khugepaged-spec kernel fetch 7.2")]
    [InlineData("kernel list --help", "khugepaged-spec kernel list --cached")]
    [InlineData("kernel fetch --help", "khugepaged-spec kernel fetch 7.2 7.3")]
    public void Help_of_every_verb_carries_an_example(string args, string example)
    {
        var (code, output, _) = Cli.Run(args.Split(' '));
        Assert.Equal(0, code);
        Assert.Contains("Example", output, StringComparison.Ordinal);
        Assert.Contains(example, output, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Coverage", "Slow")]
    public void Check_finds_the_claims_kept_and_the_mistakes()
    {
        var (code, output, error) =
            Cli.Run("check", "--count", "200", "--json", "--model", "linux-7.2", "--model", "v12", "--model", "mapped-old");
        Assert.Equal((0, ""), (code, error));
        var report = JsonDocument.Parse(output).RootElement;
        Assert.True(report.GetProperty("fine").GetBoolean());
        Assert.Equal(0, report.GetProperty("undetected").GetArrayLength());
        Assert.Equal(["no-second-attempt", "nothing-left-behind"], report.GetProperty("recordedVectorsThatBreak").EnumerateObject()
            .Select(pair => pair.Name).Order());
    }

    [Fact]
    public void Check_of_a_broken_claim_ends_with_exit_code_1()
    {
        // A variant that one invariant alone cannot find goes undetected.
        var (code, output, _) = Cli.Run("check", "--count", "20", "--model", "mapped-old", "--invariant", "uffd-keeps-holes");
        Assert.Equal(1, code);
        Assert.Contains("NOT DETECTED", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_recorded_vector_is_explained_with_the_kernels_verdict_on_each_pass()
    {
        var (code, output, _) = Cli.Run("explain", "--vector", "f_3827", "linux-7.2.13.jsonl");
        Assert.Equal(0, code);
        Assert.Contains("pass 2: the recorded kernel agrees", output, StringComparison.Ordinal);
        Assert.DoesNotContain("differs", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Explain_as_json_has_every_attempt()
    {
        var (_, output, _) = Cli.Run("explain", "x*8 .*504", "--enabled", "2", "--max-ptes-none", "0", "--json");
        var attempts = JsonDocument.Parse(output).RootElement.GetProperty("passes")[0].GetProperty("ranges")[0].GetProperty("attempts");
        Assert.Equal([(0, 2, "SCAN_SUCCEED"), (4, 2, "SCAN_SUCCEED")], attempts.EnumerateArray().Select(attempt =>
            (attempt.GetProperty("offset").GetInt32(), attempt.GetProperty("order").GetInt32(), attempt.GetProperty("status")
                .GetString()!)));
    }
}
