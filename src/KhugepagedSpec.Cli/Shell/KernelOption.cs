using System.CommandLine;
using System.Globalization;
using KhugepagedSpec.Guests.Packages;
using KhugepagedSpec.Policies;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Cli.Shell;

/// <summary><c>--kernel RELEASE|PATH</c>: which kernel to boot, and on what machine.</summary>
internal sealed class KernelOption(bool here = false, bool settled = true)
{
    private const string Any = "any";

    private const int LeastMemory = 512, MostMemory = 1 << 20, MostCpus = 64;

    private readonly Option<string> _kernel = new("--kernel")
    {
        Description =
            "The kernel to boot: a release or its beginning (kernel list --cached), a bzImage or vmlinuz, or the tree it was built in.",
        DefaultValueFactory = _ => "7.2",
        HelpName = "RELEASE|PATH",
        CompletionSources = { _ => KernelCache.All().Select(kernel => kernel.Release) },
    };

    private readonly Option<string?> _modules = new("--modules")
    {
        Description = "The modules of a kernel that is a PATH, for swap; those of a tree are found. Default: none.",
        HelpName = "DIR",
    };

    private readonly FlavourOption _flavour = new();
    private readonly Option<int?> _memory = Options.Number("--memory",
        "Memory of a guest, in MB. Default: 1024; 5120 with 16k pages, 6144 with 64k.");
    private readonly Option<int?> _cpus = Options.Number("--cpus", "CPUs of a guest. Default: 1; compare has one more, off but now and then.");

    private readonly Option<int?> _nodes = new("--nodes")
    {
        Description = "NUMA nodes of a guest, 1 or 2, far apart; for compare, record, selftest. Default: 1.",
        HelpName = "N",
    };

    // Where processes stand still while khugepaged runs.
    private readonly Option<string?>? _daemonCpu = settled ? new("--khugepaged-cpu")
    {
        Description = "The CPU that khugepaged runs on, below --cpus, or any; the processes are on CPU 0. Default: 0.",
        HelpName = "N|any",
        CompletionSources = { _ => [Any] },
    } : null;

    private readonly Option<bool>? _balancing = settled ? new("--numa-balancing")
    {
        Description = "With --nodes 2: NUMA balancing is on, and looks at processes as often as it can.",
    } : null;

    private readonly Option<string?> _append = new("--append")
    {
        Description = "Words for the end of the kernel's command line.",
        HelpName = "WORDS",
    };

    private readonly Option<string?> _qemuArguments = new("--qemu-args")
    {
        Description = "Words for the end of QEMU's command line, with blanks between.",
        HelpName = "WORDS",
    };

    private readonly HereOption? _here = here ? new HereOption() : null;

    /// <summary>Makes all of them options of a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_kernel);
        command.Options.Add(_modules);
        _here?.AddTo(command);
        AddMachineTo(command);
    }

    /// <summary>Makes those of the machine options of a command that is told its kernels otherwise.</summary>
    public void AddMachineTo(Command command)
    {
        _flavour.AddTo(command);
        foreach (var option in OfMachine)
            command.Options.Add(option);
    }

    private IEnumerable<Option> OfMachine =>
        new Option?[] { _memory, _cpus, _nodes, _daemonCpu, _balancing, _append, _qemuArguments }.OfType<Option>();

    /// <summary>The kernel to boot, with its machine.</summary>
    /// <param name="parsed">The arguments.</param>
    /// <param name="isModelled">Something models it whatever its release: a version was named, or none is needed.</param>
    /// <exception cref="UsageException">It is not there, or nothing models it; the message says what to do.</exception>
    public CachedKernel Get(ParseResult parsed, bool isModelled = false)
    {
        if (_here?.IsMeant(parsed, [_kernel, _modules, .. _flavour.Options, .. OfMachine]) != true)
            return Get(parsed, "--kernel", parsed.GetValue(_kernel)!, parsed.GetValue(_modules), isModelled);
        var kernel = CachedKernel.Here();
        Refuse(kernel.Release, kernel.Release, isModelled, "--here");
        return _here.Prepare(parsed, kernel);
    }

    /// <summary>A kernel that is an argument.</summary>
    /// <param name="parsed">The arguments.</param>
    /// <param name="argument">Its name.</param>
    /// <param name="wanted">What it says.</param>
    /// <exception cref="UsageException">It is not there; the message says what to do.</exception>
    public CachedKernel Get(ParseResult parsed, string argument, string wanted) => Get(parsed, argument, wanted, null, isModelled: true);

    private CachedKernel Get(ParseResult parsed, string option, string wanted, string? modules, bool isModelled)
    {
        var machine = new GuestMachine
        {
            MemoryMegabytes = Within("--memory", parsed.GetValue(_memory), GuestMachine.Usual.MemoryMegabytes, LeastMemory, MostMemory),
            Cpus = Within("--cpus", parsed.GetValue(_cpus), GuestMachine.Usual.Cpus, 1, MostCpus),
            Nodes = Within("--nodes", parsed.GetValue(_nodes), 1, 1, 2),
            Append = parsed.GetValue(_append) ?? "",
            DaemonCpu = DaemonCpu(parsed),
            BalancesNuma = _balancing is not null && parsed.GetValue(_balancing),
            QemuArguments = [.. (parsed.GetValue(_qemuArguments) ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries)],
        };
        if ((machine.DaemonCpu ?? 1) >= machine.Cpus)
            throw new UsageException(
                $"--khugepaged-cpu {parsed.GetValue(_daemonCpu!)}: the guest has {machine.Cpus}: expected more --cpus");
        if (machine is { BalancesNuma: true, Nodes: 1 })
            throw new UsageException("--numa-balancing: the guest has one NUMA node: expected --nodes 2");
        var flavour = _flavour.Get(parsed, wanted);
        var kernel = Own(option, wanted, modules, flavour) ?? Cached(option, wanted, modules, flavour);
        Refuse(wanted, kernel.Release, isModelled, option);
        if (parsed.GetValue(_memory) is null)
            machine = machine with { MemoryMegabytes = GuestMachine.UsualFor(kernel.Flavour).MemoryMegabytes };
        return kernel with { Machine = machine };
    }

    /// <summary>The words that ask for a kernel as it was asked for.</summary>
    public static string Words(CachedKernel kernel)
    {
        if (kernel.IsHere)
            return kernel.ScansOthers ? "--here --scan-others" : "--here";
        var machine = kernel.Machine;
        var words = new List<string> { "--kernel", Quoted(kernel.Name) };
        Add("--modules", kernel.ModulesFolder);
        int usual = GuestMachine.UsualFor(kernel.Flavour).MemoryMegabytes;
        Add("--memory", machine.MemoryMegabytes == usual ? null : $"{machine.MemoryMegabytes}");
        Add("--cpus", machine.Cpus == GuestMachine.Usual.Cpus ? null : $"{machine.Cpus}");
        Add("--nodes", machine.Nodes == 1 ? null : $"{machine.Nodes}");
        Add("--khugepaged-cpu", machine.DaemonCpu == 0 ? null : $"{machine.DaemonCpu?.ToString(CultureInfo.InvariantCulture) ?? Any}");
        if (machine.BalancesNuma)
            words.Add("--numa-balancing");
        Add("--append", machine.Append.Length == 0 ? null : machine.Append);
        Add("--qemu-args", machine.QemuArguments.IsEmpty ? null : string.Join(' ', machine.QemuArguments));
        return string.Join(' ', words);

        void Add(string option, string? value)
        {
            if (value is not null)
                words.AddRange([option, Quoted(value)]);
        }
    }

    // What is older than all that is modelled cannot be driven either: the sizes have no files in sysfs before 6.8.
    internal static void Refuse(string wanted, string release, bool isModelled, string option = "--kernel")
    {
        bool isOlder = ReleaseRange.TryParse(release, out var number, out _) && number.CompareTo(Catalogue.Released[0].Releases!.First) < 0;
        if (isOlder || (!isModelled && Catalogue.ForRelease(release) is null))
            throw new UsageException(
                $"{option}{(option == "--here" ? "" : $" {wanted}")}: Linux {release} is not modelled: "
                + $"expected {Catalogue.ModelledReleases}{(isOlder ? "" : ", or --model NAME")}");
    }

    private int? DaemonCpu(ParseResult parsed) => _daemonCpu is null || parsed.GetValue(_daemonCpu) is not { } text ? 0
        : text == Any ? null
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int cpu) ? cpu
        : throw new UsageException($"--khugepaged-cpu {text}: expected the number of a CPU, or {Any}");

    // A release that is cached is meant before a file of its name.
    private static CachedKernel? Own(string option, string wanted, string? modules, KernelFlavour? flavour)
    {
        bool isPath = wanted.Contains('/', StringComparison.Ordinal) || wanted is "." or ".."
            || (KernelCache.Find(wanted, flavour) is null && (File.Exists(wanted) || Directory.Exists(wanted)));
        if (!isPath)
            return null;
        CachedKernel kernel;
        try
        {
            kernel = OwnKernel.At(wanted, modules, Interrupt.OfTheRun);
        }
        catch (KernelPackageException error)
        {
            throw new UsageException($"{option} {error.Message}");
        }
        if (flavour is not null && flavour != kernel.Flavour)
            throw new UsageException($"{option} {wanted}: it is of {kernel.Flavour}: expected{kernel.Flavour.Options}, or neither option");
        string[] lacking = kernel.ConfigPath is { } config
            ? [.. GuestConfig.Lacking(File.ReadAllText(config)).Where(line => line.IsNeeded).Select(line => line.Line)] : [];
        return lacking.Length == 0 ? kernel
            : throw new UsageException($"{option} {wanted}: built without {string.Join(", ", lacking)}: no guest runs without; khugepaged-spec kernel config says what for");
    }

    private static CachedKernel Cached(string option, string wanted, string? modules, KernelFlavour? flavour)
    {
        if (modules is not null)
            throw new UsageException($"--modules {modules}: a kernel of the cache has its own: expected it with --kernel PATH");
        return KernelCache.Find(wanted, flavour)
            ?? throw new UsageException(
                $"{option} {wanted}: not cached: expected a cached release; "
                + $"khugepaged-spec kernel fetch {wanted}{flavour?.Options} gets it");
    }

    private static int Within(string option, int? value, int usual, int least, int most) =>
        (value ?? usual) is var number && number >= least && number <= most ? number
            : throw new UsageException($"{option} {number}: expected {least} to {most}");

    private static string Quoted(string word) =>
        word.Length > 0 && word.All(letter => char.IsAsciiLetterOrDigit(letter)
            || "/._-+=,:@%~".Contains(letter, StringComparison.Ordinal)) ? word
        : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
