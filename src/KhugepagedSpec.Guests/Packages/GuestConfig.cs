using System.Collections.Immutable;
using System.Text;

namespace KhugepagedSpec.Guests.Packages;

/// <summary>One option of a kernel's configuration.</summary>
/// <param name="Name">Its name, without CONFIG_.</param>
/// <param name="IsNeeded">No guest runs without it; false: what it is for never occurs.</param>
/// <param name="What">What it is for.</param>
public sealed record GuestConfigOption(string Name, bool IsNeeded, string What)
{
    /// <summary>As a configuration has it where it is set.</summary>
    public string Line => $"CONFIG_{Name}=y";
}

/// <summary>What a kernel must be built with to be a guest, and what for. Source: Linux 7.2, the Kconfig files; a build of it that has
/// these alone.</summary>
public static class GuestConfig
{
    private const string Boot = "the guest boots from an archive and talks through a virtio port",
        Console = "the console: what it says before it dies";

    // What arm64 has no option of, or does without on the board of its guests.
    private static readonly string[] OfX86 =
        ["ACPI", "SERIAL_8250", "SERIAL_8250_CONSOLE", "X86_MCE", "HYPERVISOR_GUEST", "PARAVIRT", "KVM_GUEST"];

    /// <summary>All, in the order in which they are printed.</summary>
    public static ImmutableArray<GuestConfigOption> Options { get; } =
    [
        .. Needed("64BIT", "4K pages, 512 PTEs"),
        .. Needed("BLK_DEV_INITRD BINFMT_ELF DEVTMPFS PCI VIRTIO_MENU VIRTIO_PCI VIRTIO_CONSOLE ACPI MULTIUSER", Boot),
        .. Needed("TTY SERIAL_8250 SERIAL_8250_CONSOLE", Console),
        .. Needed("PROC_FS PROC_SYSCTL SYSFS TMPFS SHMEM", "settings, counters; shmem's size keeps khugepaged running"),
        .. Needed("PROC_PAGE_MONITOR", "pagemap and kpageflags: page tables are read"),
        .. Needed("TRANSPARENT_HUGEPAGE", "khugepaged"),
        .. Needed("ADVISE_SYSCALLS POSIX_TIMERS FUTEX EPOLL", "what the agent calls"),
        .. Wanted("PRINTK", "the log: BUG, WARNING and the like are differences"),
        .. Wanted("FTRACE PERF_EVENTS", "tracepoints: scans and attempts, with their lines"),
        .. Wanted("KALLSYMS KPROBES KPROBE_EVENTS", "probes: which range is visited, and where an attempt begins"),
        .. Wanted("VM_EVENT_COUNTERS", "thp_ events of /proc/vmstat"),
        .. Wanted("COMPACTION MIGRATION", "folios of every order, also late in a run"),
        .. Wanted("SWAP BLOCK BLK_DEV ZSMALLOC CRYPTO CRYPTO_LZO ZRAM", "swap: s, S, s[slot+count], pageout"),
        .. Wanted("KSM", "K"),
        .. Wanted("CGROUPS MEMCG", "charge-fails, and memory.stat"),
        .. Wanted("USERFAULTFD", "w, W, q, k, --uffd"),
        .. Wanted("X86_MCE MEMORY_FAILURE", "b"),
        .. Wanted("SCHEDSTATS", "the end of a pass that failed is seen, and not waited for"),
        .. Wanted("DEBUG_FS BUG", "warns again of what it warned of once, so that a WARN_ON_ONCE can be made small"),
        .. Wanted("SMP NO_HZ_IDLE HYPERVISOR_GUEST PARAVIRT KVM_GUEST HIGH_RES_TIMERS CC_OPTIMIZE_FOR_PERFORMANCE", "speed, --cpus, and pages that another CPU writes to meanwhile"),
    ];

    /// <summary>Options that find more, and make a kernel slower.</summary>
    public static ImmutableArray<GuestConfigOption> Checks { get; } =
    [
        .. Wanted("DEBUG_VM DEBUG_VM_PGTABLE DEBUG_LIST BUG_ON_DATA_CORRUPTION", "assertions of mm/"),
        .. Wanted("KASAN", "use after free: give guests --memory 2048"),
        .. Wanted("PROVE_LOCKING DEBUG_ATOMIC_SLEEP", "lockdep"),
        .. Wanted("PAGE_POISONING PAGE_OWNER PAGE_TABLE_CHECK PAGE_TABLE_CHECK_ENFORCED", "pages and tables used after they were freed"),
    ];

    /// <summary>The fragment, with a line before each group that says what it is for.</summary>
    public static string Fragment()
    {
        var text = new StringBuilder("# No guest runs without these.\n");
        Append(text, Options.Where(option => option.IsNeeded), "");
        text.Append("\n# Without these the letters, flags and checks that are named never occur, which is said.\n");
        Append(text, Options.Where(option => !option.IsNeeded), "");
        text.Append("\n# What these find is a difference too; each makes the kernel slower.\n");
        Append(text, Checks, "# ");
        return text.ToString();
    }

    /// <summary>Options that a configuration does not set.</summary>
    /// <param name="config">A .config.</param>
    public static IEnumerable<GuestConfigOption> Lacking(string config)
    {
        var lines = Lines(config);
        bool isArm64 = lines.Contains("CONFIG_ARM64=y");
        return Options.Where(option => !lines.Contains(option.Line) && !(isArm64 && OfX86.Contains(option.Name)));
    }

    /// <summary>The lines of a configuration.</summary>
    internal static HashSet<string> Lines(string config) =>
        config.Split('\n').Select(line => line.TrimEnd('\r')).ToHashSet(StringComparer.Ordinal);

    private static void Append(StringBuilder text, IEnumerable<GuestConfigOption> options, string before)
    {
        string what = "";
        foreach (var option in options)
        {
            if (option.What != what)
                text.Append(System.Globalization.CultureInfo.InvariantCulture, $"# {what = option.What}\n");
            text.Append(System.Globalization.CultureInfo.InvariantCulture, $"{before}{option.Line}\n");
        }
    }

    private static IEnumerable<GuestConfigOption> Needed(string names, string what) =>
        names.Split(' ').Select(name => new GuestConfigOption(name, true, what));

    private static IEnumerable<GuestConfigOption> Wanted(string names, string what) =>
        names.Split(' ').Select(name => new GuestConfigOption(name, false, what));
}
