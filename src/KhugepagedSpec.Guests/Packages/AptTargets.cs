namespace KhugepagedSpec.Guests.Packages;

/// <summary>What <c>apt-get indextargets</c> says of the machine's package sources.</summary>
internal static class AptTargets
{
    /// <summary>How to ask for it.</summary>
    public const string Format = "$(REPO_URI)|$(CODENAME)|$(SUITE)|$(COMPONENT)|$(ORIGIN)";

    /// <summary>The address of Debian's main archive: the first that is not for security or updates only. Null if there is none.</summary>
    public static string? Archive(string targets) =>
        targets.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.TrimEnd('\r').Split('|'))
            .Where(fields => fields.Length == 5 && fields[3] == "main" && Known(fields[4]) is null or "Debian")
            .Where(fields => !IsPartial(Known(fields[1]) ?? Known(fields[2]) ?? ""))
            .Select(fields => fields[0])
            .FirstOrDefault();

    // bookworm-security, trixie-backports; but rc-buggy is a whole one.
    private static bool IsPartial(string codename) => codename.Contains('-', StringComparison.Ordinal) && codename != "rc-buggy";

    // apt leaves what it does not know as it was asked.
    private static string? Known(string field) => field.Length == 0 || field.StartsWith("$(", StringComparison.Ordinal) ? null : field;
}
