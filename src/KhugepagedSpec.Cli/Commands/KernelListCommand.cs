using System.CommandLine;
using System.Text.Json;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Guests.Packages;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec kernel list</c>: the kernels there are.</summary>
internal static class KernelListCommand
{
    public static Command Create()
    {
        var cached = new Option<bool>("--cached") { Description = "List only what was fetched; ask nobody." };
        var json = new Option<bool>("--json") { Description = "Print the list as JSON." };
        var flavour = new FlavourOption();
        var command = new Verb(
            "list",
            "List Debian's kernels for guests, newest first.",
            """
            The server is asked once a day. 'no modules': it has only the image left, so a guest has no zram.
            'unsigned': only an image without Debian's signature is there; it boots as well.

            Examples:
              khugepaged-spec kernel list --cached
              khugepaged-spec kernel list --arch arm64
            """)
        { cached, json };
        flavour.AddArchTo(command);
        command.SetAction(parsed =>
        {
            using var progress = new LateProgress(Console.Error);
            var kernels = Listed(parsed.GetValue(cached) ? []
                : new DebianKernels(progress.Say, Interrupt.OfTheRun, flavour.Arch(parsed)).Available());
            if (parsed.GetValue(json))
                Console.WriteLine(JsonSerializer.Serialize(kernels, CliJson.Readable.ListKernelJson));
            else
                Print(kernels);
            return ExitCode.Agree;
        });
        return command;
    }

    // The cache may hold what the server no longer has.
    private static List<KernelJson> Listed(IReadOnlyList<DebianKernel> available)
    {
        var cached = KernelCache.All().ToDictionary(kernel => kernel.Release, StringComparer.Ordinal);
        var offered = available.ToDictionary(kernel => kernel.Release, StringComparer.Ordinal);
        return
        [
            .. cached.Keys.Union(offered.Keys).OrderByDescending(release => release, KernelRelease.ByAge)
                .Select(release => ToJson(release, cached.GetValueOrDefault(release), offered.GetValueOrDefault(release))),
        ];
    }

    private static KernelJson ToJson(string release, CachedKernel? cached, DebianKernel? offered) => new(
        release, cached?.Version ?? offered?.Version, cached is not null, cached?.Folder,
        cached is not null ? !cached.ModulePaths.IsEmpty : offered!.HasModules, offered?.IsUnsigned, offered?.Packages);

    private static void Print(List<KernelJson> kernels)
    {
        if (kernels.Count == 0)
        {
            Console.WriteLine("no kernel is cached: khugepaged-spec kernel fetch RELEASE fetches one");
            return;
        }
        string line = $"{{0,{-kernels.Max(kernel => kernel.Release.Length)}}}  {{1,{-kernels.Max(kernel => kernel.Version?.Length ?? 1)}}}  {{2,-6}}  {{3}}";
        Write("release", "version", "cached", "");
        foreach (var kernel in kernels)
            Write(kernel.Release, kernel.Version ?? "-", kernel.Cached ? "yes" : "no", string.Join(", ", Notes(kernel)));

        void Write(params object[] fields) => Console.WriteLine(string.Format(null, line, fields).TrimEnd());
    }

    private static IEnumerable<string> Notes(KernelJson kernel)
    {
        if (!kernel.Modules)
            yield return "no modules";
        if (kernel.Unsigned == true)
            yield return "unsigned";
    }
}
