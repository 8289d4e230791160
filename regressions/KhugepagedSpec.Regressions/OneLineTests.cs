using KhugepagedSpec.Guests.Live;

namespace KhugepagedSpec.Regressions;

/// <summary>What files and processes say comes to the terminal as text, in one line.</summary>
[Collection("console")]
public sealed class OneLineTests(CaptureFolder folder) : IClassFixture<CaptureFolder>
{
    // prctl(PR_SET_NAME) takes any bytes.
    [Fact]
    public void A_process_that_calls_itself_by_an_escape_sequence_is_shown_as_such()
    {
        string file = folder.SavedProcess();
        File.WriteAllText(file, File.ReadAllText(file).Replace("redis-server", @"\u001b[31mred\nis", StringComparison.Ordinal)
            .Replace("[heap]", @"[anon:\u0007]", StringComparison.Ordinal));
        var (code, output, error) = Cli.Run("whatif", file);
        Assert.Equal((0, ""), (code, error));
        Assert.StartsWith(@"\u001b[31mred is (4711)", output, StringComparison.Ordinal);
        Assert.Contains(@"[anon:\u0007]", output, StringComparison.Ordinal);
        Assert.DoesNotContain(output, letter => char.IsControl(letter) && letter != '\n');
    }

    [Theory]
    [InlineData("merge", """{"version":"a\nb\u001b[31m"}""")]
    [InlineData("replay", """{"a\nb\u001b[31m":1}""")]
    [InlineData("whatif", """{"head":{"a\nb\u001b[31m":1}}""")]
    [InlineData("explain", "x*2 \u001b[31m\u0007")]
    public void A_file_is_refused_in_one_line_whatever_it_holds(string command, string text)
    {
        string file = folder["file"];
        File.WriteAllText(file, text);
        var (code, output, error) = Cli.Run(command, file);
        Assert.Equal((2, ""), (code, output));
        Assert.EndsWith("\n", error, StringComparison.Ordinal);
        Assert.Null(Complaint.Fault(error[..^1]));
    }

    [Fact]
    public void A_file_of_another_comparison_names_it_in_one_line()
    {
        string file = folder["compare.jsonl"];
        File.WriteAllText(file, """{"kernel":"a\nb","model":"\u001b[31m","seed":5}""" + "\n");
        var error = Assert.Throws<FormatException>(() => LiveJournal.Read(file, new LivePlan("7.2.13", "linux-7.2", 5)));
        Assert.Null(Complaint.Fault(error.Message));
    }
}
