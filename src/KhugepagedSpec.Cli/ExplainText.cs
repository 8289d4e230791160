using System.Globalization;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Cli;

/// <summary>A run, for people.</summary>
internal static class ExplainText
{
    public static void Print(Explained explained, bool everyStep)
    {
        var geometry = explained.Settings.Geometry;
        Line($"{explained.Title}{explained.Version.Name}, {(explained.Kind == CollapseKind.Madvise ? "MADV_COLLAPSE" : "khugepaged")}");
        Field("table", explained.Before.ToString());
        Line($"{"vma",-10}pages {explained.Vma.Start - explained.Base} to {explained.Vma.End - explained.Base - 1}: {FlagNames(explained.Vma)}");
        Field("sizes", SizeNames(explained.Settings, explained.Vma, geometry));
        Line($"{"limits",-10}max_ptes_none {explained.Settings.MaxPtesNone}, max_ptes_swap {explained.Settings.MaxPtesSwap}, max_ptes_shared {explained.Settings.MaxPtesShared}");
        if (explained.Mishaps.Count > 0)
            Field("mishaps", string.Join(' ', explained.Mishaps));
        Line($"\nbefore");
        Console.Write(TablePicture.Draw(explained.Before));
        for (int i = 0; i < explained.Passes.Count; i++)
            PrintPass(explained, i, everyStep);
    }

    private static void PrintPass(Explained explained, int index, bool everyStep)
    {
        var (run, recorded, then, thenText) = explained.Passes[index];
        Line($"\npass {index + 1}{(recorded is null ? "" : $": the recorded kernel {recorded}")}");
        if (run.Report.Tables.Count == 0)
            Line($"  not scanned: {WhyNotScanned(explained)}");
        foreach (var table in run.Report.Tables)
            PrintRange(explained, table, everyStep);
        if (run.Madvise is { } madvise)
            Line($"  madvise   returns {madvise.Return}{(madvise.Errno == Errno.None ? "" : $", {madvise.Errno}")}");
        Line($"\nafter pass {index + 1}");
        Console.Write(TablePicture.Draw(run.After));
        var statistics = run.Report.Added.Sizes().Select(entry => Invariant($"{entry.Name}.{entry.Order}={entry.Value}"))
            .Concat(run.Report.Added.Events().Select(entry => Invariant($"{entry.Name}={entry.Value}")))
            .Append(Invariant($"pages_collapsed={run.Report.Added.PagesCollapsed}"));
        Field("\nstatistics", string.Join(' ', statistics));
        Line($"trace");
        foreach (var line in run.Trace)
            Line($"  {line}");
        if (then is null)
            return;
        Line($"\nthen the program did {thenText}");
        Console.Write(TablePicture.Draw(then));
    }

    private static void PrintRange(Explained explained, TableRun table, bool everyStep)
    {
        var scan = table.Scan;
        string where = table.Mm > 1 ? "  (the child's)" : table.Start != explained.Base ? Invariant($"  (at {table.Start - explained.Base})") : "";
        Line($"  scan      {scan.Result.KernelName()}: {scan.NoneOrZero} none or zero, {scan.Unmapped} unmapped, {scan.Shared} shared, {scan.Referenced} referenced{where}");
        if (scan.Result != ScanResult.Succeed)
            return;
        foreach (string step in everyStep ? WalkText.EveryStep(table) : WalkText.Summary(table))
            Line($"  walk      {step}");
        Line($"  result    {table.Status.KernelName()}{(table.Attempts.Count == 0 ? ": no window was worth a try" : "")}");
    }

    private static string WhyNotScanned(Explained explained)
    {
        var (vma, settings) = (explained.Vma, explained.Settings);
        int pages = settings.Geometry.Pages;
        return !vma.Covers(explained.Base, explained.Base + pages) ? "the VMA does not span the PMD range"
            : vma.Has(VmaFlags.NoHugePage) ? "the VMA has VM_NOHUGEPAGE"
            : !vma.HasAnonVma ? "no page was ever faulted in: the VMA has no anon_vma"
            : settings.OrdersFor(vma.IsAdvised).IsEmpty && explained.Kind == CollapseKind.Khugepaged ? "no size is enabled for this VMA"
            : "the process or the VMA refuses THP";
    }

    private static string SizeNames(ThpSettings settings, Vma vma, Geometry geometry)
    {
        int pageKb = ScenarioOptions.PageKb(geometry);
        var sizes = geometry.AnonOrders.Orders().Where(order => settings.SizeOf(order) != SizeEnabled.Never)
            .Select(order => Invariant($"{Sizes.Name(order, pageKb)} (order {order}) {settings.SizeOf(order).ToString().ToLowerInvariant()}"));
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

    private static void Line(FormattableString text) => Console.WriteLine(Invariant(text));

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
