using System.Collections.Immutable;
using KhugepagedSpec.Checking.Exact;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using static System.FormattableString;
using static KhugepagedSpec.Cli.Shell.Printing;

namespace KhugepagedSpec.Cli.Text;

/// <summary>Which values creep, in words and as JSON.</summary>
internal static class CreepText
{
    public static void Print(Geometry geometry, OrderSet orders, List<(KhugepagedVersion Version, Creep Creep)> answers)
    {
        Line($"PMD order {geometry.PmdOrder}, every table of plain pages and empty PTEs, every set of orders {orders}\n");
        int width = Math.Max(22, answers.Max(one => one.Version.Name.Length) + 2);
        foreach (var (version, creep) in answers)
        {
            Line($"{version.Name.PadRight(width)}{Verdict(geometry, creep)}");
            if (Command(version, creep) is not { } command)
                continue;
            string margin = "".PadRight(width);
            Line($"{margin}{command}");
            for (int pass = 0; pass < creep.Passes.Length; pass++)
                Line($"{margin}  after pass {pass + 1}  {creep.Passes[pass]}");
        }
    }

    public static CreepsJson ToJson(Geometry geometry, OrderSet orders, List<(KhugepagedVersion Version, Creep Creep)> answers) => new(
        geometry.PmdOrder, [.. orders.Orders()],
        [
            .. answers.Select(one => new CreepJson(one.Version.Name, one.Creep.Open is null ? one.Creep.Values : null, one.Creep.Open,
                one.Creep.Cases, Command(one.Version, one.Creep), [.. one.Creep.Passes.Select(table => $"{table}")])),
        ]);

    private static string Verdict(Geometry geometry, Creep creep) =>
        creep.Open is { } open ? $"not decided: {open}"
        : creep.Values.IsEmpty ? Invariant($"no value of 0 to {geometry.MaxPtesLimit} creeps: {creep.Cases:N0} cases")
        : Invariant($"{Ranges(creep.Values)} creep: {creep.Cases:N0} cases");

    private static string? Command(KhugepagedVersion version, Creep creep) =>
        creep.Smallest is { } smallest ? $"khugepaged-spec explain {smallest} --model {version.AskedAs} --passes 2" : null;

    // 2 to 6, 8, 10 to 12
    private static string Ranges(ImmutableArray<int> values)
    {
        var ranges = new List<string>();
        for (int first = 0, next; first < values.Length; first = next)
        {
            for (next = first + 1; next < values.Length && values[next] == values[next - 1] + 1;)
                next++;
            ranges.Add(next - first == 1 ? Invariant($"{values[first]}") : Invariant($"{values[first]} to {values[next - 1]}"));
        }
        return string.Join(", ", ranges);
    }
}

internal sealed record CreepsJson(int PmdOrder, ImmutableArray<int> Orders, ImmutableArray<CreepJson> Models);

internal sealed record CreepJson(
    string Model, ImmutableArray<int>? Values, string? Open, long Cases, string? Example, ImmutableArray<string> Passes);
