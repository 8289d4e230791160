using KhugepagedSpec.Guests.Live;

namespace KhugepagedSpec.Regressions;

public sealed class LiveJournalTests : IDisposable
{
    private static readonly LivePlan Plan = new("7.2.13 #1", "linux-7.2", 5);
    private static readonly BatchResult Fine =
        new() { Number = 0, Scenarios = 16, Passes = 48, Attempts = 70, Collapsed = 20, BuiltOtherwise = 1 };

    private readonly string _folder = Directory.CreateTempSubdirectory("khugepaged-spec").FullName;

    private string Journal => Path.Combine(_folder, "journal");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_was_done_is_gone_on_from()
    {
        Write(Fine, Fine with { Number = 7 });
        Assert.Equal([(0, 16, 48, 70, 20, 1), (7, 16, 48, 70, 20, 1)], Read());
        // Once more, with a third.
        using (var writer = LiveJournal.Begin(Journal, Plan, LiveJournal.Read(Journal, Plan)))
            LiveJournal.Append(writer, Fine with { Number = 3, Attempts = 71 });
        Assert.Equal([(0, 16, 48, 70, 20, 1), (7, 16, 48, 70, 20, 1), (3, 16, 48, 71, 20, 1)], Read());
        Assert.Equal([Journal], Directory.GetFiles(_folder));
    }

    [Fact]
    public void A_batch_in_which_something_was_wrong_is_done_again()
    {
        Write(
            Fine with { Number = 1, Differs = "pass 1, table at 0: kernel x, model y" }, Fine with { Number = 2, Broken = ["a: b"] },
                Fine with { Number = 3, Failure = ["the guest ended"] },
            Fine with { Number = 4, Unbuilt = ["no: x"] }, Fine with { Number = 5 });
        Assert.Equal([5], Read().Select(batch => batch.Number));
    }

    [Fact]
    public void A_line_that_was_cut_off_is_dropped()
    {
        Write(Fine, Fine with { Number = 1 });
        string text = File.ReadAllText(Journal);
        foreach (int cut in new[] { 1, 2, 40 })
        {
            File.WriteAllText(Journal, text[..^cut]);
            Assert.Equal([0], Read().Select(batch => batch.Number));
        }
    }

    [Fact]
    public void Another_plan_is_refused()
    {
        Write(Fine);
        Assert.Equal(
            $"{Journal}: another comparison (7.2.13 #1, linux-7.2, seed 5): expected 7.2.13 #1, linux-7.2, seed 6, or another file",
            Assert.Throws<FormatException>(() => LiveJournal.Read(Journal, Plan with { Seed = 6 })).Message);
        Assert.Throws<FormatException>(() => LiveJournal.Read(Journal, Plan with { Kernel = "7.2.14 #1" }));
        Assert.Throws<FormatException>(() => LiveJournal.Read(Journal, Plan with { Model = "linux-7.1" }));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 2)]
    [InlineData(2, 3)]
    [InlineData(3, 4)]
    public void Another_file_is_refused_with_the_line_that_tells(int at, int line)
    {
        Write(Fine with { Differs = "here" }, Fine, Fine);
        string[] lines = File.ReadAllLines(Journal);
        lines[at] = "x16 .496";
        File.WriteAllLines(Journal, lines);
        string message = Assert.Throws<FormatException>(() => LiveJournal.Read(Journal, Plan)).Message;
        Assert.StartsWith($"{Journal}, line {line}: torn or malformed JSON at byte 1: expected an object with ", message,
            StringComparison.Ordinal);
        Assert.EndsWith("(what khugepaged-spec kernel compare --out writes)", message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_empty_file_is_refused()
    {
        File.WriteAllText(Journal, "");
        Assert.Equal(
            $"{Journal}: it is empty: expected what khugepaged-spec kernel compare --out writes",
            Assert.Throws<FormatException>(() => LiveJournal.Read(Journal, Plan)).Message);
    }

    private void Write(params BatchResult[] batches)
    {
        using var writer = LiveJournal.Begin(Journal, Plan, []);
        foreach (var batch in batches)
            LiveJournal.Append(writer, batch);
    }

    private List<(int Number, int Scenarios, int Passes, int Attempts, int Collapsed, int BuiltOtherwise)> Read() =>
        [.. LiveJournal.Read(Journal, Plan)
            .Select(batch => (batch.Number, batch.Scenarios, batch.Passes, batch.Attempts, batch.Collapsed, batch.BuiltOtherwise))];
}
