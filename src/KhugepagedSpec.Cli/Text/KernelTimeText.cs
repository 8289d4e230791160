using System.Collections.Immutable;
using System.Text.Json;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Collapse;
using static System.FormattableString;
using static KhugepagedSpec.Cli.Shell.Printing;

namespace KhugepagedSpec.Cli.Text;

/// <summary>How long one kernel's khugepaged ran.</summary>
/// <param name="Kernel">The kernel, in full.</param>
/// <param name="Model">What models it.</param>
/// <param name="Costs">What the model counts in each pass.</param>
/// <param name="Times">Of each time that it was measured, the milliseconds of each pass.</param>
internal sealed record TimedKernel(string Kernel, string Model, ImmutableArray<CollapseCost> Costs, List<ImmutableArray<double>> Times)
{
    /// <summary>Of a pass, or of all if there is none, what each time came to, least first.</summary>
    public double[] Of(int? pass) => [.. Times.Select(time => pass is { } one ? time[one] : time.Sum()).Order()];

    /// <summary>The one in the middle; of an even number the mean of two.</summary>
    public static double Median(double[] sorted) => (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
}

/// <summary>Times of two kernels, beside what the counts explain.</summary>
internal static class KernelTimeText
{
    public static void Print(CostRequest asked, int tables, TimedKernel first, TimedKernel second, bool isJson)
    {
        string settings = SettingsText.SizesAndLimits(asked.Settings, ScenarioOptions.PageKb(asked.Settings.Geometry));
        var fit = TimeFit.To([.. Measured(first), .. Measured(second)]);
        double ratio = Ratio(pass: null);
        if (isJson)
        {
            Console.WriteLine(JsonSerializer.Serialize(new KernelTimesJson(tables, asked.Passes, asked.Seed, asked.IsArmed, settings, ratio,
                [ToJson(first), ToJson(second)], fit.Scan, fit.Attempt, fit.Page), CliJson.Readable.KernelTimesJson));
            return;
        }
        string armed = asked.IsArmed ? ", armed by userfaultfd" : "";
        Line($"{tables:N0} random tables{armed}, seed {asked.Seed}, on each kernel in turn, {Often(first.Times.Count)}");
        Line($"{settings}\n");
        foreach (var kernel in new[] { first, second })
        {
            Line($"Linux {kernel.Kernel}");
            Line($"  {"",-8}{"median",12}{"from",12}{"to",12}{"attempts",12}{"copied",12}{"cleared",12}{"explained",14}");
            for (int pass = 0; pass < asked.Passes; pass++)
                Row(Invariant($"pass {pass + 1}"), kernel.Of(pass), kernel.Costs[pass]);
            Row("all", kernel.Of(null), Sum(kernel));
        }
        string each = string.Join(
            ", ", Enumerable.Range(0, asked.Passes).Select(pass => Invariant($"{Ratio(pass):0.00} in pass {pass + 1}")));
        double explained = fit.Of(Sum(second)) / fit.Of(Sum(first));
        Line($"\nthe second takes {ratio:0.00} times as long: {each}; the counts explain {explained:0.00}");
        var (scan, attempt, page) = (fit.Scan * 1000, fit.Attempt * 1000, fit.Page * 1000);
        Line($"explained by {scan:0.0} us a range scanned, {attempt:0.0} us an attempt, {page:0.00} us a page copied or cleared");

        void Row(string name, double[] times, CollapseCost cost)
        {
            string counts = Invariant($"{cost.Attempts,12:N0}{cost.PagesCopied,12:N0}{cost.PagesCleared,12:N0}");
            string measured = Invariant($"{TimedKernel.Median(times),9:0.0} ms{times[0],9:0.0} ms{times[^1],9:0.0} ms");
            Line($"  {name,-8}{measured}{counts}{fit.Of(cost),11:0.0} ms");
        }

        double Ratio(int? pass) => TimedKernel.Median(second.Of(pass)) / TimedKernel.Median(first.Of(pass));
    }

    private static string Often(int times) => times == 1 ? "once" : Invariant($"{times} times");

    private static CollapseCost Sum(TimedKernel kernel) => kernel.Costs.Aggregate((a, b) => a + b);

    private static IEnumerable<(CollapseCost, double)> Measured(TimedKernel kernel) =>
        kernel.Costs.Select((cost, pass) => (cost, TimedKernel.Median(kernel.Of(pass))));

    private static KernelTimeJson ToJson(TimedKernel kernel) => new(kernel.Kernel, kernel.Model,
        [.. kernel.Times.Select(time => (IReadOnlyList<double>)[.. time])],
        [.. kernel.Costs.Select(cost => CostText.ToJson(new CostRow(kernel.Model, cost.PagesMapped, cost)))]);
}

internal sealed record KernelTimesJson(
    int Tables, int Passes, ulong Seed, bool Armed, string Settings, double Ratio, IReadOnlyList<KernelTimeJson> Kernels,
    double MillisecondsAScan, double MillisecondsAnAttempt, double MillisecondsAPage);

internal sealed record KernelTimeJson(
    string Kernel, string Model, IReadOnlyList<IReadOnlyList<double>> MillisecondsByTimeAndPass, IReadOnlyList<CostJson> CostsByPass);
