using System.Globalization;

namespace KhugepagedSpec.Guests.Machine;

/// <summary>
/// Other processes that khugepaged would scan along: its list is not to be seen, so who has advised memory is. Source: Linux,
/// <c>Documentation/filesystems/proc.rst</c> (VmFlags, <c>hg</c>).
/// </summary>
public static class Bystanders
{
    private const string Advised = " hg";

    /// <summary>Those with memory that MADV_HUGEPAGE was called on, as <c>qemu (123)</c>.</summary>
    /// <param name="proc">Where proc is mounted.</param>
    public static IEnumerable<string> Of(string proc = "/proc")
    {
        foreach (string folder in Directory.EnumerateDirectories(proc))
        {
            if (!int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out int pid)
                || pid == Environment.ProcessId)
                continue;
            string? name = null;
            try
            {
                if (File.ReadLines(Path.Combine(folder, "smaps")).Any(IsAdvised))
                    name = File.ReadAllText(Path.Combine(folder, "comm")).Trim();
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // It has ended.
            }
            if (name is not null)
                yield return FormattableString.Invariant($"{name} ({pid})");
        }
    }

    private static bool IsAdvised(string line) =>
        line.StartsWith("VmFlags:", StringComparison.Ordinal) && $"{line} ".Contains($"{Advised} ", StringComparison.Ordinal);
}
