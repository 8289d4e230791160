using System.CommandLine;
using KhugepagedSpec.Guests.Machine;
using KhugepagedSpec.Guests.Packages;

namespace KhugepagedSpec.Cli.Shell;

/// <summary>The options <c>--here</c> and <c>--scan-others</c>: the kernel that runs on this machine, in a guest's place.</summary>
internal sealed class HereOption
{
    private const int MostNamed = 4;

    private readonly Option<bool> _here = new("--here")
    {
        Description = "The kernel that runs here, as root; what is set is put back. Not where other processes have advised memory.",
    };

    private readonly Option<bool> _scansOthers = new("--scan-others")
    {
        Description = "With --here: also where other processes have advised memory, which is collapsed then; no counter is judged.",
    };

    /// <summary>Makes both options of a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_here);
        command.Options.Add(_scansOthers);
    }

    /// <summary>Whether this machine is meant.</summary>
    /// <param name="parsed">The arguments.</param>
    /// <param name="ofGuests">Options that say which guest is meant instead.</param>
    /// <exception cref="UsageException">Both are.</exception>
    public bool IsMeant(ParseResult parsed, IEnumerable<Option> ofGuests)
    {
        bool isMeant = parsed.GetValue(_here);
        if (!isMeant && parsed.GetValue(_scansOthers))
            throw new UsageException("--scan-others: expected it with --here");
        if (isMeant && ofGuests.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } other)
            throw new UsageException($"--here contradicts {other.Name}: expected one of them");
        return isMeant;
    }

    /// <summary>The kernel, if this machine will do; says what is going to be changed.</summary>
    /// <param name="parsed">The arguments.</param>
    /// <param name="kernel">The kernel.</param>
    /// <exception cref="UsageException">It will not do.</exception>
    public CachedKernel Prepare(ParseResult parsed, CachedKernel kernel)
    {
        if (ThisMachineFit.WhyNot() is { } reason)
            throw new UsageException($"--here: {reason}");
        bool scansOthers = parsed.GetValue(_scansOthers);
        var others = Bystanders.Of().Take(MostNamed).ToList();
        if (others.Count > 0 && !scansOthers)
            throw new UsageException($"--here: khugepaged would scan others too, which have advised memory: {string.Join(", ", others)}: "
                + "expected none, or --scan-others");
        Console.Error.WriteLine("khugepaged-spec: sets on this machine, until it ends or is killed: files below "
            + "/sys/kernel/mm/transparent_hugepage; vm.page-cluster, compaction_proactiveness; damon_stat; khugepaged's CPU; "
            + "a tracing instance and two kprobes");
        return kernel with { ScansOthers = scansOthers };
    }
}
