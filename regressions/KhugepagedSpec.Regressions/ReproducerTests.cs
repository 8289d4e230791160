using System.Diagnostics;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.Guests.Reproducers;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Regressions;

/// <summary>The C programs that show one table: their text, and that a compiler takes them.</summary>
[Collection("console")]
public sealed class ReproducerTests
{
    private const string NotForOthers =
        ": not for a program that others run (--c): expected one of .xZzohplLwWqrsSg, or f2 to f9 and their parts";

    private const string OneOfEach =
        "h*2 s*3 z o r p l L w W q g S Z .*2 f4[8+3] .*2 x f3 .*25 f5[7+20] .*434";

    // What a compiler is asked to take: every helper, each way to collapse.
    public static TheoryData<string, string> Tables => new()
    {
        { "x*16 .*4 x*8 .*484", "--enabled 16k,64k --max-ptes-none 0" },
        { OneOfEach, "--uffd both --mlock --read-only --kind madvise" },
        { "x*100 .*412", "--uffd missing --enabled 2" },
        { "m9", "--thp-disable completely --vma -64-575 --passes 2" },
        { "mz", "--enabled 9" },
        { "p*512", "--global never --enabled none" },
        { ".*512", "--anon-vma --nohugepage --kind madvise" },
    };

    [Fact]
    public async Task A_program_for_two_sizes() =>
        await Verifier.Verify(Program("x*16 .*4 x*8 .*484", "--enabled 16k,64k --max-ptes-none 0"));

    [Fact]
    public async Task What_a_program_does_for_one_of_everything() =>
        await Verifier.Verify(Steps(OneOfEach, "--uffd both --mlock --read-only"));

    [Fact]
    public async Task What_a_program_does_for_a_huge_page_and_a_call() =>
        await Verifier.Verify(Steps("m9", "--thp-disable completely --vma -64-575 --passes 2 --kind madvise"));

    [CompilerTheory]
    [MemberData(nameof(Tables))]
    public void A_compiler_takes_it_without_a_warning(string table, string options)
    {
        string folder = Directory.CreateTempSubdirectory("khugepaged-spec").FullName;
        try
        {
            Assert.Equal("", Compiler.Complaints(Program(table, options), Path.Combine(folder, "a")));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData("K x*511", "", "PTE 0 is K" + NotForOthers)]
    [InlineData("b x*511", "", "PTE 0 is b" + NotForOthers)]
    [InlineData("s[8+2] x*510", "", "PTE 0 is s[8]: with --c the slot is the swap device's affair: expected s")]
    [InlineData("t x*511", "", "PTE 0 is t: user space cannot make it: ")]
    [InlineData("u x*511", "", "PTE 0 is u: user space cannot make it: ")]
    [InlineData("i x*511", "", "PTE 0 is i: user space cannot make it: ")]
    [InlineData("x*512", "--fail alloc-fails@9", "--fail alloc-fails@9 with --c: ")]
    [InlineData("x*512", "--fail page-pinned", "--fail page-pinned: no guest can be made to do that: ")]
    [InlineData("x*512", "--fail charge-fails --enabled 9", "--fail charge-fails with --c: ")]
    [InlineData("x*512", "--uffd rwp --model linux-7.3", "--uffd rwp with --c: ")]
    [InlineData("x*512", "--enabled 64k --model linux-7.1",
        "sizes 4: khugepaged of Linux 7.1 does not run unless the PMD's size is enabled: ")]
    public void What_no_program_can_make_is_refused_before_anything_is_written(string table, string options, string error)
    {
        string file = Path.Combine(Path.GetTempPath(), $"never-{Guid.NewGuid():N}.c");
        var (code, output, line) = Cli.Run(["explain", table, .. Words(options), "--c", file]);
        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith($"khugepaged-spec: {error}", line, StringComparison.Ordinal);
        Assert.Equal(1, line.Count(letter => letter == '\n'));
        Assert.False(File.Exists(file));
    }

    [Fact]
    public void A_recorded_vector_has_no_program() => Assert.Equal(
        (2, "", "khugepaged-spec: --c contradicts --vector: expected TABLE, as khugepaged-spec explain prints it\n"),
        Cli.Run("explain", "--vector", "f_3827", "linux-7.2.13.jsonl", "--c", "-"));

    // The notation is written by the program as by the specification.
    [Theory]
    [InlineData("m9", "m9")]
    [InlineData("mz", "mz")]
    [InlineData("0", ".*512")]
    [InlineData("o r x L Z p h l w .*503", "x*3 l x*2 h l w .*503")]
    [InlineData("f2*2 f3[2+1]*2 s S W q z g .*496", "f2*2 f3[2+1]*2 s S W q z g .*496")]
    public void What_user_space_cannot_see_is_not_expected_of_it(string table, string seen) =>
        Assert.Equal(seen, TableInC.Of(PageTable.Parse(table, Geometry.X86)));

    [Fact]
    public void A_difference_that_compare_made_small_becomes_a_program_that_says_what_differs()
    {
        var scenario = Scenario.Of(PageTable.Parse("x*16 .*496", Geometry.X86));
        var found = new LiveCounterexample(1, [scenario], new Mismatch(2, "scan 1", "a", "b", []), null, 1, true, []);
        var (text, whyNot) = ReproducerOption.Of(found, Catalogue.Linux72, "7.2.13 #1");
        Assert.Null(whyNot);
        Assert.Contains("\n * From: khugepaged-spec explain 'x*16 .*496' --model linux-7.2 --passes 2\n * Linux 7.2.13 #1\n"
            + " * differs in pass 2, scan 1: kernel a; model b.\n * To be run", text, StringComparison.Ordinal);
        Assert.Contains("static const int passes = 2;\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void The_command_in_the_program_of_a_changed_model_is_one_that_runs()
    {
        var found = new LiveCounterexample(1, [Scenario.Of(PageTable.Parse("x*16 .*496", Geometry.X86))], null, null, 1, true, []);
        var changed = Composition.Of(Catalogue.Linux72, PolicyChange.Parse("none-limit=scaled"));
        Assert.Contains("--model linux-7.2 --with none-limit=scaled --passes ", ReproducerOption.Of(found, changed, "7.2.13 #1").Text,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("K x*511", 1, "PTE 0 is K" + NotForOthers)]
    [InlineData("x*512", 2, "it takes 2 processes in the same passes")]
    public void A_difference_that_no_program_shows_is_said_to_be_none(string table, int processes, string reason)
    {
        var scenario = Scenario.Of(PageTable.Parse(table, Geometry.X86));
        var found = new LiveCounterexample(1, [.. Enumerable.Repeat(scenario, processes)], null, null, 1, true, []);
        Assert.Equal(((string?)null, (string?)reason), ReproducerOption.Of(found, Catalogue.Linux72, "7.2.13 #1"));
    }

    internal static string Of(Scenario scenario, KhugepagedVersion version, int passes) =>
        Reproducer.Write(scenario, version, passes, new ReproducerOrigin("khugepaged-spec", ["From: a test"]));

    private static string Program(string table, string options)
    {
        var (code, output, error) = Cli.Run(["explain", table, .. Words(options), "--c", "-"]);
        Assert.True(code == 0, error);
        return output.Replace(VersionText.Program, "khugepaged-spec VERSION", StringComparison.Ordinal);
    }

    // The part that is no program's but this one's.
    private static string Steps(string table, string options)
    {
        string text = Program(table, options);
        int from = text.IndexOf("/* Page by page", StringComparison.Ordinal);
        return text[..text.IndexOf("#define _GNU", StringComparison.Ordinal)]
            + text[from..text.IndexOf("int main(void)", StringComparison.Ordinal)];
    }

    private static string[] Words(string options) => options.Split(' ', StringSplitOptions.RemoveEmptyEntries);
}

/// <summary>A fact about what a C compiler takes: skipped, and says why, where there is none.</summary>
public sealed class CompilerTheoryAttribute : TheoryAttribute
{
    /// <summary>Decides whether to skip.</summary>
    public CompilerTheoryAttribute()
    {
        if (!Compiler.IsInstalled)
            Skip = "no cc: apt-get install gcc libc6-dev";
    }
}

/// <summary>A C compiler, where there is one.</summary>
internal static class Compiler
{
    public static bool IsInstalled { get; } =
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, "cc")));

    /// <summary>What it says of a program, which is built as a static one.</summary>
    public static string Complaints(string source, string program)
    {
        File.WriteAllText($"{program}.c", source);
        using var compiler = Process.Start(new ProcessStartInfo(
            "cc", ["-Wall", "-Wextra", "-Werror", "-O1", "-static", "-o", program, $"{program}.c"])
        { RedirectStandardError = true })!;
        string complaints = compiler.StandardError.ReadToEnd();
        compiler.WaitForExit();
        return complaints;
    }
}
