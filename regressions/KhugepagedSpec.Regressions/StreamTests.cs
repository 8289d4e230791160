namespace KhugepagedSpec.Regressions;

/// <summary>
/// The program as a process: streams that are closed, full or not read, and Ctrl-C. Each ends with its exit code and at most one line,
/// or what was known by then.
/// </summary>
[Trait("Coverage", "Slow")]
public sealed class StreamTests : IDisposable
{
    private const string Full = "khugepaged-spec: standard output: no space left on the device: expected somewhere to write\n";
    private const string Closed = "khugepaged-spec: standard output: closed: expected somewhere to write\n";

    private readonly string _folder = Directory.CreateTempSubdirectory("khugepaged-spec").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("explain 'x*512' >&-", 2, Closed)]
    [InlineData("versions >&-", 2, Closed)]
    [InlineData("--help >&-", 2, Closed)]
    [InlineData("explain 'x*512' >/dev/full", 2, Full)]
    [InlineData("explain 'x*512' --json >/dev/full", 2, Full)]
    [InlineData("man explain >/dev/full", 2, Full)]
    [InlineData("explain 'x*512' --html - >/dev/full 2>/dev/null", 2, "")]
    [InlineData("explain 'x*512' >/dev/full 2>/dev/full", 2, "")]
    [InlineData("explain 'x*512' >&- 2>&-", 2, "")]
    [InlineData("explain y 2>&-", 2, "")]
    [InlineData("explain y 2>/dev/full", 2, "")]
    [InlineData("explain - <&-", 2, "khugepaged-spec: standard input: closed: expected a page table\n")]
    [InlineData("explain - </", 2, "khugepaged-spec: standard input: a folder: expected a page table\n")]
    [InlineData("replay - </dev/null", 2, "khugepaged-spec: standard input: no vector: expected at least one\n")]
    [InlineData("explain 'x*512' --html /dev/full >/dev/null", 2,
        "khugepaged-spec: --html /dev/full: no space left on the device: expected a file that can be written\n")]
    [InlineData("check --exhaustive --order 3 --out /dev/full", 2,
        "khugepaged-spec: --out /dev/full: a device: expected a file, which is read again to go on, or -\n")]
    [InlineData("explain 'x*512' 2>&- >/dev/null", 0, "")]
    [InlineData("check --exhaustive --order 3 --out - 2>/dev/null | khugepaged-spec merge - >/dev/null", 0, "")]
    [InlineData("explain --vector e_one0_0002 - >/dev/null <recorded", 0, "")]
    [InlineData("explain 'x*512' --html - 2>/dev/null | grep -qi '<!doctype html>'", 0, "")]
    public void A_stream_that_takes_or_gives_nothing_is_one_line(string command, int code, string said)
    {
        File.Copy(Path.Combine(Recordings.Folder, "linux-7.2.13.jsonl"), Path.Combine(_folder, "recorded"));
        var (ended, output, error) = Tool.Run(_folder, "bash", "-c", $"khugepaged-spec {command}");
        Assert.Equal((code, "", said), (ended, output, error));
    }

    [Theory]
    [InlineData("explain 'x*512'")]
    [InlineData("versions")]
    [InlineData("notation")]
    public void Who_reads_one_line_and_goes_gets_one_and_nobody_complains(string command)
    {
        var (code, output, error) = Tool.Run(_folder, "bash", "-c", $"khugepaged-spec {command} | head -1; exit ${{PIPESTATUS[0]}}");
        Assert.Equal((0, ""), (code, error));
        Assert.Equal(1, output.Count(c => c == '\n'));
    }

    [Theory]
    [InlineData("check --count 10000000", "khugepaged-spec: interrupted")]
    [InlineData("check --seeds 100000", "khugepaged-spec: interrupted")]
    [InlineData("check --exhaustive --order 4 --kinds .xzh --out kept", "")]
    [InlineData("explore --beside 3 --entries 8", "")]
    [InlineData("diff linux-7.2 linux-7.3", "khugepaged-spec: interrupted")]
    [InlineData("diff --all", "khugepaged-spec: interrupted: ")]
    [InlineData("validate race --protocols", "khugepaged-spec: interrupted: ")]
    public void Ctrl_C_ends_with_what_is_known_and_exit_code_3(string command, string said)
    {
        File.Copy(Repository.At("regressions", "KhugepagedSpec.Regressions", "races", "mapped-anew.trace"), Path.Combine(_folder, "race"));
        var (code, output, error) =
            Tool.Run(_folder, "bash", "-c", $"timeout --preserve-status --signal=INT 3 khugepaged-spec {command}");
        Assert.True(code == 3, $"exit code {code}\n{output}{error}");
        Assert.StartsWith(said, error, StringComparison.Ordinal);
        Assert.InRange(error.Count(c => c == '\n'), said.Length > 0 ? 1 : 0, 1);
        Assert.True(output.Length + error.Length > 0);
    }
}
