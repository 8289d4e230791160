using System.CommandLine;
using KhugepagedSpec.Guests.Packages;
using KhugepagedSpec.Policies;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Cli.Shell;

/// <summary><c>--kernel RELEASE|PATH</c>: which kernel to boot, and on what machine.</summary>
internal sealed class KernelOption
{
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

    private readonly Option<int?> _memory = Options.Number("--memory", "Memory of a guest, in MB. Default: 1024.");
    private readonly Option<int?> _cpus = Options.Number("--cpus", "CPUs of a guest. Default: 1.");

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

    /// <summary>Makes all of them options of a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_kernel);
        command.Options.Add(_modules);
        AddMachineTo(command);
    }

    /// <summary>Makes those of the machine options of a command that is told its kernels otherwise.</summary>
    public void AddMachineTo(Command command)
    {
        foreach (var option in new Option[] { _memory, _cpus, _append, _qemuArguments })
            command.Options.Add(option);
    }

    /// <summary>The kernel to boot, with its machine.</summary>
    /// <param name="parsed">The arguments.</param>
    /// <param name="isModelled">Something models it whatever its release: a version was named, or none is needed.</param>
    /// <exception cref="UsageException">It is not there, or nothing models it; the message says what to do.</exception>
    public CachedKernel Get(ParseResult parsed, bool isModelled = false) =>
        Get(parsed, "--kernel", parsed.GetValue(_kernel)!, parsed.GetValue(_modules), isModelled);

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
            Append = parsed.GetValue(_append) ?? "",
            QemuArguments = [.. (parsed.GetValue(_qemuArguments) ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries)],
        };
        var kernel = Own(option, wanted, modules) ?? Cached(option, wanted, modules);
        Refuse(wanted, kernel.Release, isModelled, option);
        return kernel with { Machine = machine };
    }

    /// <summary>The words that ask for a kernel as it was asked for.</summary>
    public static string Words(CachedKernel kernel)
    {
        var machine = kernel.Machine;
        var words = new List<string> { Quoted(kernel.Name) };
        Add("--modules", kernel.ModulesFolder);
        Add("--memory", machine.MemoryMegabytes == GuestMachine.Usual.MemoryMegabytes ? null : $"{machine.MemoryMegabytes}");
        Add("--cpus", machine.Cpus == GuestMachine.Usual.Cpus ? null : $"{machine.Cpus}");
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
                $"{option} {wanted}: Linux {release} is not modelled: expected {Catalogue.ModelledReleases}{(isOlder ? "" : ", or --model NAME")}");
    }

    // A release that is cached is meant before a file of its name.
    private static CachedKernel? Own(string option, string wanted, string? modules)
    {
        bool isPath = wanted.Contains('/', StringComparison.Ordinal) || wanted is "." or ".."
            || (KernelCache.Find(wanted) is null && (File.Exists(wanted) || Directory.Exists(wanted)));
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
        string[] lacking = kernel.ConfigPath is { } config
            ? [.. GuestConfig.Lacking(File.ReadAllText(config)).Where(line => line.IsNeeded).Select(line => line.Line)] : [];
        return lacking.Length == 0 ? kernel
            : throw new UsageException($"{option} {wanted}: built without {string.Join(", ", lacking)}: no guest runs without; khugepaged-spec kernel config says what for");
    }

    private static CachedKernel Cached(string option, string wanted, string? modules)
    {
        if (modules is not null)
            throw new UsageException($"--modules {modules}: a kernel of the cache has its own: expected it with --kernel PATH");
        return KernelCache.Find(wanted)
            ?? throw new UsageException(
                $"{option} {wanted}: not cached: expected a cached release; khugepaged-spec kernel fetch {wanted} gets it");
    }

    private static int Within(string option, int? value, int usual, int least, int most) =>
        (value ?? usual) is var number && number >= least && number <= most ? number
            : throw new UsageException($"{option} {number}: expected {least} to {most}");

    private static string Quoted(string word) =>
        word.Length > 0 && word.All(letter => char.IsAsciiLetterOrDigit(letter)
            || "/._-+=,:@%~".Contains(letter, StringComparison.Ordinal)) ? word
        : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
