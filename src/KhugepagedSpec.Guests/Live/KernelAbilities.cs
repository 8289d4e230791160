using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using KhugepagedSpec.Guests.Machine;
using KhugepagedSpec.Guests.Packages;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Results;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Guests.Live;

/// <summary>What a kernel can be asked for: what its agent found, and before it was booted what kernels of its release have.</summary>
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

    /// <summary>khugepaged knows sizes below the PMD's: it counts collapses per size (7.2).</summary>
    public required bool CollapsesToMthp { get; init; }

    /// <summary>MADV_GUARD_INSTALL (6.13).</summary>
    public required bool HasGuards { get; init; }

    /// <summary>userfaultfd.</summary>
    public bool HasUffd { get; init; } = true;

    /// <summary>userfaultfd protects against writes, also what is not populated.</summary>
    public bool HasUffdWp { get; init; } = true;

    /// <summary>userfaultfd makes poison markers (6.6).</summary>
    public bool HasUffdPoison { get; init; } = true;

    /// <summary>userfaultfd can protect against reads (7.3).</summary>
    public required bool HasUffdRwp { get; init; }

    /// <summary>prctl(PR_SET_THP_DISABLE) can leave out what is advised (6.18).</summary>
    public required bool HasThpDisableExceptAdvised { get; init; }

    /// <summary>MADV_HWPOISON.</summary>
    public bool HasHwPoison { get; init; } = true;

    /// <summary>kpageflags tells KSM pages from other anonymous ones; 6.12 and 7.0 call them all KSM.</summary>
    public required bool TellsKsm { get; init; }

    /// <summary>Its functions can be probed.</summary>
    public bool HasProbes { get; init; } = true;

    /// <summary>collapse_huge_page() can be probed, which tells where an attempt begins; a compiler may inline it.</summary>
    public bool ProbesAttempts { get; init; } = true;

    /// <summary>It has the tracepoints of huge_memory.</summary>
    public bool HasEvents { get; init; } = true;

    /// <summary>/proc/vmstat counts events.</summary>
    public bool HasVmEvents { get; init; } = true;

    /// <summary>Its log can be read.</summary>
    public bool HasLog { get; init; } = true;

    /// <summary>It can be told to warn again of what it warned of once.</summary>
    public bool ForgetsWarnings { get; init; }

    /// <summary>khugepaged stops when the PMD's size is not enabled, whatever else is (before 7.2).</summary>
    public bool NeedsPmdSize => !CollapsesToMthp;

    /// <summary>The version of the catalogue that models it; null if none does.</summary>
    public KhugepagedVersion? KnownModel => Catalogue.ForRelease(FullName);

    /// <summary>The version of the catalogue that models it.</summary>
    /// <exception cref="GuestException">None does.</exception>
    public KhugepagedVersion Model => KnownModel
        ?? throw new GuestException($"Linux {Release} is not modelled: expected {Catalogue.ModelledReleases}, or --model NAME", []);

    /// <summary>What its tracepoints print; of a kernel that nothing models, as the newest do.</summary>
    internal TraceText Trace => (KnownModel ?? Catalogue.Linux73).Trace;

    /// <summary>The letters of the notation that can be made on it.</summary>
    public string Kinds => string.Concat(".xZzohplLwWqkbrKsSg".Where(CanMake));

    private bool CanMake(char letter) => letter switch
    {
        'w' or 'W' or 'q' => HasUffdWp,
        'k' => HasUffdPoison && HasUffdWp,
        'b' => HasHwPoison,
        'K' => TellsKsm && HasKsm,
        's' => HasSwap,
        'S' => HasSwap && HasUffdWp,
        'g' => HasGuards,
        _ => true,
    };

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
        if (!HasUffd)
            yield return new Lack("userfaultfd", "built without it", ["w", "W", "q", "k", "S", "--uffd"], OthersHaveIt: true);
        else if (!HasUffdWp)
            yield return new Lack("uffd-wp", "userfaultfd without it", ["w", "W", "q", "k", "S", "--uffd wp"], OthersHaveIt: true);
        else if (!HasUffdPoison)
            yield return new Lack("poison markers", "userfaultfd without them", ["k"], OthersHaveIt: true);
        if (!HasHwPoison)
            yield return new Lack("memory failure", "built without it", ["b"], OthersHaveIt: true);
        if (!HasEvents)
            yield return new Lack("tracepoints", "built without the events of huge_memory", ["scans", "attempts", "trace lines"],
                OthersHaveIt: true);
        else if (!HasProbes)
            yield return new Lack("probes", "no kprobe events, or no visit that one can be set on", ["scans", "attempts", "trace lines"],
                OthersHaveIt: true);
        else if (!ProbesAttempts)
            yield return new Lack(
                "offsets",
                    "collapse_huge_page has no probe: attempts are those of its tracepoints, and stand where the model has the order",
                    ["offsets of attempts"],
                OthersHaveIt: true);
        if (!HasVmEvents)
            yield return new Lack("vmstat", "built without VM event counters", ["thp_ events"], OthersHaveIt: true);
        if (!HasLog)
            yield return new Lack("log", "built without printk", ["BUG", "WARNING"], OthersHaveIt: true);
    }

    /// <summary>What a kernel can be asked for, as far as it is known before it is booted: what may be there is taken to be
    /// there.</summary>
    public static KernelAbilities BeforeBoot(CachedKernel kernel)
    {
        var config = kernel.ConfigPath is { } path ? GuestConfig.Lines(File.ReadAllText(path)) : null;
        bool hasZram = kernel.ModulePaths.Any(module => Path.GetFileName(module).StartsWith("zram.", StringComparison.Ordinal));
        return FromGreeting($"{kernel.Release}\nswap 1\n") with
        {
            HasSwap = hasZram || Has("CONFIG_ZRAM=y"),
            HasMemcg = Has("CONFIG_MEMCG=y"),
            HasKsm = Has("CONFIG_KSM=y"),
        };

        bool Has(string option) => config is null || config.Contains(option);
    }

    /// <summary>What this one and another can both be asked for.</summary>
    internal KernelAbilities And(KernelAbilities other) => this with
    {
        HasSwap = HasSwap && other.HasSwap,
        HasMemcg = HasMemcg && other.HasMemcg,
        HasKsm = HasKsm && other.HasKsm,
        CollapsesToMthp = CollapsesToMthp && other.CollapsesToMthp,
        HasGuards = HasGuards && other.HasGuards,
        HasUffd = HasUffd && other.HasUffd,
        HasUffdWp = HasUffdWp && other.HasUffdWp,
        HasUffdPoison = HasUffdPoison && other.HasUffdPoison,
        HasUffdRwp = HasUffdRwp && other.HasUffdRwp,
        HasThpDisableExceptAdvised = HasThpDisableExceptAdvised && other.HasThpDisableExceptAdvised,
        HasHwPoison = HasHwPoison && other.HasHwPoison,
        TellsKsm = TellsKsm && other.TellsKsm,
    };

    internal static KernelAbilities FromGreeting(string greeting)
    {
        var lines = greeting.Split('\n');
        var match = Numbers().Match(lines[0]);
        (int, int) number = (Part(match.Groups[1]), Part(match.Groups[2]));
        bool hasUffd = Has("uffd", true);
        return new KernelAbilities
        {
            FullName = lines[0],
            Release = lines[0].Split(' ')[0],
            Number = number,
            HasSwap = lines.Contains("swap 1"),
            HasMemcg = Has("memcg", true),
            HasKsm = Has("ksm", true),
            CollapsesToMthp = Has("mthp", From(7, 2)),
            HasGuards = Has("guards", From(6, 13)),
            HasUffd = hasUffd,
            HasUffdWp = hasUffd && Has("uffdwp", true),
            HasUffdPoison = hasUffd && Has("uffdpoison", true),
            HasUffdRwp = hasUffd && Has("uffdrwp", From(7, 3)),
            HasThpDisableExceptAdvised = Has("exceptadvised", From(6, 18)),
            HasHwPoison = Has("hwpoison", true),
            TellsKsm = Has("tellsksm", From(7, 1)),
            HasProbes = Has("kprobes", true),
            HasEvents = Has("events", true),
            HasVmEvents = Has("vmevents", true),
            HasLog = Has("log", true),
            ForgetsWarnings = Has("clearonce", false),
        };

        // What the agent found counts; where nobody looked yet, what a distribution's kernel of that release has.
        bool Has(string what, bool expected) => lines.Contains($"{what} 1") || (expected && !lines.Contains($"{what} 0"));

        bool From(int major, int minor) => number.CompareTo((major, minor)) >= 0;

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
