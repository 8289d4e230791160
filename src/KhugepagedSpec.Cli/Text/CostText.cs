using System.Collections.Immutable;
using System.Text.Json;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Processes;
using static System.FormattableString;
using static KhugepagedSpec.Cli.Shell.Printing;

namespace KhugepagedSpec.Cli.Text;

/// <summary>What one khugepaged gained and spent.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Pages">Pages in large folios that it made.</param>
/// <param name="Cost">What its visits cost.</param>
/// <param name="IsSeen">It is a kernel, whose trace tells of attempts and copies, and not of locks and flushes.</param>
internal sealed record CostRow(string Name, long Pages, CollapseCost Cost, bool IsSeen = false)
{
    /// <summary>What a case costs.</summary>
    public static CostRow Of(WhatIfReport report, CollapseCost cost) => new(report.Case.Name, cost.PagesMapped, cost);
}

/// <summary>Costs as a table, and as JSON.</summary>
internal static class CostText
{
    /// <summary>Prints rows of the same tables.</summary>
    /// <param name="asked">Which tables.</param>
    /// <param name="count">How many of them were counted.</param>
    /// <param name="rows">Who ran them.</param>
    /// <param name="isJson">As JSON.</param>
    public static void Print(CostRequest asked, int count, ImmutableArray<CostRow> rows, bool isJson)
    {
        if (isJson)
        {
            Console.WriteLine(JsonSerializer.Serialize(new CostsJson(count, asked.Passes, asked.Seed, asked.IsArmed,
                SettingsText.SizesAndLimits(asked.Settings, ScenarioOptions.PageKb(asked.Settings.Geometry)), [.. rows.Select(ToJson)]),
                CliJson.Readable.CostsJson));
            return;
        }
        Line($"{count:N0} random tables{(asked.IsArmed ? ", armed by userfaultfd" : "")}, seed {asked.Seed}, {asked.Passes} passes");
        Line($"{SettingsText.SizesAndLimits(asked.Settings, ScenarioOptions.PageKb(asked.Settings.Geometry))}");
        Line($"");
        PrintTable("", rows);
    }

    /// <summary>Prints the table alone.</summary>
    /// <param name="title">What the rows are of; stands above their names.</param>
    /// <param name="rows">What each comes to.</param>
    public static void PrintTable(string title, ImmutableArray<CostRow> rows)
    {
        int width = Math.Max(Math.Max(20, title.Length), rows.Max(row => row.Name.Length)) + 2;
        string model = title.PadRight(width);
        Line($"{model}{"pages",11}{"scans",9}{"attempts",10}{"failed",10}{"locks",10}{"flushes",10}{"copied",12}{"cleared",12}");
        foreach (var row in rows)
        {
            var cost = row.Cost;
            string locks = row.IsSeen ? $"{"-",10}{"-",10}" : Invariant($"{cost.WriteLocks,10:N0}{cost.PmdFlushes,10:N0}");
            string name = row.Name.PadRight(width);
            string tried = Invariant($"{row.Pages,11:N0}{cost.Scans,9:N0}{cost.Attempts,10:N0}{cost.Failed,10:N0}");
            Line($"{name}{tried}{locks}{cost.PagesCopied,12:N0}{cost.PagesCleared,12:N0}");
        }
    }

    /// <summary>A row, as JSON.</summary>
    public static CostJson ToJson(CostRow row) => new(row.Name, row.IsSeen, row.Pages, row.Cost.Scans, row.Cost.Attempts, row.Cost.Failed,
        row.IsSeen ? null : row.Cost.WriteLocks, row.IsSeen ? null : row.Cost.PmdFlushes, row.Cost.PagesCopied, row.Cost.PagesCleared);
}

internal sealed record CostsJson(
    int Tables, int Passes, ulong Seed, bool Armed, string Settings, ImmutableArray<CostJson> Costs);

internal sealed record CostJson(
    string Name, bool Seen, long Pages, long Scans, long Attempts, long Failed, long? WriteLocks, long? PmdFlushes, long PagesCopied,
    long PagesCleared);
