using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Processes;
using KhugepagedSpec.Settings;
using static KhugepagedSpec.Cli.Shell.Printing;

namespace KhugepagedSpec.Cli.Text;

/// <summary>What to set, why, and how.</summary>
internal static class AdviceText
{
    private const string Folder = "/sys/kernel/mm/transparent_hugepage/";

    /// <summary>Prints it for the first khugepaged.</summary>
    /// <param name="answer">The cases.</param>
    /// <param name="aim">What is wanted.</param>
    public static void Print(WhatIfAnswer answer, Aim aim)
    {
        var head = answer.Head;
        var advice = answer.AdviceOn(answer.Sorted.First());
        string bound = advice.MostAdded == long.MaxValue ? "whatever it adds"
            : FormattableString.Invariant($"at most {head.Kilobytes(advice.MostAdded):N0} kB added");
        if (advice.Taken is not { } taken)
        {
            Line($"\nadvice ({aim.ToString().ToLowerInvariant()}, {bound}): none of these settings");
            return;
        }
        var settings = taken.Case.Settings;
        long pagesAfter = answer.Machine.Pages.Anonymous + taken.Added + taken.SwappedIn;
        var (large, all) = (head.Kilobytes(taken.LargeAfter), head.Kilobytes(pagesAfter));
        var (added, atFaults) = (head.Kilobytes(taken.Added), head.Kilobytes(taken.AtFaults.Added));
        Line($"\nadvice ({aim.ToString().ToLowerInvariant()}, {bound}): {taken.Case.Name}");
        Line($"  large folios map {large:N0} of {all:N0} kB in the end; khugepaged adds {added:N0} kB, faults {atFaults:N0} kB at most");
        Line($"  the first scan: {taken.WakeUps:N0} wake-ups, {taken.Seconds(taken.WakeUps):N0} s, {taken.Tried:N0} allocations; "
            + $"each later one wastes {taken.WastedAgain:N0}");
        foreach (string warning in WhatIfWarnings.Of(answer.Machine, taken))
            Line($"  warning: {warning}");
        Line($"  each step of the way (*):");
        foreach (var step in advice.Front)
        {
            var (mapped, price) = (head.Kilobytes(step.LargeAfter), head.Kilobytes(Advice.Price(step)));
            Line($"    {step.Case.Name,-20}{mapped,13:N0} kB mapped for {price,12:N0} kB");
        }
        if (taken.Case.Settings == head.Settings)
        {
            Line($"  nothing has to be set");
            return;
        }
        string seen = answer.AreSeveral ? "these processes alone were" : "this process alone was";
        Line($"  to set it, for the whole machine, of which {seen} looked at:");
        foreach (var (file, value) in Files(settings, head.PageBytes / 1024))
            Line($"    echo {value} > {Folder}{file}");
        Line($"  the same from each boot on, in /etc/tmpfiles.d/thp.conf:");
        foreach (var (file, value) in Files(settings, head.PageBytes / 1024))
            Line($"    w {Folder}{file} - - - - {value}");
        Line($"  why: khugepaged-spec whatif {answer.From}{Options(settings, head.PageBytes / 1024)}");
    }

    private static IEnumerable<(string File, string Value)> Files(ThpSettings settings, int pageKb)
    {
        foreach (int order in settings.Geometry.AnonOrders.Orders())
            yield return ($"hugepages-{pageKb << order}kB/enabled", settings.SizeOf(order).ToString().ToLowerInvariant());
        yield return ("khugepaged/max_ptes_none", FormattableString.Invariant($"{settings.MaxPtesNone}"));
    }

    private static string Options(ThpSettings settings, int pageKb)
    {
        string List(string option, OrderSet orders) =>
            orders.IsEmpty ? "" : $" {option} {string.Join(',', orders.Orders().Select(order => Sizes.Name(order, pageKb)))}";
        return List("--always", settings.Always) + List("--enabled", settings.Madvise) + List("--inherit", settings.Inherit)
            + FormattableString.Invariant($" --max-ptes-none {settings.MaxPtesNone}");
    }
}
