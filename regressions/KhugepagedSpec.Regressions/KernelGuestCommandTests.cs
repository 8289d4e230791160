using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.Guests.Packages;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Regressions;

/// <summary>The commands that boot a kernel, on a machine that cannot: a cache of their own and tools that are scripts.</summary>
[Collection("environment")]
public sealed partial class KernelGuestCommandTests : IDisposable
{
    private const string Kernel = "7.2.13+deb14-cloud-amd64";

    private readonly string _folder = Directory.CreateTempSubdirectory("khugepaged-spec").FullName;
    private readonly string? _cacheBefore = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
    private readonly string? _pathBefore = Environment.GetEnvironmentVariable("PATH");

    public KernelGuestCommandTests()
    {
        Directory.CreateDirectory(Tools);
        Environment.SetEnvironmentVariable("XDG_CACHE_HOME", Path.Combine(_folder, "cache"));
        Environment.SetEnvironmentVariable("PATH", Tools);
    }

    // All that run a guest.
    public static TheoryData<string> Commands =>
        new("kernel compare --count 1", "kernel record x*512", "kernel record --count 1", "kernel selftest");

    private string Tools => Path.Combine(_folder, "tools");

    public void Dispose()
    {
        Environment.SetEnvironmentVariable("XDG_CACHE_HOME", _cacheBefore);
        Environment.SetEnvironmentVariable("PATH", _pathBefore);
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public void A_kernel_that_is_not_cached_is_to_be_fetched(string command)
    {
        Assert.Equal(
            (2, "", "khugepaged-spec: --kernel 9.9: not cached: expected a cached release; khugepaged-spec kernel fetch 9.9 gets it\n"),
                Run($"{command} --kernel 9.9"));
        Assert.Equal(
            (2, "", "khugepaged-spec: --kernel 7.2: not cached: expected a cached release; khugepaged-spec kernel fetch 7.2 gets it\n"),
                Run(command));
    }

    [Theory]
    [InlineData("kernel compare --count 0", "--count 0: expected 1 or more")]
    [InlineData("kernel compare --count -1", "--count -1: expected 1 or more")]
    [InlineData("kernel compare --guests 0", "--guests 0: expected 1 or more")]
    [InlineData("kernel compare --seed x", "--seed: 'x': expected a whole number")]
    [InlineData("kernel compare --model nobody", "--model: no khugepaged is called 'nobody'")]
    [InlineData("kernel record", "what to record: expected one of TABLE, --program STEPS, --from FILE and --count N")]
    [InlineData("kernel record x*512 --count 1", "what to record: expected one of TABLE, --program STEPS, --from FILE and --count N")]
    [InlineData("kernel record --from a --count 1", "what to record: expected one of TABLE, --program STEPS, --from FILE and --count N")]
    [InlineData("kernel record --count 0", "--passes, --count: expected 1 or more")]
    [InlineData("kernel record x*512 --passes 0", "--passes, --count: expected 1 or more")]
    public void Bad_input_is_one_line(string command, string error)
    {
        Cache();
        var (code, output, line) = Run(command);
        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith($"khugepaged-spec: {error}", line, StringComparison.Ordinal);
        Assert.Equal(1, line.Count(letter => letter == '\n'));
    }

    // No compiler was asked for, which is the first thing that a guest takes.
    [Theory]
    [InlineData("f4h f3 x*488", "", "PTE 16 is f3[0+1]: a child maps pages of other large folios")]
    [InlineData("m9h", "", "PTE 0 is f9[0+1]h: user space cannot make it")]
    [InlineData("x*512", "--droppable", "--droppable: ")]
    [InlineData("x*512", "--far-nodes", "--far-nodes: the guest has one NUMA node")]
    [InlineData("x*512", "--uffd rwp", "--uffd rwp: Linux 7.2.13+deb14-cloud-amd64 has no read-write protection")]
    [InlineData("x*512", "--fail page-pinned", "--fail page-pinned: no guest can be made to do that")]
    [InlineData("x*512", "--vma 0-15", "PTE 16 is not empty and lies outside the VMA, pages 0 to 15")]
    [InlineData("x*16", "--pmd-order 4", "--pmd-order 4: the guest's page tables have 512 PTEs")]
    [InlineData("x*512", "--neighbours", "--neighbours: the VMA has pages 0 to 511: expected --vma -64-575, -512-1023, -32-511, 0-543")]
    [InlineData("", "--count 3 --mlock", "--mlock contradicts --count: ")]
    [InlineData("", "--from linux-7.2.13.jsonl --enabled 4", "--enabled contradicts --from: ")]
    [InlineData("", "--from linux-7.2.13.jsonl --passes 4", "--passes contradicts --from: ")]
    [InlineData("x*512", "--seed 4", "--seed: expected it with --count N")]
    public void What_cannot_be_recorded_is_refused_before_a_guest_boots(string table, string options, string error)
    {
        Cache();
        string[] words = [.. new[] { "kernel", "record", table }.Concat(options.Split(' ')).Where(word => word.Length > 0)];
        var (code, output, line) = Cli.Run(words);
        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith($"khugepaged-spec: {error}", line, StringComparison.Ordinal);
        Assert.Equal(1, line.Count(letter => letter == '\n'));
    }

    [Fact]
    public void What_compare_prints_of_a_difference_is_taken_by_the_commands()
    {
        Cache();
        var kernel = KernelAbilities.FromGreeting($"{Kernel} #1\nswap 1\n");
        var kinds = new LiveScenarios(1, kernel).All().Take(40 * LiveScenarios.Together).GroupBy(KindOf).ToList();
        Assert.Equal(["alloc-fails", "charge-fails", "neighbours", "program", "table"], kinds.Select(kind => kind.Key).Order());
        foreach (var scenario in kinds.SelectMany(kind => kind.Take(3)))
        {
            var mismatch = new LiveCounterexample(1, [scenario], new Mismatch(2, "scan 1", "a", "b", []), null, 1, true, []);
            var broken = mismatch with { Mismatch = null, Violation = (Contract.Invariants[0], new Violation(3, null, "why")) };
            foreach (var found in new[] { mismatch, broken })
            {
                string[] commands = [.. KernelCompareText.Commands(scenario, found, $"--kernel {Kernel}", "linux-7.2")];
                Assert.Equal((2, "", "khugepaged-spec: no C compiler for the guest's agent: apt-get install gcc libc6-dev\n"),
                    Cli.Run(Words(commands[0])));
                var (code, output, error) = Cli.Run(Words(commands[1]));
                Assert.Equal((0, ""), (code, error));
                Assert.Contains($"\nafter pass {(found.Mismatch is null ? 3 : 2)}\n", output, StringComparison.Ordinal);
            }
        }

        static string KindOf(Scenario scenario) =>
            scenario.Faults is [var fault, ..] ? fault.ToString().Split('@')[0]
            : !scenario.Program.IsEmpty ? "program"
            : LiveInput.HasNeighbours(scenario.Vma, Geometry.X86.Pages) ? "neighbours" : "table";
    }

    [Fact]
    public void What_check_prints_of_a_counterexample_is_taken_by_explain() =>
        Assert.All(Directory.GetFiles(Approved(), "*.verified.json"), file =>
        {
            var kept = Corpus.Parse(File.ReadAllText(file), Path.GetFileName(file));
            var found = new Counterexample(Contract.Find(kept.Invariant)!, kept.Scenario, new Violation(2, null, "why"), 1);
            var report = new CheckReport(Catalogue.Find(kept.Version)!, 1, [found], new InterestingShares());
            var (code, output, error) = Cli.Run(Words($"khugepaged-spec {CheckText.ExplainArguments(report, found)}"));
            Assert.Equal((0, ""), (code, error));
            Assert.StartsWith($"{kept.Version}, ", output, StringComparison.Ordinal);
        });

    [Theory]
    [MemberData(nameof(Commands))]
    public void Without_a_compiler_one_line_says_what_to_install(string command)
    {
        Cache();
        Assert.Equal((2, "", "khugepaged-spec: no C compiler for the guest's agent: apt-get install gcc libc6-dev\n"), Run(command));
    }

    [Fact]
    public void A_compiler_that_fails_is_quoted_in_one_line()
    {
        Cache();
        Script("cc", "echo 'ld: cannot find -lc' >&2; echo 'cc: ld returned 1' >&2; exit 1");
        Assert.Equal(
            (2, "", "khugepaged-spec: cc could not build the guest's agent (ld: cannot find -lc): apt-get install gcc libc6-dev\n"),
                Run("kernel compare"));
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public void Without_qemu_one_line_says_what_to_install(string command)
    {
        Cache();
        ScriptCompiler();
        Assert.Equal((2, "", "khugepaged-spec: no qemu-system-x86_64: apt-get install qemu-system-x86\n"), Run(command));
    }

    [Fact]
    public void The_agent_is_compiled_once()
    {
        Cache();
        ScriptCompiler();
        Run("kernel compare");
        File.Delete(Path.Combine(Tools, "cc"));
        Assert.Equal((2, "", "khugepaged-spec: no qemu-system-x86_64: apt-get install qemu-system-x86\n"), Run("kernel compare"));
        Assert.Matches("^agent-[0-9a-f]{16}$",
            Path.GetFileName(Assert.Single(Directory.GetFiles(Path.Combine(_folder, "cache", "khugepaged-spec", "agent")))));
    }

    [Fact]
    public void A_qemu_that_does_not_start_a_guest_is_told_in_its_own_words()
    {
        Cache();
        ScriptCompiler();
        Script("qemu-system-x86_64", "echo 'qemu: no such CPU' >&2; echo 'SeaBIOS'; exit 1");
        // A guest lost is something that differs; the last lines of its console follow.
        Assert.Equal((1, "", "khugepaged-spec: QEMU ended at once: qemu: no such CPU\n  SeaBIOS\n"), Run("kernel compare"));
    }

    // What stands after the program's name, by the quotes that a shell takes away.
    private static string[] Words(string command) =>
        [.. Word().Matches(command).Select(match => match.Groups[1].Success ? match.Groups[1].Value : match.Value).Skip(1)];

    private static string Approved([CallerFilePath] string here = "") =>
        Path.Combine(Path.GetDirectoryName(here)!, "counterexamples");

    [GeneratedRegex(@"'([^']*)'|\S+")]
    private static partial Regex Word();

    private static (int, string, string) Run(string command) => Cli.Run(command.Split(' '));

    private static void Cache()
    {
        string folder = Directory.CreateDirectory(Path.Combine(KernelCache.Folder, Kernel)).FullName;
        File.WriteAllText(Path.Combine(folder, "vmlinuz"), "");
    }

    // Reads all of its input, and what it makes is no program.
    private void ScriptCompiler() =>
        Script("cc", "while read -r line; do :; done; while [ \"$1\" != -o ]; do shift; done; echo agent >\"$2\"");

    private void Script(string name, string text)
    {
        string path = Path.Combine(Tools, name);
        File.WriteAllText(path, $"#!/bin/sh\n{text}\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }
}
