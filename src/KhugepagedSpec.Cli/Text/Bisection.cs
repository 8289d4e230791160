using KhugepagedSpec.Guests.Live;

namespace KhugepagedSpec.Cli.Text;

/// <summary>Exit codes as <c>git bisect run</c> takes them: anything but these would mark a commit, or end the search.</summary>
internal static class Bisection
{
    /// <summary>The option that asks for them.</summary>
    public const string Name = "--bisect";

    private const int Good = 0, Bad = 1, NotJudged = 125;

    /// <summary>Bad where the kernel differs, breaks an invariant, or says itself that something is wrong; good if something was compared
    /// and nothing is.</summary>
    public static int CodeOf(IReadOnlyList<BatchResult> batches) =>
        batches.Any(batch => batch.IsBad) ? Bad : batches.Any(batch => batch.Scenarios > 0) ? Good : NotJudged;

    /// <summary>What a run that ended before it judged anything exits with: its command line was wrong, or its kernel did not
    /// boot.</summary>
    public static int CodeOf(string[] args, int code) => args.Contains(Name) && code is not (Good or Bad) ? NotJudged : code;

    /// <summary>The same for a run that ended by an exception: it judged nothing.</summary>
    public static int CodeOfFailure(string[] args, int code) => args.Contains(Name) ? NotJudged : code;
}
