using System.CommandLine;
using System.Diagnostics;
using System.Text;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Processes;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Regressions;

/// <summary>
/// A scenario that is written down is read back as itself, by every codec that it has; what a codec has no place for is refused by it.
/// So many scenarios as KHUGEPAGEDSPEC_CODECS says, or 2000.
/// </summary>
[Collection("console")]
public sealed class ScenarioCodecTests
{
    private const int Batch = 1000;

    private static readonly ScenarioOptions Options = new();
    private static readonly Command Explain = CommandWithOptions();

    internal static int Cases =>
        int.Parse(Environment.GetEnvironmentVariable("KHUGEPAGEDSPEC_CODECS") ?? "2000", System.Globalization.CultureInfo.InvariantCulture);

    internal static int Seed =>
        int.Parse(Environment.GetEnvironmentVariable("KHUGEPAGEDSPEC_SEED") ?? "23", System.Globalization.CultureInfo.InvariantCulture);

    [Fact]
    public void Arguments_read_by_a_shell_and_the_command_line_are_the_scenario()
    {
        foreach (var batch in Generated().Chunk(Batch))
            Assert.Null(FirstLost(batch, scenario => scenario.ToString()));
    }

    [Fact]
    public void Nothing_generated_has_a_part_that_no_argument_says() =>
        Assert.All(Generated(), scenario => Assert.Empty(scenario.Unsaid));

    [Theory]
    [InlineData("--enabled")]
    [InlineData("--always")]
    [InlineData("--inherit")]
    [InlineData("--global")]
    [InlineData("--max-ptes-none")]
    [InlineData("--max-ptes-swap")]
    [InlineData("--max-ptes-shared")]
    [InlineData("--kind")]
    [InlineData("--uffd")]
    [InlineData("--mlock")]
    [InlineData("--droppable")]
    [InlineData("--read-only")]
    [InlineData("--no-madvise")]
    [InlineData("--nohugepage")]
    [InlineData("--vma")]
    [InlineData("--anon-vma")]
    [InlineData("--thp-disable")]
    [InlineData("--far-nodes")]
    [InlineData("--machine")]
    [InlineData("--pmd-order")]
    [InlineData("--program")]
    [InlineData("--fail")]
    public void An_option_left_out_makes_another_scenario(string option) =>
        Assert.NotNull(FirstLost([.. Many().Where(scenario => scenario.ToString().Contains(option, StringComparison.Ordinal)).Take(3)],
            scenario => Without(scenario.ToString(), option)));

    [Fact]
    public void Every_option_of_a_scenario_is_printed_for_some()
    {
        var printed = Many().Select(scenario => scenario.ToString()).ToList();
        Assert.All(Explain.Options, option => Assert.Contains(printed, text => text.Contains(option.Name, StringComparison.Ordinal)));
    }

    [Fact]
    public void What_no_argument_says_stands_in_brackets_that_no_shell_takes()
    {
        var scenario = Scenario.Of(PageTable.Parse("x*512", Geometry.X86));
        var odd = scenario with
        {
            Settings = scenario.Settings with { PagesToScan = 7 },
            Vma = scenario.Vma with { Flags = scenario.Vma.Flags | VmaFlags.NoKhugepaged }
        };
        Assert.Equal("'x*512' (and pages_to_scan 7, VMA flags Anonymous, Write, HugePage, NoKhugepaged)", odd.ToString());
        Assert.Throws<InvalidOperationException>(() => Shell([odd.ToString()]));
    }

    [Fact]
    public void Json_is_the_scenario()
    {
        foreach (var scenario in Generated())
            Assert.Null(ScenarioDifference.First(scenario, Corpus.Parse(Json(scenario), "file").Scenario));
    }

    [Fact]
    public void What_json_has_no_place_for_it_refuses()
    {
        var scenario = Scenario.Of(PageTable.Parse("x*512", Geometry.X86));
        var odd = scenario with { Settings = scenario.Settings with { UseZeroPage = false } };
        Assert.Equal("the scenario as JSON would have use_zero_page: True instead of False",
            Assert.Throws<FormatException>(() => Json(odd)).Message);
    }

    // Who collapses, what goes wrong and how far nodes lie apart is no part of a process: the rest is there as it was.
    [Fact]
    public void A_capture_is_the_process_of_the_scenario()
    {
        string path = Path.GetTempFileName();
        try
        {
            foreach (var scenario in Generated()
                .Where(scenario => scenario.Program.IsEmpty && scenario.Table.Geometry == Geometry.X86
                    && scenario.Vma.Covers(0, Geometry.X86.Pages)).Take(Cases / 10))
                Assert.Null(ScenarioDifference.First(scenario,
                    Captured(scenario, path) with
                    {
                        Kind = scenario.Kind,
                        Faults = scenario.Faults,
                        Numa = scenario.Numa,
                        Machine = scenario.Machine,
                    }));
        }
        finally
        {
            File.Delete(path);
        }
    }

    // Those of the properties, and what the shrinker makes of some.
    private static IEnumerable<Scenario> Generated()
    {
        int made = 0;
        foreach (var scenario in ScenarioMix.Random(Seed))
        {
            foreach (var one in made % 8 == 0 ? Shrinker.Simpler(scenario).Take(6).Prepend(scenario) : [scenario])
            {
                if (made++ == Cases)
                    yield break;
                yield return Placed(one, made);
            }
        }
    }

    // Enough for what is rare.
    private static IEnumerable<Scenario> Many() => ScenarioMix.Random(Seed).Take(10_000).Select(Placed);

    // Every fifth on a machine of its own.
    private static Scenario Placed(Scenario scenario, int number) =>
        number % 5 == 2 ? scenario with { Machine = MachineType.All[number / 5 % MachineType.All.Length] } : scenario;

    private static string? FirstLost(Scenario[] scenarios, Func<Scenario, string> write)
    {
        Assert.NotEmpty(scenarios);
        var read = Shell([.. scenarios.Select(write)]);
        for (int i = 0; i < scenarios.Length; i++)
            if (Lost(scenarios[i], read[i]) is { } lost)
                return $"{write(scenarios[i])}: {lost}";
        return null;
    }

    private static string? Lost(Scenario scenario, string[] words)
    {
        var parsed = Explain.Parse(words);
        if (parsed.Errors.Count > 0)
            return parsed.Errors[0].Message;
        try
        {
            return ScenarioDifference.First(scenario, Options.Scenario(parsed));
        }
        catch (Exception error) when (error is FormatException or UsageException)
        {
            return error.Message;
        }
    }

    // The option and what is after it, up to the next.
    private static string Without(string arguments, string option)
    {
        var words = arguments.Split(' ').ToList();
        int at = words.IndexOf(option), end = at + 1;
        bool isQuoted = end < words.Count && words[end].StartsWith('\'');
        while (end < words.Count && (isQuoted || !words[end].StartsWith("--", StringComparison.Ordinal)))
            if (words[end++].EndsWith('\''))
                isQuoted = false;
        words.RemoveRange(at, end - at);
        return option == "--program" ? $"'.*512' {string.Join(' ', words)}" : string.Join(' ', words);
    }

    // The words that a shell makes of each text.
    private static List<string[]> Shell(IReadOnlyList<string> texts)
    {
        var script = new StringBuilder();
        foreach (string text in texts)
            script.Append("printf '%s\\0' ").Append(text).Append("; printf '\\n\\0'\n");
        using var shell = Process.Start(
            new ProcessStartInfo("sh") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
        var errors = shell.StandardError.ReadToEndAsync();
        var writing = Task.Run(() =>
        {
            shell.StandardInput.Write(script);
            shell.StandardInput.Close();
        });
        string output = shell.StandardOutput.ReadToEnd();
        shell.WaitForExit();
        writing.Wait();
        if (errors.Result.Length > 0)
            throw new InvalidOperationException(errors.Result);
        var lines = new List<string[]>();
        var words = new List<string>();
        foreach (string word in output.Split('\0'))
        {
            if (word != "\n")
            {
                words.Add(word);
                continue;
            }
            lines.Add([.. words]);
            words.Clear();
        }
        return lines;
    }

    private static string Json(Scenario scenario) =>
        Corpus.Text(new Counterexample(Contract.Invariants[0], scenario, new Violation(1, null, "why"), 1), Catalogue.Linux72, "");

    private static Scenario Captured(Scenario scenario, string path)
    {
        const long first = 1L << 26;
        int pages = scenario.Table.Geometry.Pages;
        var vma = scenario.Vma with { Start = scenario.Vma.Start + first, End = scenario.Vma.End + first };
        using (var file = new CaptureFile(new StreamWriter(path)))
        {
            file.Add(new CaptureHead(1, "a", "7.2.13", DateTimeOffset.UnixEpoch, 4096, scenario.Settings, scenario.ThpDisable));
            file.Add(new CapturedRange(first, 1, scenario.Table, Changed: false));
            file.Add(new CapturedVma(vma, "rw-p", "", [], default, default, default, UsedPages.All, Changed: false));
            file.Add(new CaptureEnd(CaptureEnding.Complete, 1, 1, []));
        }
        var capture = CaptureFile.Read(path);
        var read = capture.Vmas[0];
        return Scenario.Of(read.Ranges[0].Table) with
        {
            Vma = read.Vma with { Start = read.Vma.Start - first, End = read.Vma.End - first },
            Settings = capture.Head.Settings,
            ThpDisable = capture.Head.ThpDisable,
        };
    }

    private static Command CommandWithOptions()
    {
        var command = new Command("explain");
        Options.AddTo(command);
        return command;
    }
}
