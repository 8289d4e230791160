using System.Globalization;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;
using static KhugepagedSpec.Cli.Shell.Printing;

namespace KhugepagedSpec.Cli.Text;

/// <summary>A run, for people.</summary>
internal static class ExplainText
{
    /// <summary>Prints it.</summary>
    public static void Print(Explained explained, bool everyStep)
    {
        Line($"{Title(explained)}");
        foreach (var (label, text) in Fields(explained))
            Field(label, text);
        Line($"\nbefore");
        Console.Write(TablePicture.Draw(explained.Before));
        for (int i = 0; i < explained.Passes.Count; i++)
            PrintPass(explained, i, everyStep);
    }

    /// <summary>Who ran.</summary>
    public static string Title(Explained explained) =>
        $"{explained.Title}{explained.Version.Name}, {(explained.Kind == CollapseKind.Madvise ? "MADV_COLLAPSE" : "khugepaged")}";

    /// <summary>What it ran on, each with its name.</summary>
    public static IEnumerable<(string Label, string Text)> Fields(Explained explained)
    {
        var (vma, settings) = (explained.Vma, explained.Settings);
        if (explained.Program.Length > 0)
            yield return ("program", explained.Program);
        yield return ("table", explained.Before.ToString());
        yield return ("vma", Invariant($"pages {vma.Start - explained.Base} to {vma.End - explained.Base - 1}: {FlagNames(vma)}"));
        yield return ("sizes", SizeNames(settings, vma));
        yield return ("limits", Invariant(
            $"max_ptes_none {settings.MaxPtesNone}, max_ptes_swap {settings.MaxPtesSwap}, max_ptes_shared {settings.MaxPtesShared}"));
        if (explained.Process is { } process)
            yield return ("khugepaged", RegistrationText.Of(process));
        if (explained.Faults.Count > 0)
            yield return ("faults", string.Join(' ', explained.Faults));
    }

    /// <summary>A pass, and for a recorded one whether the kernel did the same.</summary>
    public static string PassTitle(Explained explained, int pass) =>
        Invariant($"pass {pass + 1}{(explained.Passes[pass].Recorded is { } verdict ? $": the recorded kernel {verdict}" : "")}");

    /// <summary>Every counter that a pass moved.</summary>
    public static string Counters(ExplainedPass pass)
    {
        var added = pass.Run.Report.Added;
        return string.Join(' ', added.Sizes().Select(entry => Invariant($"{entry.Name}.{entry.Order}={entry.Value}"))
            .Concat(added.Events().Select(entry => Invariant($"{entry.Name}={entry.Value}")))
            .Append(Invariant($"pages_collapsed={added.PagesCollapsed}")));
    }

    /// <summary>What the program did between two passes.</summary>
    public static string Then(ExplainedPass pass) => $"then the program did {pass.ThenText}";

    private static void PrintPass(Explained explained, int index, bool everyStep)
    {
        var pass = explained.Passes[index];
        Line($"\n{PassTitle(explained, index)}");
        foreach (var step in ExplainStep.Of(explained, index, everyStep))
        {
            if (step.Kind == StepKind.NotScanned)
            {
                Line($"  {step.Whole}");
                continue;
            }
            Line($"  {step.Label,-10}{step.Text}{(step.Kind == StepKind.Scan && step.Where is { } where ? $"  ({where})" : "")}");
            if (step.Why is { } why)
                Line($"{(step.Kind == StepKind.Walk ? $"{"",22}" : $"{"",12}")}{why}");
        }
        Line($"\nafter pass {index + 1}");
        Console.Write(TablePicture.Draw(pass.Run.After));
        Field("\nstatistics", Counters(pass));
        if (everyStep)
            Field("folios", Folios(pass.Run.Report.Added));
        Line($"trace");
        foreach (var line in pass.Run.Trace)
            Line($"  {line.Line(explained.Version.Trace)}");
        if (pass.Then is null)
            return;
        Line($"\n{Then(pass)}");
        Console.Write(TablePicture.Draw(pass.Then));
    }

    private static string Folios(Statistics added)
    {
        string moved = added.Gauges.ToString();
        return Invariant(
            $"{(moved.Length > 0 ? moved : "as many as before")}; memory cgroup: thp_collapse_alloc={added.CgroupCollapseAllocs}");
    }

    private static string SizeNames(ThpSettings settings, Vma vma)
    {
        int pageKb = ScenarioOptions.PageKb(settings.Geometry);
        var sizes = settings.Geometry.AnonOrders.Orders().Where(order => settings.SizeOf(order) != SizeEnabled.Never)
            .Select(order => Invariant(
                $"{Sizes.Name(order, pageKb)} (order {order}) {settings.SizeOf(order).ToString().ToLowerInvariant()}"));
        string orders = settings.OrdersFor(vma.IsAdvised).ToString();
        return $"{string.Join(", ", sizes)}; global {settings.Enabled.ToString().ToLowerInvariant()}; here orders {(orders.Length > 0 ? orders : "none")}";
    }

    private static string FlagNames(Vma vma) => string.Join(", ", vma.Flags.ToString().Split(", ").Select(name => name.ToLowerInvariant()));

    // A label and words, wrapped at 80 columns.
    private static void Field(string label, string text)
    {
        string line = $"{label,-10}";
        foreach (string word in text.Split(' '))
        {
            if (line.TrimStart('\n').Length + word.Length > 79 && line.Trim().Length > 0)
            {
                Console.WriteLine(line.TrimEnd());
                line = new string(' ', 10);
            }
            line += (line.EndsWith(' ') ? "" : " ") + word;
        }
        Console.WriteLine(line);
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
