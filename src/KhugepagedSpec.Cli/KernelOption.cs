using System.CommandLine;
using KhugepagedSpec.Kernel.Packages;

namespace KhugepagedSpec.Cli;

/// <summary><c>--kernel RELEASE</c>: which cached kernel to boot.</summary>
internal static class KernelOption
{
    public static Option<string> Create() => new("--kernel")
    {
        Description = "The kernel to boot: a release, or its beginning; kernel list --cached lists them.",
        DefaultValueFactory = _ => "7.2",
        HelpName = "RELEASE",
        CompletionSources = { _ => KernelCache.All().Select(kernel => kernel.Release) },
    };

    /// <exception cref="UsageException">It is not cached; the message says how to get it.</exception>
    public static CachedKernel Get(ParseResult parsed, Option<string> option)
    {
        string wanted = parsed.GetValue(option)!;
        return KernelCache.Find(wanted) ?? throw new UsageException($"--kernel {wanted}: not cached: run khugepaged-spec kernel fetch {wanted}");
    }
}
