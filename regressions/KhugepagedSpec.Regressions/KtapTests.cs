using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Guests.Live;

namespace KhugepagedSpec.Regressions;

/// <summary>Results as the kernel's own tests print them, and exit codes as git bisect takes them.</summary>
[Collection("console")]
public sealed class KtapTests
{
    [Fact]
    public void Subtests_stand_before_their_test_and_further_in()
    {
        using var text = new StringWriter { NewLine = "\n" };
        Ktap.Write(
            text,
            [
                new KtapTest("compare", false)
                {
                    Notes = ["smallest: x", "khugepaged-spec explain x"],
                    Tests = [new KtapTest("batch 0", true), new KtapTest("batch #1", false) { Notes = ["differs in scan 1"] }],
                },
                new KtapTest("KSM: K", true) { Skipped = "built without it" },
            ],
            "");
        Assert.Equal(
            """
            KTAP version 1
            1..2
              KTAP version 1
              1..2
              ok 1 batch 0
              # differs in scan 1
              not ok 2 batch _1
            # smallest: x
            # khugepaged-spec explain x
            not ok 1 compare
            ok 2 KSM: K # SKIP built without it

            """, text.ToString());
    }

    [Fact]
    public void Recorded_kernels_are_a_test_a_vector()
    {
        var (code, output, _) = Cli.Run("replay", "linux-7.2.13.jsonl", "--ktap");
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal((0, "KTAP version 1", "1..1"), (code, lines[0], lines[1]));
        Assert.StartsWith("ok 1 linux-7.2.13.jsonl: Linux 7.2.13", lines[^1], StringComparison.Ordinal);
        Assert.Equal($"  1..{lines.Count(line => line.StartsWith("  ok ", StringComparison.Ordinal))}", lines[3]);
        var (wrong, differing, _) = Cli.Run("replay", "linux-7.2.13.jsonl", "--ktap", "--model", "limits-unscaled");
        Assert.Equal(1, wrong);
        Assert.Contains("\n  # pass 1, ", differing, StringComparison.Ordinal);
        Assert.Contains("\nnot ok 1 linux-7.2.13.jsonl", differing, StringComparison.Ordinal);
    }

    [Fact]
    public void A_version_is_a_test_an_invariant_and_what_it_is_known_to_break_is_skipped()
    {
        var (code, output, _) = Cli.Run("check", "--ktap", "--count", "40", "--model", "linux-7.2", "--model", "limits-unscaled");
        Assert.Contains("KTAP version 1\n1..3\n  KTAP version 1\n", output, StringComparison.Ordinal);
        Assert.Contains("\nok 1 linux-7.2\n", output, StringComparison.Ordinal);
        Assert.Contains(" # SKIP known to be broken: ", output, StringComparison.Ordinal);
        Assert.Matches(@"\n(not )?ok 3 known-bad variants\n$", output);
        Assert.Equal(output.EndsWith("\nok 3 known-bad variants\n", StringComparison.Ordinal) ? 0 : 1, code);
    }

    [Theory]
    [InlineData("replay")]
    [InlineData("check")]
    [InlineData("kernel compare")]
    public void It_contradicts_json(string command) => Assert.Equal(
        (2, "", "khugepaged-spec: --ktap contradicts --json: expected one of them\n"),
            Cli.Run([.. command.Split(' '), "--ktap", "--json"]));

    [Fact]
    public void Bisection_skips_what_was_not_judged()
    {
        Assert.Equal(125, Cli.Run("kernel", "compare", "--bisect", "--kernel", "./no-such-image").Code);
        Assert.Equal(125, Cli.Run("kernel", "compare", "--bisect", "--cout", "1").Code);
        Assert.Equal(2, Cli.Run("kernel", "compare", "--kernel", "./no-such-image").Code);
        Assert.Equal([0, 1, 125, 125], new[] { 0, 1, 2, 3 }.Select(code => Bisection.CodeOf(["kernel", "compare", "--bisect"], code)));
        Assert.Equal([0, 1, 2, 3], new[] { 0, 1, 2, 3 }.Select(code => Bisection.CodeOf(["kernel", "compare"], code)));
    }

    [Fact]
    public void Bad_is_what_differs_or_complains_and_a_guest_that_was_lost_is_neither()
    {
        var fine = new BatchResult { Number = 1, Scenarios = 16 };
        Assert.Equal(0, Bisection.CodeOf([fine]));
        Assert.Equal(1, Bisection.CodeOf([fine, new BatchResult { Number = 2, Differs = "pass 1" }]));
        Assert.Equal(1, Bisection.CodeOf([fine, new BatchResult { Number = 2, Broken = ["settles"] }]));
        Assert.Equal(1, Bisection.CodeOf([fine, new BatchResult { Number = 2, Logged = ["BUG: Bad page state"] }]));
        Assert.Equal(1, Bisection.CodeOf(
            [new BatchResult { Number = 2, Failure = ["the guest ended", "BUG: kernel NULL pointer dereference, address: 0"] }]));
        Assert.Equal(125, Bisection.CodeOf(
            [new BatchResult { Number = 2, Failure = ["the guest did not answer for 20 s", "zram0: capacity"] }]));
        Assert.Equal(125, Bisection.CodeOf([]));
        Assert.Equal(0, Bisection.CodeOf([fine, new BatchResult { Number = 2, Failure = ["the guest did not answer for 20 s"] }]));
    }
}
