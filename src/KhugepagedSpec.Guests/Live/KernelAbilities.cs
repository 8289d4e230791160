using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using KhugepagedSpec.Guests.Machine;
using KhugepagedSpec.Guests.Packages;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Results;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Guests.Live;

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

    /// <summary>It has memory cgroups.</summary>
    public bool HasMemcg { get; init; } = true;

    /// <summary>It has KSM.</summary>
    public bool HasKsm { get; init; } = true;

    /// <summary>khugepaged knows sizes below the PMD's (7.2).</summary>
    public bool CollapsesToMthp => Number.CompareTo((7, 2)) >= 0;

    /// <summary>collapse_single_pmd() is its name for a visit to one PMD range (7.1); before it was hpage_collapse_scan_pmd().</summary>
    public bool HasSinglePmd => Number.CompareTo((7, 1)) >= 0;

    /// <summary>MADV_GUARD_INSTALL (6.13).</summary>
    public bool HasGuards => Number.CompareTo((6, 13)) >= 0;

    /// <summary>userfaultfd can protect against reads (7.3).</summary>
    public bool HasUffdRwp => Number.CompareTo((7, 3)) >= 0;

    /// <summary>prctl(PR_SET_THP_DISABLE) can leave out what is advised (6.18).</summary>
    public bool HasThpDisableExceptAdvised => Number.CompareTo((6, 18)) >= 0;

    /// <summary>khugepaged stops when the PMD's size is not enabled, whatever else is (before 7.2).</summary>
    public bool NeedsPmdSize => !CollapsesToMthp;

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
    public string Kinds => ".xZzohplLwWqkbr" + (TellsKsm && HasKsm ? "K" : "") + (HasSwap ? "sS" : "") + (HasGuards ? "g" : "");

    /// <summary>
    /// What never occurs on it, and why: what it lacks, or does not show. What its release does not have is no gap of a comparison with the
    /// version that models it; what others of the release have is one.
    /// </summary>
    public ImmutableArray<Lack> Lacks => [.. FindLacks()];

    private IEnumerable<Lack> FindLacks()
    {
        if (!HasSwap)
            yield return new Lack("swap", "no swap device", ["s", "S", "s[slot+count]", "pageout"], OthersHaveIt: true);
        if (!HasMemcg)
            yield return new Lack("memcg", "no memory cgroups", ["charge-fails"], OthersHaveIt: true);
        if (!HasKsm)
            yield return new Lack("KSM", "built without it", ["K"], OthersHaveIt: true);
        else if (!TellsKsm)
            yield return new Lack("KSM", "its pages cannot be told from others before 7.1", ["K"], OthersHaveIt: false);
        if (!HasGuards)
            yield return new Lack("guards", "from 6.13 on", ["g", "guard"], OthersHaveIt: false);
    }

    /// <summary>What a kernel can be asked for, as far as it is known before it is booted: what may be there is taken to be there.</summary>
    public static KernelAbilities BeforeBoot(CachedKernel kernel)
    {
        string? config = kernel.ConfigPath is { } path ? File.ReadAllText(path) : null;
        bool hasZram = kernel.ModulePaths.Any(module => Path.GetFileName(module).StartsWith("zram.", StringComparison.Ordinal));
        return FromGreeting($"{kernel.Release}\nswap 1\n") with
        {
            HasSwap = hasZram || Has("CONFIG_ZRAM=y"),
            HasMemcg = Has("CONFIG_MEMCG=y"),
            HasKsm = Has("CONFIG_KSM=y"),
        };

        bool Has(string option) => config is null || config.Contains($"{option}\n", StringComparison.Ordinal);
    }

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
            HasMemcg = !lines.Contains("memcg 0"),
            HasKsm = !lines.Contains("ksm 0"),
        };

        static int Part(Group group) => int.Parse(group.ValueSpan, CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"^(\d+)\.(\d+)")]
    private static partial Regex Numbers();
}

/// <summary>Something that never occurs on a kernel.</summary>
/// <param name="What">What it is.</param>
/// <param name="Why">Why not.</param>
/// <param name="Kinds">What of a scenario needs it: letters of the notation, steps of a program, injected faults.</param>
/// <param name="OthersHaveIt">Other kernels of the release have it.</param>
public sealed record Lack(string What, string Why, ImmutableArray<string> Kinds, bool OthersHaveIt)
{
    /// <summary>As <c>swap (no swap device): s, S, pageout</c>.</summary>
    public override string ToString() => $"{What} ({Why}): {string.Join(", ", Kinds)}";
}
