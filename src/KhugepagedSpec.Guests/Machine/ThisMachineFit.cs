using KhugepagedSpec.Guests.Packages;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Guests.Machine;

/// <summary>Whether the agent can work on the machine that this process runs on.</summary>
public static class ThisMachineFit
{
    private const string Thp = "/sys/kernel/mm/transparent_hugepage";

    /// <summary>Why not, in one line that says what was expected; null if it can.</summary>
    public static string? WhyNot()
    {
        if (!File.Exists($"{Thp}/hpage_pmd_size"))
            return $"no {Thp}: expected a kernel with transparent huge pages";
        string bytes = File.ReadAllText($"{Thp}/hpage_pmd_size").Trim();
        if (Architecture.OfHost is not { } processor || !MachineType.All.Any(machine => machine.Processor == processor.Uname
            && machine.PageBytes == Environment.SystemPageSize && $"{machine.PageBytes << machine.Geometry.PmdOrder}" == bytes))
            return $"a page of {Environment.SystemPageSize} bytes, {bytes} mapped by a PMD entry: expected one of "
                + string.Join(", ", MachineType.All);
        try
        {
            using var file = File.Open($"{Thp}/enabled", FileMode.Open, FileAccess.Write);
            using var flags = File.OpenRead("/proc/kpageflags");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return $"{error.Message.TrimEnd('.')}: expected to be root";
        }
        return null;
    }
}
