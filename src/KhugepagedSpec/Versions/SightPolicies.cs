using System.Globalization;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Versions;

/// <summary>What a version does not see at one place: each a bit of a <see cref="Blindness"/>.</summary>
/// <param name="place">What the policies' names begin with.</param>
/// <param name="member">The member of <see cref="KhugepagedVersion"/>.</param>
/// <param name="where">The place, in words.</param>
/// <param name="source">The kernel's file and function.</param>
/// <param name="from">Gets the member.</param>
/// <param name="to">Sets it.</param>
internal sealed class SightPolicies(string place, string member, string where, string source, Func<KhugepagedVersion, Blindness> from,
    Func<KhugepagedVersion, Blindness, KhugepagedVersion> to)
{
    /// <summary>Whether a limit is looked at.</summary>
    public VersionPolicy Limit(string name, string what, Limits limit) => Of(name, what, $"Limits.{limit}", limit,
        blindness => blindness.Limits, (blindness, limits) => blindness with { Limits = limits });

    /// <summary>Whether a flag of the PTE is looked at.</summary>
    public VersionPolicy Flag(string name, string what, PteFlags flag) => Of(name, what, $"PteFlags.{flag}", flag,
        blindness => blindness.PteFlags, (blindness, flags) => blindness with { PteFlags = flags });

    /// <summary>Whether a flag of the folio is looked at.</summary>
    public VersionPolicy Flag(string name, string what, FolioFlags flag) => Of(name, what, $"FolioFlags.{flag}", flag,
        blindness => blindness.FolioFlags, (blindness, flags) => blindness with { FolioFlags = flags });

    /// <summary>Whether the VMA is looked at.</summary>
    public VersionPolicy Vma(string name, string what) => Of(name, what, "Vma", true,
        blindness => blindness.Vma, (blindness, value) => blindness with { Vma = value });

    /// <summary>Whether references are looked at.</summary>
    public VersionPolicy References(string what) => Of("references", what, "References", true,
        blindness => blindness.References, (blindness, value) => blindness with { References = value });

    private VersionPolicy Of<T>(string name, string what, string part, T unseen, Func<Blindness, T> get, Func<Blindness, T, Blindness> set)
        where T : struct => VersionPolicy.Of(
            $"{place}.{name}", $"{member}.{part}", $"whether {where} looks at {what.TrimEnd(',')}", source,
            version => (Number(get(from(version))) & Number(unseen)) != 0,
            (version, isBlind) => to(version, set(from(version), With(get(from(version)), unseen, isBlind))),
            (false, new("seen", $"{what} seen by {where}")), (true, new("ignored", $"{what} ignored by {where}")));

    private static T With<T>(T all, T one, bool isBlind)
        where T : struct
    {
        int bits = isBlind ? Number(all) | Number(one) : Number(all) & ~Number(one);
        return one is bool ? (T)(object)(bits != 0) : (T)Enum.ToObject(typeof(T), bits);
    }

    private static int Number<T>(T value)
        where T : struct => Convert.ToInt32(value, CultureInfo.InvariantCulture);
}
