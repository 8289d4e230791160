using KhugepagedSpec.Checking.Exhaustive;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Regressions;

/// <summary>Exhaustive checks as commands: shards, results kept, taken up again, joined.</summary>
[Trait("Coverage", "Slow")]
[Collection("console")]
public sealed class ExhaustiveTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("khugepaged-spec").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(3, 2 * 4 * 256 * 8, 10_360)]
    [InlineData(4, 2 * 8 * 65536 * 128, 162_987_392)]
    public void Every_occupancy_set_limit_and_script_is_run_and_the_walks_agree(int pmdOrder, long runs, long attempts)
    {
        var plan = new SweepPlan(Catalogue.Linux72.Name, pmdOrder, "");
        var sweep = new Sweep(plan, Catalogue.Linux72);
        var results = Enumerable.Range(0, (int)plan.UnitCount).AsParallel().Select(number => sweep.Run(plan.Unit(number))).ToList();
        Assert.All(results, result => Assert.Empty(result.Broken));
        Assert.Equal((runs, attempts), (results.Sum(result => result.Runs), results.Sum(result => result.Attempts)));
    }

    [Fact]
    public void Mistaken_walks_are_found_and_harmless_ones_are_not()
    {
        foreach (var variant in KnownBad.Variants.Where(variant => variant.Walk != Catalogue.Linux72.Walk).Concat(KnownBad.Harmless))
        {
            bool isHarmless = KnownBad.Harmless.Contains(variant);
            // All of order 4 takes seconds each; that they are harmless at any size is proved elsewhere.
            var plan = new SweepPlan(variant.Name, isHarmless ? 3 : 4, "");
            var sweep = new Sweep(plan, variant);
            bool broken = Enumerable.Range(0, (int)plan.UnitCount).Any(number => sweep.Run(plan.Unit(number)).Broken.Count > 0);
            Assert.Equal(!isHarmless, broken);
        }
    }

    [Fact]
    public void Shards_joined_are_the_whole()
    {
        string one = Path.Combine(_folder, "1.jsonl"), two = Path.Combine(_folder, "2.jsonl"), all = Path.Combine(_folder, "all.jsonl"),
            joined = Path.Combine(_folder, "joined.jsonl");
        string[] sweep = ["check", "--exhaustive", "--order", "3", "--kinds", ".xh"];
        Assert.Equal(0, Cli.Run([.. sweep, "--out", all]).Code);
        var (code, output, _) = Cli.Run([.. sweep, "--shard", "1/2", "--out", one]);
        Assert.Equal(0, code);
        Assert.Contains("shard 1/2", output, StringComparison.Ordinal);
        (code, output, _) = Cli.Run("merge", one);
        Assert.Equal(3, code);
        Assert.EndsWith("units done (50%): NOT exhausted\n", output, StringComparison.Ordinal);
        Assert.Equal(0, Cli.Run([.. sweep, "--shard", "2/2", "--out", two]).Code);
        (code, output, _) = Cli.Run("merge", one, two, "--out", joined);
        Assert.Equal(0, code);
        Assert.Equal(Cli.Run("merge", all), (code, output, ""));
        Assert.Equal(Sorted(all), File.ReadAllLines(joined).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_killed_run_is_taken_up_where_it_was_and_nothing_counts_twice()
    {
        string whole = Path.Combine(_folder, "whole.jsonl"), cut = Path.Combine(_folder, "cut.jsonl");
        string[] sweep = ["check", "--exhaustive", "--order", "3", "--kinds", ".xh", "--out"];
        Cli.Run([.. sweep, whole]);
        string text = File.ReadAllText(whole);
        File.WriteAllText(cut, text[..(text.Length * 2 / 3)]);
        var (code, output, _) = Cli.Run([.. sweep, cut]);
        Assert.Equal(0, code);
        Assert.Equal(Sorted(whole), Sorted(cut));
        Assert.Contains("104,976 histories", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_known_bad_variant_ends_with_exit_code_1_and_its_first_scenario()
    {
        var (code, output, _) = Cli.Run("check", "--exhaustive", "--order", "3", "--kinds", ".x", "--model", "uffd-not-rechecked");
        Assert.Equal(1, code);
        Assert.Contains("BROKEN uffd-keeps-holes, first by 'x .*7' --pmd-order 3 --enabled 2", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--order 6: expected 2 to 5; prove decides the larger ones", "check", "--exhaustive", "--order", "6")]
    [InlineData("--kinds .x!: unknown kind '!'", "check", "--exhaustive", "--kinds", ".x!")]
    [InlineData("--kinds x: expected two kinds or more", "check", "--exhaustive", "--kinds", "x")]
    [InlineData("--shard 0/4: expected I/N, 1 to N, as in 3/16", "check", "--exhaustive", "--shard", "0/4")]
    [InlineData("--shard: expected --exhaustive with it", "check", "--shard", "1/4")]
    [InlineData("--count contradicts --exhaustive", "check", "--exhaustive", "--count", "4")]
    [InlineData("nowhere.jsonl: no such file", "merge", "nowhere.jsonl")]
    [InlineData("--order 2: expected 3 to 13", "prove", "--order", "2")]
    [InlineData("--first 8/4: expected OFFSET/ORDER", "prove", "--first", "8/4")]
    [InlineData("--max-ptes-none 7: expected 0 or 511", "prove", "--first", "0/4", "--max-ptes-none", "7")]
    public void Bad_input_is_one_line(string message, params string[] args)
    {
        var (code, output, error) = Cli.Run(args);
        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith($"khugepaged-spec: {message}", error, StringComparison.Ordinal);
        Assert.Equal(1, error.Count(c => c == '\n'));
    }

    [Fact]
    public void A_file_that_is_none_of_ours_or_of_another_sweep_is_refused()
    {
        string file = Path.Combine(_folder, "a.jsonl"), other = Path.Combine(_folder, "b.jsonl");
        File.WriteAllText(file, "hello\n");
        Assert.Contains(
            "a.jsonl, line 1: torn or malformed JSON at byte 1: expected an object with model, pmdOrder, kinds (the plan of a sweep",
                Cli.Run("merge", file).Error, StringComparison.Ordinal);
        Cli.Run("check", "--exhaustive", "--order", "2", "--kinds", ".x", "--out", other);
        Assert.Contains("b.jsonl: results of another sweep (linux-7.2, PMD order 2, PTEs .x)",
            Cli.Run("check", "--exhaustive", "--order", "3", "--kinds", ".x", "--out", other).Error, StringComparison.Ordinal);
        File.AppendAllText(other, "{}\n");
        Assert.Contains("(the result of one unit)", Cli.Run("merge", other).Error, StringComparison.Ordinal);
    }

    private static IEnumerable<string> Sorted(string path) => File.ReadAllLines(path).Order(StringComparer.Ordinal);
}
