using System.Collections.Immutable;
using System.Globalization;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Cli.Text;

/// <summary>Two runs side by side, for people.</summary>
internal static class DiffText
{
    private const int Column = 38;
    private const int Context = 3;
    private const int Shown = 12;

    public static void Print(KhugepagedVersion a, KhugepagedVersion b, Difference difference)
    {
        Console.WriteLine($"explain {difference.Scenario}\n");
        Console.WriteLine($"  {a.Name,-Column}{b.Name}");
        var rows = difference.Rows;
        for (int i = Math.Max(0, difference.DiffersAt - Context); i < Math.Min(rows.Length, difference.DiffersAt + Shown); i++)
            PrintRow(rows[i].First?.Text ?? "", rows[i].Second?.Text ?? "", isFirst: i == difference.DiffersAt);
        Console.WriteLine();
        CostText.PrintTable($"cost of {Number(VersionDiff.Passes)} passes",
        [
            new CostRow(a.Name, difference.FirstCost.Pages, difference.FirstCost.Cost),
            new CostRow(b.Name, difference.SecondCost.Pages, difference.SecondCost.Cost),
        ]);
    }

    /// <summary>The classes of a survey, and where there is no difference.</summary>
    public static void Print(KhugepagedVersion a, KhugepagedVersion b, DifferenceIn kinds, DiffSurvey survey)
    {
        Console.WriteLine($"{a.Name} and {b.Name}, in {Names(kinds)}: {Number(survey.Scenarios)} scenarios{(survey.IsComplete ? "" : ", then interrupted")}");
        Console.WriteLine($"{survey.Bound}\n");
        Console.WriteLine($"  {"sizes",-22}{"max_ptes_none",-16}{"scenarios",12}{"differ",12}{"undisturbed",14}");
        foreach (var one in survey.Settings)
        {
            string undisturbed = one.Differ == 0 ? "" : SameOr(one.Undisturbed).PadLeft(14);
            Console.WriteLine(
                $"  {one.Settings.Sizes,-22}{one.Settings.MaxPtesNone,-16}{Number(one.Scenarios),12}{SameOr(one.Differ),12}{undisturbed}");
        }
        Console.WriteLine(survey.Classes.IsEmpty
            ? "\nno difference" : $"\n{survey.Classes.Length} classes of differences, the smallest of each:");
        foreach (var one in survey.Classes)
        {
            Console.WriteLine($"\n  {one.First} | {one.Second}: {Number(one.Scenarios)} scenarios, in {Names(one.In)}");
            Console.WriteLine($"    explain {one.Smallest.Scenario}");
        }
    }

    /// <summary>The kinds of difference by name.</summary>
    public static string Names(DifferenceIn kinds) => kinds.ToString().ToLowerInvariant() is "behaviour"
        ? "attempts, table, result, counters"
        : string.Join(", ",
            Enum.GetValues<DifferenceIn>().Where(kind => int.IsPow2((int)kind) && kinds.HasFlag(kind)).Select(kind =>
                kind.ToString().ToLowerInvariant()));

    public static int PrintMatrix(DiffScope scope)
    {
        var versions = Catalogue.Versions;
        var pairs = (from i in Enumerable.Range(0, versions.Length) from j in Enumerable.Range(0, i) select (i, j)).ToList();
        var reports = Interruptible.Each("diff", pairs, (pair, stop) => VersionDiff.Search(versions[pair.j], versions[pair.i], scope,
            _ => stop.ThrowIfCancellationRequested()));
        var found = pairs.Zip(reports).ToDictionary(each => each.First, each => each.Second);
        Console.WriteLine("Non-empty PTEs of the smallest scenario that tells two versions apart.\n");
        Console.WriteLine($"{"",-30}{string.Concat(Enumerable.Range(1, versions.Length - 1).Select(i => Number(i).PadLeft(4)))}");
        for (int i = 0; i < versions.Length; i++)
            Console.WriteLine($"{Number(i + 1),2} {versions[i].Name,-27}{string.Concat(Enumerable.Range(0, i).Select(j => SizeOf(found[(i, j)]).PadLeft(4)))}");
        Console.WriteLine();
        foreach (var (i, j) in pairs)
            if (found[(i, j)]?.Difference is { } differs)
            {
                Console.WriteLine($"{versions[j].Name} and {versions[i].Name}\n  explain {differs.Scenario}");
                Console.WriteLine($"  {LineAt(differs.First, differs.DiffersAt)} | {LineAt(differs.Second, differs.DiffersAt)}");
            }
        return Interruptible.Ended(reports.Count(report => report is not null), pairs.Count, "pairs were searched", ExitCode.Agree);
    }

    private static string SizeOf(DiffReport? report) => report is null ? "?"
        : report.Difference is { } smallest ? Number(Shrinker.Size(smallest.Scenario)) : "=";

    private static string LineAt(ImmutableArray<RunLine> lines, int index) => index < lines.Length ? lines[index].Text : "";

    private static void PrintRow(string left, string right, bool isFirst)
    {
        string[] lefts = Wrap(left), rights = Wrap(right);
        for (int i = 0; i < Math.Max(lefts.Length, rights.Length); i++)
        {
            char mark = left == right ? ' ' : isFirst ? '>' : '|';
            Console.WriteLine($"{mark} {(i < lefts.Length ? lefts[i] : ""),-Column}{(i < rights.Length ? rights[i] : "")}".TrimEnd());
        }
    }

    private static string[] Wrap(string text)
    {
        var lines = new List<string> { "" };
        foreach (string word in text.Split(' '))
        {
            if (lines[^1].Length > 0 && lines[^1].Length + 1 + word.Length > Column - 2)
                lines.Add("  ");
            lines[^1] += (lines[^1].Trim().Length > 0 ? " " : "") + word;
        }
        return [.. lines];
    }

    private static string SameOr(long differ) => differ == 0 ? "the same" : Number(differ);

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
