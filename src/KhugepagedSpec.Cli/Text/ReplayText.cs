using System.Globalization;
using System.Text.RegularExpressions;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Scenarios;

namespace KhugepagedSpec.Cli.Text;

/// <summary>The replay's report, for people.</summary>
internal static partial class ReplayText
{
    private const int ShownInFull = 10;

    public static void Print(IReadOnlyList<ReplayReport> reports)
    {
        foreach (var report in reports)
        {
            PrintSummary(report, report.Version);
            foreach (var (vector, mismatch) in report.Differing.Take(ShownInFull))
                PrintMismatch(report, vector, mismatch, report.Version);
            if (report.Differing.Count > ShownInFull)
                Console.WriteLine($"{report.Differing.Count - ShownInFull} more differ: {string.Join(' ', report.Differing.Skip(ShownInFull).Select(pair => pair.Vector.Id))}\n");
        }
        int vectors = reports.Sum(report => report.Vectors), differ = reports.Sum(report => report.Differing.Count);
        Console.WriteLine(Invariant($"{vectors - differ} of {vectors} vectors agree in every pass, {differ} differ"));
    }

    /// <summary>A test a file, made of one a vector.</summary>
    public static void PrintKtap(IReadOnlyList<ReplayReport> reports) => Ktap.Print(
    [
        .. reports.Select(report =>
        {
            var differing = report.Differing.ToLookup(pair => pair.Vector.Id, pair => pair.Mismatch, StringComparer.Ordinal);
            return new KtapTest(
                $"{Path.GetFileName(InputFile.NameOf(report.Path))}: {KernelRelease(report.Kernel)}, against {report.Version.Name}",
                report.Differing.Count == 0 && report.Unreadable.Count == 0 && report.Vectors > 0)
            {
                Notes = [.. report.Unreadable.Select(line => Invariant($"line {line.Number}: {line.Error}"))],
                Tests =
                [
                    .. report.Ids.Select(id => new KtapTest(id, !differing.Contains(id))
                    {
                        Notes = [.. differing[id]
                            .Select(mismatch => Invariant(
                                $"pass {mismatch.Pass}, {mismatch.What}: kernel {mismatch.Kernel}, model {mismatch.Model}"))],
                    }),
                ],
            };
        }),
    ]);

    private static void PrintSummary(ReplayReport report, KhugepagedVersion version)
    {
        Console.WriteLine(Invariant(
            $"{Path.GetFileName(InputFile.NameOf(report.Path))}: {KernelRelease(report.Kernel)}, against {version.Name}"));
        Console.WriteLine(Invariant($"  {"prefix",-8}{"vectors",8}{"passes",8}{"attempts",10}{"differ",8}"));
        foreach (var (prefix, (vectors, passes, attempts, differ)) in report.ByPrefix)
            Console.WriteLine(Invariant($"  {prefix,-8}{vectors,8}{passes,8}{attempts,10}{differ,8}"));
        Console.WriteLine(Invariant($"  {"all",-8}{report.Vectors,8}{report.Passes,8}{report.Attempts,10}{report.Differing.Count,8}"));
        Console.WriteLine();
    }

    private static void PrintMismatch(ReplayReport report, RecordedVector vector, Mismatch mismatch, KhugepagedVersion version)
    {
        Console.WriteLine(Invariant($"{vector.Id} differs in pass {mismatch.Pass} at {mismatch.What}"));
        string[] kernel = Wrap(mismatch.Kernel), model = Wrap(mismatch.Model);
        Console.WriteLine($"  {"kernel",-38}{version.Name}");
        foreach (string agreed in mismatch.Agreed)
            Console.WriteLine($"  {agreed,-38}{agreed}");
        for (int i = 0; i < Math.Max(kernel.Length, model.Length); i++)
        {
            string left = i < kernel.Length ? kernel[i] : "", right = i < model.Length ? model[i] : "";
            Console.WriteLine($"{(left == right ? ' ' : '|')} {left,-38}{right}".TrimEnd());
        }
        Console.WriteLine($"  khugepaged-spec explain --vector {vector.Id} {Path.GetFileName(report.Path)}");
        Console.WriteLine();
    }

    private static string[] Wrap(string text)
    {
        var lines = new List<string> { "" };
        foreach (string word in text.Split(' '))
        {
            if (lines[^1].Length > 0 && lines[^1].Length + 1 + word.Length > 36)
                lines.Add("");
            lines[^1] += (lines[^1].Length > 0 ? " " : "") + word;
        }
        return [.. lines];
    }

    private static string KernelRelease(string? meta) =>
        meta is not null && Release().Match(meta) is { Success: true } match ? $"Linux {match.Groups[1].Value}" : "an unnamed kernel";

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex(@"Linux version (\S+)")]
    private static partial Regex Release();
}
