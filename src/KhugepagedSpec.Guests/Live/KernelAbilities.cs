using System.Collections.Immutable;
using KhugepagedSpec.Guests.Machine;
using KhugepagedSpec.Guests.Packages;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
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

    /// <summary>The machine that its guest is.</summary>
    public MachineType Machine { get; init; } = MachineType.X86;

    /// <summary>The machine that models are run as.</summary>
    public MachineType ModelledAs
    {
        get => field ?? Machine;
        init;
    }

    /// <summary>Scenarios that may share a pass: where a PMD entry spans 512 MB, more would not fit into the guest.</summary>
    internal int MostTogether => Machine.PageKilobytes > 16 ? 4 : LiveScenarios.Together;

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

    /// <summary>It runs on this machine, which others use.</summary>
    public bool IsHere { get; init; }

    /// <summary>A thread can write on a CPU of its own meanwhile.</summary>
    internal bool HasWriters => IsSmp && !IsHere;

    /// <summary>What a process counts of its memory can be read exactly.</summary>
    public bool CountsExactly { get; init; }

    /// <summary>How many NUMA nodes its machine has.</summary>
    public int Nodes { get; init; } = 1;

    /// <summary>NUMA balancing is on.</summary>
    public bool BalancesNuma { get; init; }

    /// <summary>It can have several CPUs.</summary>
    public bool IsSmp { get; init; } = true;

    /// <summary>It can be told to warn again of what it warned of once.</summary>
    public bool ForgetsWarnings { get; init; }

    /// <summary>Each CPU keeps swap slots for itself, which count as used (seen on 6.12; told by the symbol of that cache).</summary>
    public bool KeepsSwapSlots { get; init; }

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
        if (IsHere)
            yield return new Lack("what harms others", "this machine is in use", ["K", "b", "charge-fails", "alloc-fails", "always"],
                OthersHaveIt: true);
        if (!HasMemcg && !IsHere)
            yield return new Lack("memcg", "no memory cgroups", ["charge-fails"], OthersHaveIt: true);
        if (!HasKsm && !IsHere)
            yield return new Lack("KSM", "built without it", ["K"], OthersHaveIt: true);
        else if (!TellsKsm && !IsHere)
            yield return new Lack("KSM", "its pages cannot be told from others before 7.1", ["K"], OthersHaveIt: false);
        if (!HasGuards)
            yield return new Lack("guards", "from 6.13 on", ["g", "guard"], OthersHaveIt: false);
        if (!HasUffd)
            yield return new Lack("userfaultfd", "built without it", ["w", "W", "q", "k", "S", "--uffd"], OthersHaveIt: true);
        else if (!HasUffdWp)
            yield return new Lack("uffd-wp", "userfaultfd without it", ["w", "W", "q", "k", "S", "--uffd wp"], OthersHaveIt: true);
        else if (!HasUffdPoison)
            yield return new Lack("poison markers", "userfaultfd without them", ["k"], OthersHaveIt: true);
        if (!HasHwPoison && !IsHere)
            yield return new Lack("memory failure", "built without it", ["b"], OthersHaveIt: true);
        if (!HasEvents)
            yield return new Lack("tracepoints",
                (IsHere ? "tracefs not mounted at /sys/kernel/tracing, or " : "") + "built without the events of huge_memory",
                ["scans", "attempts", "trace lines"], OthersHaveIt: true);
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
        if (!IsSmp)
            yield return new Lack("other CPUs", "built without SMP", ["pages that are written to meanwhile"], OthersHaveIt: true);
        if (!HasLog)
            yield return new Lack("log", "built without printk", ["BUG", "WARNING"], OthersHaveIt: true);
    }

    /// <summary>What a kernel can be asked for, as far as it is known before it is booted: what may be there is taken to be
    /// there.</summary>
    public static KernelAbilities BeforeBoot(CachedKernel kernel)
    {
        if (kernel.IsHere)
            return FromGreeting($"{kernel.Release}\nhere 1\nmemcg 0\nksm 0\nhwpoison 0\nswap {(SwapsToZram() ? 1 : 0)}\n") with
            {
                Machine = MachineOf(kernel.Flavour),
            };
        var config = kernel.ConfigPath is { } path ? GuestConfig.Lines(File.ReadAllText(path)) : null;
        bool hasZram = kernel.ModulePaths.Any(module => Path.GetFileName(module).StartsWith("zram.", StringComparison.Ordinal));
        return FromGreeting($"{kernel.Release}\nswap 1\n") with
        {
            Machine = MachineOf(kernel.Flavour),
            HasSwap = hasZram || Has("CONFIG_ZRAM=y"),
            HasMemcg = Has("CONFIG_MEMCG=y"),
            HasKsm = Has("CONFIG_KSM=y"),
            Nodes = kernel.Machine.Nodes,
            BalancesNuma = kernel.Machine.BalancesNuma,
        };

        bool Has(string option) => config is null || config.Contains(option);
    }

    private static bool SwapsToZram() =>
        File.Exists("/proc/swaps") && File.ReadAllText("/proc/swaps").Contains("/dev/zram", StringComparison.Ordinal);

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
}
