using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Guests.Reproducers;

/// <summary>
/// One scenario as a C program of its own: it builds the table by the recorder's steps, lets the kernel collapse, and says whether the
/// table became what a version makes of it. It exits with 0 if so, 1 if not, 4 where it cannot be tried.
/// </summary>
public static class Reproducer
{
    // Of a version that was never released: the kernel that it would be built into.
    private static readonly KernelAbilities Newest = KernelAbilities.FromGreeting("7.2\nswap 1\n");

    /// <summary>The first thing of a scenario that no such program can make, as one line that says what was expected; null if all
    /// can.</summary>
    /// <param name="scenario">The scenario, as somebody asked for it.</param>
    /// <param name="version">The version that is expected of the kernel.</param>
    public static string? Refusal(Scenario scenario, KhugepagedVersion version) =>
        LiveRefusal.Of(scenario, KernelOf(version)) ?? OfProgram(scenario);

    /// <summary>A table as a program prints it: what cannot be seen from user space is not in it.</summary>
    public static string TextOf(PageTable table) => TableInC.Of(table);

    /// <summary>The program.</summary>
    /// <param name="scenario">The scenario, which is not refused.</param>
    /// <param name="version">The version that is expected of the kernel.</param>
    /// <param name="passes">Full scans, or calls.</param>
    /// <param name="origin">What made it: lines for its first comment.</param>
    public static string Write(Scenario scenario, KhugepagedVersion version, int passes, ReproducerOrigin origin)
    {
        var input = LiveInput.Of("c", scenario, passes, beside: false);
        var steps = new StepsInC(input.Extent, scenario.Table.Geometry.Pages, scenario.Table.Cells.Any(IsHeldBack));
        var builder = new TableBuilder(input, StepsInC.Base, StepsInC.Stamp);
        var (build, enable, arrange) = (steps.Take(builder.Build()), Enabled(scenario.Settings), steps.Take(builder.Register()));
        var last = scenario.Run(version, passes)[^1];
        string wanted = TableInC.Of(scenario.Table), expected = TableInC.Of(last.After);
        steps.Helpers.Add(scenario.Kind == CollapseKind.Madvise ? "collapse" : "scan");
        return new ReproducerText(EmbeddedText.Of("Reproducers.reproducer.c"), steps.Helpers)
            .Put("head", Head(scenario, version, passes, origin, wanted, expected))
            .Put("tables", Tables(scenario, version, passes, wanted, expected, last))
            .Put("body", Function("build", "Page by page, while no size but the PMD's is on.", build)
                + Function("enable", "The settings, in the order in which something always stays enabled.", enable)
                + Function("arrange", "What the VMA is told last.", arrange))
            .ToString();
    }

    private static KernelAbilities KernelOf(KhugepagedVersion version) => version.Releases is { } releases
        ? KernelAbilities.FromGreeting(FormattableString.Invariant($"{releases.First.Major}.{releases.First.Minor}\nswap 1\n")) : Newest;

    // What the recorder has its agent, or its own guest, for.
    private static string? OfProgram(Scenario scenario)
    {
        if (!scenario.Program.IsEmpty)
            return "--program with --c: expected TABLE";
        if (!scenario.Faults.IsEmpty)
            return $"--fail {scenario.Faults[0]} with --c: the program runs on machines that are not short of anything: expected no --fail";
        if (scenario.Vma.Has(VmaFlags.UffdRwp))
            return "--uffd rwp with --c: no C library has it yet: expected missing, wp";
        for (int i = 0; i < scenario.Table.Cells.Length; i++)
        {
            var cell = scenario.Table.Cells[i];
            if (cell.Slot > 0)
                return $"PTE {i} is {TableNotation.Text(cell)}: with --c the slot is the swap device's affair: expected s";
            if (cell.Order == 0 && !TableInC.Kinds.Contains(TableNotation.LetterOf(cell) ?? '?', StringComparison.Ordinal))
                return $"PTE {i} is {TableNotation.Text(cell)}: not for a program that others run (--c): "
                    + $"expected one of {TableInC.Kinds}, or f2 to f9 and their parts";
        }
        return null;
    }

    private static bool IsHeldBack(Cell cell) => cell.Kind == PteKind.Page && (!cell.Has(CellFlags.Young) || cell.Has(CellFlags.LazyFree));

    // The sizes that are on first, the smallest of them first.
    private static List<string> Enabled(ThpSettings settings)
    {
        var geometry = settings.Geometry;
        var sizes = geometry.AnonOrders.Orders().Select(order => (Order: order, Value: Word(settings.SizeOf(order)))).ToList();
        List<string> calls =
        [
            .. sizes.Where(size => size.Value != "never" && size.Value != StepWriter.Unbuilt(size.Order, geometry)).Select(Call),
            .. sizes.Where(size => size.Value == "never" && size.Value != StepWriter.Unbuilt(size.Order, geometry)).Select(Call),
        ];
        if (settings.Enabled != GlobalEnabled.Madvise)
            calls.Add(File("enabled", Word(settings.Enabled)));
        calls.Add(File("khugepaged/max_ptes_none", $"{settings.MaxPtesNone}"));
        calls.Add(File("khugepaged/max_ptes_swap", $"{settings.MaxPtesSwap}"));
        calls.Add(File("khugepaged/max_ptes_shared", $"{settings.MaxPtesShared}"));
        return calls;

        static string Call((int Order, string Value) size) => FormattableString.Invariant($"size({size.Order}, \"{size.Value}\");");

        static string File(string name, string value) => $"must(set(THP \"{name}\", \"{value}\"));";

        static string Word(Enum value) => value.ToString().ToLowerInvariant();
    }

    private static string Head(Scenario scenario, KhugepagedVersion version, int passes, ReproducerOrigin origin, string wanted,
        string expected)
    {
        bool isKhugepaged = scenario.Kind == CollapseKind.Khugepaged;
        string written = scenario.Table.ToString();
        var settings = scenario.Settings;
        string sizes = string.Join(", ", settings.Geometry.AnonOrders.Orders().Where(order => settings.SizeOf(order) != SizeEnabled.Never)
            .Select(order => FormattableString.Invariant($"{4 << order}kB {settings.SizeOf(order).ToString().ToLowerInvariant()}")));
        var text = new StringBuilder("/*\n");
        Line($"What {(isKhugepaged ? "khugepaged" : "MADV_COLLAPSE")} makes of this page table (PTEs from the lowest address up):");
        Quote(written);
        Line($"under {(sizes.Length > 0 ? sizes : "no size")}, max_ptes_none {settings.MaxPtesNone}, "
            + $"max_ptes_swap {settings.MaxPtesSwap}, max_ptes_shared {settings.MaxPtesShared}.");
        string act = isKhugepaged ? "full scan" : "call";
        Line($"After {(passes == 1 ? $"one {act}" : $"{passes} {act}s")} {version.Name} ({origin.Program}) expects:");
        Quote(expected);
        foreach (string line in TableInC.Legend(written, wanted, expected))
            Line($"  {line}");
        Line("");
        foreach (string line in origin.Lines)
            Line(line);
        Line("To be run as root. Exits with 0 if the table became that, 1 if it did not, 4 (and why) if it cannot be tried here.");
        Line("Until it ends it sets files below /sys/kernel/mm/transparent_hugepage, and says which; they are restored also where it is "
            + "killed. Other processes that khugepaged knows are scanned under these settings too.");
        text.Append(" */\n");
        return text.ToString();

        void Line(string line)
        {
            foreach (string part in TableInC.Wrapped(line, 116))
                text.Append(part.Length == 0 ? " *" : $" * {part}").Append('\n');
        }

        void Quote(string table)
        {
            text.Append(" *\n");
            foreach (string part in TableInC.Wrapped(table, 110))
                text.Append(CultureInfo.InvariantCulture, $" *\t{part}\n");
            text.Append(" *\n");
        }
    }

    private static string Tables(Scenario scenario, KhugepagedVersion version, int passes, string wanted, string expected, PassRun last)
    {
        var text = new StringBuilder()
            .Append(CultureInfo.InvariantCulture, $"static const char model[] = \"{version.Name}\";\n")
            .Append(CultureInfo.InvariantCulture, $"static const char wanted[] =\n\t{TableInC.Literal(wanted)};\n")
            .Append(CultureInfo.InvariantCulture, $"static const char expected[] =\n\t{TableInC.Literal(expected)};\n")
            .Append(CultureInfo.InvariantCulture, $"static const int passes = {passes};\n");
        if (scenario.Kind == CollapseKind.Madvise)
        {
            int error = (int)(last.Madvise?.Errno ?? default);
            text.Append(CultureInfo.InvariantCulture, $"static const int expected_error = {error};\n");
        }
        return text.Append('\n').ToString();
    }

    private static string Function(string name, string what, IReadOnlyList<string> calls) =>
        $"/* {what} */\nstatic void {name}(void)\n{{\n{string.Concat(calls.Select(call => $"\t{call}\n"))}}}\n\n";
}

/// <summary>Where a program comes from.</summary>
/// <param name="Program">What wrote it, with its version.</param>
/// <param name="Lines">The command, and what else there is to say: a line each.</param>
public sealed record ReproducerOrigin(string Program, ImmutableArray<string> Lines);
