using System.Globalization;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Memory;
using KhugepagedSpec.Processes;
using KhugepagedSpec.Results;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Cli.Text;

/// <summary>What would be, for people and for scripts.</summary>
internal static class WhatIfText
{
    private const int MostVmas = 12;

    public static void Print(WhatIfAnswer answer)
    {
        var (capture, head) = (answer.Capture, answer.Capture.Head);
        CaptureText.PrintHead(capture);
        if (capture.IsPartial)
            Line($"{CaptureText.Ending(capture)}");
        Line($"before: {head.Kilobytes(capture.Pages.Anonymous):N0} kB anonymous, {head.Kilobytes(capture.Pages.Large):N0} kB of it in large folios ({head.Kilobytes(capture.Pages.PmdMapped):N0} kB PMD-mapped), {head.Kilobytes(capture.Pages.Swap):N0} kB swapped out");
        Line($"{head.Kilobytes(capture.Outside.Anonymous):N0} kB lie in no whole PMD range of an anonymous VMA, and stay as they are");
        Line($"present: {Settings(head.Settings, head.PageBytes / 1024)}");
        if (answer.IsAsked)
            Line($"as asked: {Settings(answer.Asked.Case.Settings, head.PageBytes / 1024)}");
        if (head.ThpDisable != ThpDisable.No)
            Line($"the process refuses THP by prctl(PR_SET_THP_DISABLE): nothing of it is scanned");
        foreach (var version in answer.Sorted)
            PrintVersion(head, version.Key, version);
        PrintVmas(head, answer.Detailed);
        PrintLeft(head, answer.Detailed);
        Line($"\nlarge: what large folios map in the end; added: where nothing was, the memory it costs; tried and wasted: folios allocated, and");
        Line($"given back unused, in the first full scan; again: wasted in each scan once nothing changes any more.");
        Line($"Not known from outside, so not in this: pins (GUP), and accessed bits where a VMA was referenced in part ({capture.Vmas.Count(vma => vma.Used == UsedPages.Some && vma.Pages.Anonymous > 0)} VMAs: all used).");
    }

    public static WhatIfJson ToJson(WhatIfAnswer answer)
    {
        var (capture, head) = (answer.Capture, answer.Capture.Head);
        return new WhatIfJson(
            head.Pid, head.Command, head.Kernel, At(head), Ending(capture.End.Ending), head.PageBytes / 1024, capture.Ranges,
                capture.ChangedRanges,
            new MemoryJson(head.Kilobytes(capture.Pages.Anonymous), head.Kilobytes(capture.Pages.Large),
                head.Kilobytes(capture.Pages.PmdMapped), head.Kilobytes(capture.Pages.Swap), head.Kilobytes(capture.Outside.Anonymous)),
            [.. answer.Sorted.SelectMany(version => version).Select(report => ToJson(head, report))]);
    }

    private static string At(CaptureHead head) => head.At.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static string Ending(CaptureEnding ending) => ending switch
    {
        CaptureEnding.Complete => "complete",
        CaptureEnding.ProcessEnded => "process ended",
        CaptureEnding.Interrupted => "interrupted",
        _ => "cut short",
    };

    private static WhatIfCaseJson ToJson(CaptureHead head, WhatIfReport report) => new(
        report.Case.Version.Name, report.Case.Name, Settings(report.Case.Settings, head.PageBytes / 1024), report.Scanned,
            report.Made.ToDictionary(pair => pair.Key, pair => pair.Value),
        head.Kilobytes(report.LargeAfter), head.Kilobytes(report.Added), head.Kilobytes(report.SwappedIn), report.Tried, report.Wasted,
            report.WastedAgain, report.Scans, report.IsSettled,
        report.WakeUps, report.WakeUps * report.Case.Settings.ScanSleepMilliseconds / 1000.0,
        [
            .. report.ByVma.Select(vma => new WhatIfVmaJson(
                head.Address(vma.Vma.Vma.Start), head.Address(vma.Vma.Vma.End), vma.Vma.Name, vma.Scanned,
                    head.Kilobytes(vma.Vma.Pages.Anonymous), head.Kilobytes(vma.Vma.Pages.Large),
                vma.Made.ToDictionary(pair => pair.Key, pair => pair.Value), head.Kilobytes(vma.Added))),
        ],
        [.. report.Left.Select(left =>
            new LeftJson(left.Result.KernelName(), left.Entry, left.Ranges, head.Kilobytes(left.Pages), head.Address(left.FirstPage)))]);

    private static void PrintVersion(CaptureHead head, string version, IEnumerable<WhatIfReport> reports)
    {
        Line($"\n{version,-20}{"ranges",8}{"large",15}{"added",15}{"swap-in",12}{"tried",8}{"wasted",8}{"again",8}{"wake-ups",10}  folios made");
        foreach (var report in reports)
            Line($"{report.Case.Name,-20}{report.Scanned,8:N0}{head.Kilobytes(report.LargeAfter),12:N0} kB{head.Kilobytes(report.Added),12:N0} kB{head.Kilobytes(report.SwappedIn),9:N0} kB{report.Tried,8:N0}{report.Wasted,8:N0}{report.WastedAgain,8:N0}{report.WakeUps,10:N0}  {Folios(report.Made, head)}{(report.IsSettled ? "" : ", not settled")}".TrimEnd());
    }

    private static void PrintVmas(CaptureHead head, WhatIfReport report)
    {
        Line($"\nby VMA, {report.Case.Version.Name}, {report.Case.Name}");
        if (report.ByVma.IsEmpty)
        {
            Line($"  none is scanned: no size is enabled for any of them");
            return;
        }
        Line($"  {"",-28}{"ranges",8}{"anonymous",15}{"large before",16}{"added",15}  folios made");
        foreach (var vma in report.ByVma.Take(MostVmas))
            Print(string.Create(CultureInfo.InvariantCulture, $"{head.Address(vma.Vma.Vma.Start)} {vma.Vma.Name}"), [vma]);
        if (report.ByVma.Length > MostVmas)
            Print(string.Create(CultureInfo.InvariantCulture, $"{report.ByVma.Length - MostVmas} smaller ones"),
                [.. report.ByVma.Skip(MostVmas)]);
        Print("total", [.. report.ByVma]);

        void Print(string name, IReadOnlyCollection<VmaReport> vmas) =>
            Line($"  {name,-28}{vmas.Sum(vma => vma.Scanned),8:N0}{head.Kilobytes(vmas.Sum(vma => vma.Vma.Pages.Anonymous)),12:N0} kB{head.Kilobytes(vmas.Sum(vma => vma.Vma.Pages.Large)),13:N0} kB{head.Kilobytes(vmas.Sum(vma => vma.Added)),12:N0} kB  {Folios(vmas.SelectMany(vma => vma.Made), head)}".TrimEnd());
    }

    private static void PrintLeft(CaptureHead head, WhatIfReport report)
    {
        if (report.Left.IsEmpty)
            return;
        Line($"\nranges left alone, {report.Case.Version.Name}, {report.Case.Name}");
        foreach (var left in report.Left)
            Line($"  {left.Ranges,8:N0}  {head.Kilobytes(left.Pages),11:N0} kB  {left.Result.KernelName()}{(left.Entry is { } entry ? $": one entry ({entry})" : "")}, first at {head.Address(left.FirstPage)}");
    }

    private static string Folios(IEnumerable<KeyValuePair<int, long>> made, CaptureHead head)
    {
        var sizes = made.GroupBy(pair => pair.Key).OrderByDescending(group => group.Key)
            .Select(group => string.Create(CultureInfo.InvariantCulture,
                $"{group.Sum(pair => pair.Value)} x {Sizes.Name(group.Key, head.PageBytes / 1024)}"));
        return string.Join(", ", sizes) is { Length: > 0 } text ? text : "none";
    }

    private static string Settings(ThpSettings settings, int pageKb)
    {
        var sizes = settings.Geometry.AnonOrders.Orders().Where(order => settings.SizeOf(order) != SizeEnabled.Never)
            .Select(order => $"{Sizes.Name(order, pageKb)} {settings.SizeOf(order).ToString().ToLowerInvariant()}");
        return string.Create(CultureInfo.InvariantCulture, $"{string.Join(", ", sizes.DefaultIfEmpty("no size"))}; global {settings.Enabled.ToString().ToLowerInvariant()}; max_ptes_none {settings.MaxPtesNone}, max_ptes_swap {settings.MaxPtesSwap}, max_ptes_shared {settings.MaxPtesShared}; pages_to_scan {settings.PagesToScan} every {settings.ScanSleepMilliseconds / 1000.0} s");
    }

    private static void Line(string text) => Console.WriteLine(text);
}
