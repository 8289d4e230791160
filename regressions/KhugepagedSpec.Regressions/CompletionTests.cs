using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Regressions;

/// <summary>What a shell completes: by the directive that its script asks with, and by the script in the shell itself.</summary>
[Collection("environment")]
public sealed class CompletionTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("khugepaged-spec").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("expl", "explain", "explore")]
    [InlineData("kernel ", "compare", "config", "cost", "diff", "fetch", "list", "predict", "race", "record", "selftest")]
    [InlineData("explain --max-ptes-n", "--max-ptes-none")]
    [InlineData("explain -", "--all", "--model", "--help")]
    [InlineData("explain --model linux-7.3", "linux-7.3", "linux-7.3-rc")]
    [InlineData("explain --model=linux-7.2-", "--model=linux-7.2-nonswap", "--model=linux-7.2-nonswap-scan-only")]
    [InlineData("explain --model=linux-7.2 --kind ", "khugepaged", "madvise")]
    [InlineData("explain 'x*16 .*496' --model no-lru", "no-lru-batch")]
    [InlineData("explain --uffd m", "missing")]
    [InlineData("check --model uffd-not", "uffd-not-rechecked")]
    [InlineData("check --invariant no-none", "no-none-creep")]
    [InlineData("diff v17 v18", "v18", "v18-fixup")]
    [InlineData("explore --model rounds", "rounds", "rounds-not-counted", "rounds-under-mmap-lock", "rounds-without-verification")]
    [InlineData("explore --actors gup-fast,fo", "gup-fast,fork")]
    [InlineData("explore --property al", "all")]
    [InlineData("man kernel c", "compare", "config", "cost")]
    [InlineData("completion ", "bash", "fish", "zsh")]
    public void Completed_are(string line, params string[] expected)
    {
        string[] suggestions = Suggest(line);
        if (line.EndsWith('-'))
            Assert.Superset(expected.ToHashSet(), suggestions.ToHashSet());
        else
            Assert.Equal(expected, suggestions.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("replay ")]
    [InlineData("replay --json ")]
    [InlineData("check --exhaustive --out ")]
    [InlineData("explain x*5")]
    public void Where_nothing_has_a_name_nothing_is_suggested(string line) => Assert.Empty(Suggest(line));

    [Fact]
    public void Every_version_that_can_be_run_is_suggested() =>
        Assert.Equal(Catalogue.All.Select(version => version.Name).Order(), Suggest("explain --model ").Order());

    [Fact]
    public void Only_what_stands_before_the_position_counts() =>
        Assert.Equal((0, "explain\nexplore\n", ""), Cli.Run("[suggest:4]", "explain --model linux-7.2"));

    [Fact]
    public void Cached_kernels_are_suggested_and_nobody_is_asked()
    {
        string? before = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
        Environment.SetEnvironmentVariable("XDG_CACHE_HOME", _folder);
        try
        {
            Assert.Empty(Suggest("kernel compare --kernel "));
        }
        finally
        {
            Environment.SetEnvironmentVariable("XDG_CACHE_HOME", before);
        }
    }

    [Fact]
    public void Names_that_are_suggested_do_not_spread_over_the_help()
    {
        Assert.Contains("\n  <A>      A version.\n", Cli.Run("diff", "--help").Output, StringComparison.Ordinal);
        Assert.Contains("\n  <SHELL>  bash, zsh or fish.\n", Cli.Run("completion", "--help").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_shell_is_one_line_on_stderr() =>
        Assert.Equal((2, "", "khugepaged-spec: 'tcsh': expected bash, zsh, fish\n"), Cli.Run("completion", "tcsh"));

    [ToolFact("bash")]
    public void Bash_completes_what_the_program_suggests()
    {
        Assert.Equal(["linux-7.3", "linux-7.3-rc"], Bash("explain", "--model", "linux-7.3"));
        Assert.Equal(["linux-7.3", "linux-7.3-rc"], Bash("explain", "'x*16 .*496'", "--model", "=", "linux-7.3"));
        Assert.Equal(["fault,fork"], Bash("explore", "--actors", "fault,fo"));
        Assert.Equal(["compare"], Bash("kernel", "com"));
        Assert.Empty(Bash("replay", "lin"));
    }

    [ToolFact("zsh")]
    public void Zsh_completes_what_the_program_suggests_and_else_files()
    {
        Assert.Equal(["linux-7.3", "linux-7.3-rc"], Zsh("explain", "--model", "linux-7.3"));
        Assert.Equal(["--model=linux-7.3", "--model=linux-7.3-rc"], Zsh("explain", "'x*16 .*496'", "--model=linux-7.3"));
        Assert.Equal(["a file"], Zsh("replay", "lin"));
    }

    [ToolFact("fish")]
    public void Fish_completes_what_the_program_suggests_and_else_files()
    {
        File.WriteAllText(Path.Combine(_folder, "mine.jsonl"), "");
        Assert.Equal(["linux-7.3", "linux-7.3-rc"], Fish("explain --model linux-7.3"));
        Assert.Equal(["--model=linux-7.3", "--model=linux-7.3-rc"], Fish("explain 'x*16 .*496' --model=linux-7.3"));
        Assert.Equal(["mine.jsonl"], Fish("replay mi"));
    }

    private static string[] Suggest(string line)
    {
        var (code, output, error) = Cli.Run($"[suggest:{line.Length}]", line);
        Assert.Equal((0, ""), (code, error));
        return Lines(output);
    }

    // As bash calls it: the words as they were typed, '=' a word of its own.
    private string[] Bash(params string[] words)
    {
        string typed = $"khugepaged-spec {string.Join(' ', words).Replace(" = ", "=", StringComparison.Ordinal)}";
        string quoted = string.Join(' ', words.Prepend("khugepaged-spec").Select(word => $"\"{word}\""));
        return Shell("bash", $"""
            COMP_LINE="{typed}" COMP_POINT={typed.Length} COMP_WORDS=({quoted}) COMP_CWORD={words.Length}
            _khugepaged_spec khugepaged-spec
            printf '%s\n' "$COMPREPLY[@]"
            """.Replace("$COMPREPLY[@]", "${COMPREPLY[@]}", StringComparison.Ordinal));
    }

    // The widgets of its line editor stand aside.
    private string[] Zsh(params string[] words) => Shell("zsh", $$"""
        compadd() { print -l -- ${@:2} }
        _files() { print a file }
        words=(khugepaged-spec {{string.Join(' ', words.Select(word => $"\"{word}\""))}}) CURRENT={{words.Length + 1}} PREFIX="{{words[^1]}}"
        _khugepaged_spec
        """, "compdef() { }");

    private string[] Fish(string typed) => Shell("fish", $"""complete --do-complete "khugepaged-spec {typed}" """);

    private string[] Shell(string shell, string commands, string before = "")
    {
        var (code, script, _) = Cli.Run("completion", shell);
        Assert.Equal(0, code);
        var (ended, output, error) = Tool.Run(_folder, Tool.Find(shell)!, "-c", $"{before}\n{script}\n{commands}");
        Assert.Equal((0, ""), (ended, error));
        return Lines(output);
    }

    private static string[] Lines(string output) => output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
