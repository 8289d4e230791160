using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Scenarios;

namespace KhugepagedSpec.Cli.Text;

/// <summary>One result, as the kernel's own tests print it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="IsOk">It passed, or was not run.</param>
internal sealed record KtapTest(string Name, bool IsOk)
{
    /// <summary>Why it was not run; null if it was.</summary>
    public string? Skipped { get; init; }

    /// <summary>What there is to say of it.</summary>
    public ImmutableArray<string> Notes { get; init; } = [];

    /// <summary>What it is made of.</summary>
    public ImmutableArray<KtapTest> Tests { get; init; } = [];
}

/// <summary>KTAP version 1. Source: Linux, <c>Documentation/dev-tools/ktap.rst</c>.</summary>
internal static class Ktap
{
    /// <summary><c>--ktap</c>.</summary>
    public static Option<bool> Option() => new("--ktap") { Description = "Print the outcome as KTAP, version 1." };

    /// <summary>Refuses it beside another form of output.</summary>
    /// <exception cref="UsageException">Both were asked for.</exception>
    public static void RefuseBoth(bool ktap, bool json)
    {
        if (ktap && json)
            throw new UsageException("--ktap contradicts --json: expected one of them");
    }

    /// <summary>Prints results.</summary>
    public static void Print(ImmutableArray<KtapTest> tests) => Write(Console.Out, tests, "");

    /// <summary>Writes results.</summary>
    /// <param name="to">Where to.</param>
    /// <param name="tests">The results.</param>
    /// <param name="indent">What stands before each line.</param>
    public static void Write(TextWriter to, ImmutableArray<KtapTest> tests, string indent)
    {
        to.WriteLine($"{indent}KTAP version 1");
        to.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{indent}1..{tests.Length}"));
        for (int i = 0; i < tests.Length; i++)
        {
            var test = tests[i];
            if (test.Tests.Length > 0)
                Write(to, test.Tests, indent + "  ");
            foreach (string note in test.Notes.SelectMany(note => note.Split('\n')))
                to.WriteLine($"{indent}# {note}".TrimEnd());
            string skip = test.Skipped is { } why ? $" # SKIP {OneLine.Of(why)}" : "";
            to.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{indent}{(test.IsOk ? "ok" : "not ok")} {i + 1} {Name(test)}{skip}"));
        }
    }

    // A # begins what a reader takes for a directive.
    private static string Name(KtapTest test) => OneLine.Of(test.Name.Replace('#', '_'));
}
