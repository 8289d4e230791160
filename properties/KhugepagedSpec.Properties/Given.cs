using KhugepagedSpec.Collapse;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Properties;

/// <summary>Short ways to say what is given.</summary>
internal static class Given
{
    /// <summary>A page table of the real geometry, filled up with empty PTEs.</summary>
    public static PageTable Table(string text) => TableNotation.Parse(text, Geometry.X86, padWithNone: true);

    /// <summary>The orders of a list such as <c>2,4,9</c>.</summary>
    public static OrderSet Orders(params int[] orders) => orders.Aggregate(OrderSet.Empty, (set, order) => set.With(order));

    /// <summary>khugepaged over one table: sizes set to madvise, the VMA advised.</summary>
    public static Scenario Khugepaged(string table, OrderSet orders, int maxPtesNone)
    {
        var scenario = Scenario.Of(Table(table));
        return scenario with { Settings = scenario.Settings.WithSizes(orders, SizeEnabled.Madvise) with { MaxPtesNone = maxPtesNone } };
    }

    /// <summary>MADV_COLLAPSE over one table.</summary>
    public static Scenario Madvise(string table) => Scenario.Of(Table(table)) with { Kind = CollapseKind.Madvise };

    /// <summary>The scenario with flags of the VMA added.</summary>
    public static Scenario WithVma(this Scenario scenario, VmaFlags flags) =>
        scenario with { Vma = scenario.Vma with { Flags = scenario.Vma.Flags | flags } };

    /// <summary>The scenario with injected faults, written as on the command line.</summary>
    public static Scenario Failing(this Scenario scenario, params string[] faults) =>
        scenario with { Faults = [.. faults.Select(FaultInjection.Parse)] };

    /// <summary>One pass of Linux 7.2.</summary>
    public static PassRun Run(this Scenario scenario) => scenario.Run(Catalogue.Linux72, 1)[0];

    /// <summary>The attempts of a pass over one table.</summary>
    public static IReadOnlyList<Attempt> Attempts(this PassRun run) => [.. run.Report.Tables.SelectMany(table => table.Attempts)];

    /// <summary>The attempts as <c>offset/order</c>.</summary>
    public static string Windows(this PassRun run) =>
        string.Join(' ', run.Attempts().Select(attempt => $"{attempt.Offset}/{attempt.Order}"));

    /// <summary>How the visit of the one table ended.</summary>
    public static ScanResult Status(this PassRun run) => run.Report.Tables.Single().Status;
}
