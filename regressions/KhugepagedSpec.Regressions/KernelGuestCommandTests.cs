using KhugepagedSpec.Kernel.Packages;

namespace KhugepagedSpec.Regressions;

/// <summary>The commands that boot a kernel, on a machine that cannot: a cache of their own and tools that are scripts.</summary>
[Collection("console")]
public sealed class KernelGuestCommandTests : IDisposable
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
    public static TheoryData<string> Commands => new("kernel compare --count 1", "kernel record x*512", "kernel record --count 1", "kernel selftest");

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
        Assert.Equal((2, "", "khugepaged-spec: --kernel 9.9: not cached: expected a cached release; khugepaged-spec kernel fetch 9.9 gets it\n"), Run($"{command} --kernel 9.9"));
        Assert.Equal((2, "", "khugepaged-spec: --kernel 7.2: not cached: expected a cached release; khugepaged-spec kernel fetch 7.2 gets it\n"), Run(command));
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
        Assert.Equal((2, "", "khugepaged-spec: cc could not build the guest's agent (ld: cannot find -lc): apt-get install gcc libc6-dev\n"), Run("kernel compare"));
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
        Assert.Matches("^agent-[0-9a-f]{16}$", Path.GetFileName(Assert.Single(Directory.GetFiles(Path.Combine(_folder, "cache", "khugepaged-spec", "agent")))));
    }

    [Fact]
    public void A_qemu_that_does_not_start_a_guest_is_told_in_its_own_words()
    {
        Cache();
        ScriptCompiler();
        Script("qemu-system-x86_64", "echo 'qemu: no such CPU' >&2; echo 'SeaBIOS'; exit 1");
        // A guest lost is something that differs; the last lines of its console stand behind.
        Assert.Equal((1, "", "khugepaged-spec: QEMU ended at once: qemu: no such CPU\n  SeaBIOS\n"), Run("kernel compare"));
    }

    private static (int, string, string) Run(string command) => Cli.Run(command.Split(' '));

    private static void Cache()
    {
        string folder = Directory.CreateDirectory(Path.Combine(KernelCache.Folder, Kernel)).FullName;
        File.WriteAllText(Path.Combine(folder, "vmlinuz"), "");
    }

    // Reads all of its input, and what it makes is no program.
    private void ScriptCompiler() => Script("cc", "while read -r line; do :; done; while [ \"$1\" != -o ]; do shift; done; echo agent >\"$2\"");

    private void Script(string name, string text)
    {
        string path = Path.Combine(Tools, name);
        File.WriteAllText(path, $"#!/bin/sh\n{text}\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }
}
