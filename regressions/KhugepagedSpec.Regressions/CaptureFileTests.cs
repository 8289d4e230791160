using KhugepagedSpec.Processes;
using static KhugepagedSpec.Regressions.CaptureTests;

namespace KhugepagedSpec.Regressions;

/// <summary>What was read of a process, in a file.</summary>
public sealed class CaptureFileTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [Fact]
    public void A_file_gives_back_what_was_captured()
    {
        var capture = Sample();
        Write(capture);
        var read = CaptureFile.Read(_file);
        Assert.Equal(Flat(capture), Flat(read));
        Assert.Equal(capture.Head, read.Head);
        Assert.Equal(capture.End.Ending, read.End.Ending);
    }

    [Fact]
    public void A_file_that_ends_in_the_middle_is_a_part_and_says_so()
    {
        Write(Sample());
        string[] lines = File.ReadAllLines(_file);
        File.WriteAllLines(_file, lines[..^1]);
        Assert.Equal(CaptureEnding.CutShort, CaptureFile.Read(_file).End.Ending);
        File.WriteAllText(_file, string.Join('\n', lines[..^2]) + "\n" + lines[^2][..20]);
        var torn = CaptureFile.Read(_file);
        Assert.Equal((CaptureEnding.CutShort, 1, true), (torn.End.Ending, torn.Vmas.Length, torn.IsPartial));
    }

    [Theory]
    [InlineData("", "it is empty: expected what khugepaged-spec capture wrote")]
    [InlineData("{}", "line 1: expected the head of a capture")]
    [InlineData("not json", "line 1: ")]
    [InlineData("HEAD\n{}\nHEAD", "line 2: expected a range, a vma or an end")]
    [InlineData(
        "HEAD\n{\"range\":{\"at\":\"7f0000000000\",\"ranges\":1,\"table\":\"x*3\",\"changed\":false}}\n\n",
        "line 2: key 'range.table': 3 cells: expected 512, one per PTE of the table")]
    public void A_file_that_is_no_capture_is_refused_by_line(string text, string message)
    {
        Write(Sample());
        File.WriteAllText(_file, text.Replace("HEAD", File.ReadLines(_file).First(), StringComparison.Ordinal));
        var refused = Assert.Throws<CaptureException>(() => CaptureFile.Read(_file));
        Assert.StartsWith($"{_file}: {message}", refused.Message, StringComparison.Ordinal);
    }

    private static ProcessCapture Sample()
    {
        var proc = new FakeProc();
        proc.Vma(First, 4096, Figures(anonymous: 12, rss: 12, referenced: 12));
        string figures = Figures(anonymous: 2048, huge: 2048, rss: 2048, referenced: 4);
        proc.Vma(First + 8192, 1024, figures, file: "fe:00 99 /a file \"with\" words");
        proc.Page(First + 3);
        proc.Page(First + 1024);
        proc.Page(First + 1536);
        proc.Folio(First + 8192, 9, isHuge: true);
        return Capture(proc);
    }

    private void Write(ProcessCapture capture)
    {
        using var file = new CaptureFile(new StreamWriter(_file));
        CaptureFolder.Add(file, capture);
    }

    private static List<string> Flat(ProcessCapture capture) =>
        [.. capture.Vmas.Select(vma => $"{vma with { Ranges = [] }} {string.Join(' ', vma.Ranges)}")];
}
