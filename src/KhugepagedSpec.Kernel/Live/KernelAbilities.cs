using System.Globalization;
using System.Text.RegularExpressions;
using KhugepagedSpec.Kernel.Guest;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Kernel.Live;

/// <summary>What a kernel can be asked for, by its release and by what its agent found.</summary>
public sealed partial record KernelAbilities
{
    /// <summary>The release, as uname has it.</summary>
    public required string Release { get; init; }

    /// <summary>Release and version, as uname has them.</summary>
    public required string FullName { get; init; }

    /// <summary>Major and minor number.</summary>
    public required (int Major, int Minor) Number { get; init; }

    /// <summary>It has a swap device.</summary>
    public required bool HasSwap { get; init; }

    /// <summary>khugepaged knows sizes below the PMD's (7.2).</summary>
    public bool CollapsesToMthp => Number.CompareTo((7, 2)) >= 0;

    /// <summary>collapse_single_pmd() is its name for a visit to one PMD range (7.1); before it was hpage_collapse_scan_pmd().</summary>
    public bool HasSinglePmd => Number.CompareTo((7, 1)) >= 0;

    /// <summary>MADV_GUARD_INSTALL (6.13).</summary>
    public bool HasGuards => Number.CompareTo((6, 13)) >= 0;

    /// <summary>userfaultfd can protect against reads (7.3).</summary>
    public bool HasUffdRwp => Number.CompareTo((7, 3)) >= 0;

    /// <summary>kpageflags tells KSM pages from other anonymous ones; 6.12 and 7.0 call them all KSM.</summary>
    public bool TellsKsm => Number.CompareTo((7, 1)) >= 0;

    /// <summary>The version of the catalogue that models it; null if none does.</summary>
    public KhugepagedVersion? KnownModel => Catalogue.ForRelease(FullName);

    /// <summary>The version of the catalogue that models it.</summary>
    /// <exception cref="GuestException">None does.</exception>
    public KhugepagedVersion Model => KnownModel
        ?? throw new GuestException($"Linux {Release} is not modelled: expected {Catalogue.ModelledReleases}, or --model NAME", []);

    /// <summary>What its tracepoints print; of a kernel that nothing models, as the newest do.</summary>
    internal TraceText Trace => (KnownModel ?? Catalogue.Linux73).Trace;

    /// <summary>The letters of the notation that can be made on it.</summary>
    public string Kinds => ".xZzohplLwWqkbr" + (TellsKsm ? "K" : "") + (HasSwap ? "sS" : "") + (HasGuards ? "g" : "");

    internal static KernelAbilities FromGreeting(string greeting)
    {
        var lines = greeting.Split('\n');
        var number = Numbers().Match(lines[0]);
        return new KernelAbilities
        {
            FullName = lines[0],
            Release = lines[0].Split(' ')[0],
            Number = (Part(number.Groups[1]), Part(number.Groups[2])),
            HasSwap = lines.Contains("swap 1"),
        };

        static int Part(Group group) => int.Parse(group.ValueSpan, CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"^(\d+)\.(\d+)")]
    private static partial Regex Numbers();
}
