using System.CommandLine;
using KhugepagedSpec.Cli.Shell;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec kernel</c>: real kernels.</summary>
internal static class KernelCommand
{
    public static Command Create() => new Verb(
        "kernel",
        "Real kernels: find and fetch Debian's kernels, hold the model and whatif against one under QEMU, record what it does.",
        """
        Kernels come from the mirror that this machine's apt is configured for, and stay in $XDG_CACHE_HOME/khugepaged-spec
        (~/.cache/khugepaged-spec). Nothing is installed.

        Examples:
          khugepaged-spec kernel list
          khugepaged-spec kernel fetch 7.2
          khugepaged-spec kernel compare --kernel 7.2
        """)
    {
        KernelListCommand.Create(),
        KernelFetchCommand.Create(),
        KernelConfigCommand.Create(),
        KernelCompareCommand.Create(),
        KernelDiffCommand.Create(),
        KernelCostCommand.Create(),
        KernelPredictCommand.Create(),
        KernelRecordCommand.Create(),
        KernelRaceCommand.Create(),
        KernelSelftestCommand.Create(),
    };
}
