using System.CommandLine;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Guests.Packages;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec kernel fetch</c>: kernels into the cache.</summary>
internal static class KernelFetchCommand
{
    public static Command Create()
    {
        var releases = new Argument<string[]>("RELEASE")
        {
            Arity = ArgumentArity.OneOrMore,
            Description = "A release as kernel list prints it, or its beginning: 7.2 is the newest 7.2.",
        };
        var flavour = new FlavourOption();
        var command = new Verb(
            "fetch",
            "Download and unpack Debian's kernels for guests, unless they are cached.",
            """
            Prints each kernel's folder: vmlinuz, config, and in modules/ zram and what it needs, in the order of modules/order.
            A beginning that something cached matches is not looked for elsewhere.

            Examples:
              khugepaged-spec kernel fetch 7.2 7.3
              khugepaged-spec kernel fetch 7.2 --arch arm64 --page-size 16k
            """)
        { releases };
        flavour.AddTo(command);
        command.SetAction(parsed => Run(parsed.GetValue(releases)!, release => flavour.Get(parsed, release)));
        return command;
    }

    private static int Run(string[] releases, Func<string, KernelFlavour?> flavourOf)
    {
        using var progress = new LateProgress(Console.Error);
        int code = ExitCode.Agree;
        foreach (string release in releases)
        {
            var flavour = flavourOf(release);
            try
            {
                bool isCached = KernelCache.Find(release, flavour) is not null;
                var kernels = new DebianKernels(progress.Say, Interrupt.OfTheRun, flavour?.Architecture);
                Print(kernels.Fetch(release, flavour?.PageKilobytes ?? 4), isCached);
            }
            catch (KernelPackageException error)
            {
                code = ExitCode.Refuse(error.Message);
            }
        }
        return code;
    }

    private static void Print(CachedKernel kernel, bool wasCached)
    {
        string[] notes = [.. wasCached ? ["cached already"] : Array.Empty<string>(), .. kernel.ModulePaths.IsEmpty
            ? ["no modules, so no zram in a guest"] : Array.Empty<string>()];
        Console.WriteLine($"{kernel.Release}  {kernel.Folder}{(notes.Length > 0 ? $"  ({string.Join("; ", notes)})" : "")}");
    }
}
