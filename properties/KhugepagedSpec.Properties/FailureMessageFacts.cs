using System.Text.RegularExpressions;
using FsCheck;
using FsCheck.Fluent;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Properties;

/// <summary>What a failing property prints, word for word as the README shows it.</summary>
public sealed partial class FailureMessageFacts : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("khugepaged-spec").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_new_counterexample_explains_the_bug_and_waits_to_be_approved()
    {
        string message = Message("no-demotion", "larger-folio-demoted", new Corpus(_folder));
        AssertInReadme(message);
        string received = Assert.Single(Directory.GetFiles(_folder));
        Assert.Contains($"khugepaged-spec approve {Path.GetFileName(received)}", message, StringComparison.Ordinal);
        File.Move(received, received.Replace(".received.", ".verified.", StringComparison.Ordinal));
        Assert.StartsWith("the approved counterexample no-demotion.larger-folio-demoted.",
            Label(Message("no-demotion", "larger-folio-demoted", new Corpus(_folder))), StringComparison.Ordinal);
    }

    [Fact]
    public void An_approved_counterexample_that_is_one_again_is_named() =>
        AssertInReadme(Message("uffd-keeps-holes", "uffd-not-rechecked", Counterexamples.Corpus));

    private static string Message(string invariant, string variant, Corpus corpus)
    {
        var property = new ContractProperty(Contract.Find(invariant)!, [Catalogue.Find(variant)!], corpus);
        return Assert.ThrowsAny<Exception>(() => Check.One(
            Config.QuickThrowOnFailure.WithReplay(1, 1).WithMaxTest(1000), Prop.ForAll(Scenarios.Any(), property.Holds))).Message;
    }

    // The README's text is a part of the message, line by line.
    private static void AssertInReadme(string message)
    {
        string label = Label(message);
        string readme = File.ReadAllText(Repository.At("properties", "README.md"));
        var shown = TextBlock().Matches(readme).Select(block => block.Groups[1].Value)
            .Where(text => text.StartsWith("Label of failing property: ", StringComparison.Ordinal)).Select(Label);
        Assert.Contains(label, shown);
    }

    // From the label on, up to the empty line after its last command.
    private static string Label(string text)
    {
        const string head = "Label of failing property: ", tail = "\nOriginal:";
        int from = text.IndexOf(head, StringComparison.Ordinal) + head.Length;
        int to = text.IndexOf(tail, from, StringComparison.Ordinal);
        return string.Join('\n', text[from..(to < 0 ? text.Length : to)].TrimEnd().Split('\n').Select(line => line.TrimEnd()));
    }

    [GeneratedRegex("```text\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex TextBlock();
}
