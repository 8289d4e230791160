using KhugepagedSpec.Invariants;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Cli.Text;

/// <summary>Whose claims a version that was put together is held to.</summary>
internal static class Inherited
{
    /// <summary>It was put together, and so has no claims of its own.</summary>
    public static bool IsBy(KhugepagedVersion version) => Catalogue.All.All(known => known.Name != version.Name);

    /// <summary>Whose claims they are, and what it is known to break; null for a version with claims of its own.</summary>
    public static string? Of(KhugepagedVersion version)
    {
        if (!IsBy(version))
            return null;
        string[] known = [.. Contract.Invariants.Where(invariant => invariant.ExceptionFor(version) is not null)
            .Select(invariant => invariant.Name).Except(version.KnownToBreak.Keys)];
        string own = version.KnownToBreak.IsEmpty ? "" : $"; its own exceptions: {string.Join(", ", version.KnownToBreak.Keys)}";
        string broken = known.Length == 0 ? "none" : string.Join(", ", known);
        return $"claims inherited from {version.HeldToClaimsOf}, which is known to break {broken}{own}";
    }
}
