using System.CommandLine;
using KhugepagedSpec.Guests.Packages;

namespace KhugepagedSpec.Cli.Shell;

/// <summary><c>--arch</c> and <c>--page-size</c>: what a kernel is to be built for.</summary>
internal sealed class FlavourOption
{
    private static readonly string[] PageSizes = ["4k", "16k", "64k"];

    private readonly Option<string?> _arch = new("--arch")
    {
        Description = "The kernel's processor: x86-64 or arm64. Default: as its name says, else x86-64.",
        HelpName = "ARCH",
        CompletionSources = { _ => Architecture.All.Select(architecture => architecture.Name) },
    };

    private readonly Option<string?> _pageSize = new("--page-size")
    {
        Description = "The size of its base pages: 4k, 16k or 64k, the latter two arm64's. Default: as its name says, else 4k.",
        HelpName = "SIZE",
        CompletionSources = { _ => PageSizes },
    };

    /// <summary>Both options.</summary>
    public IEnumerable<Option> Options => [_arch, _pageSize];

    /// <summary>Makes both options of a command.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in Options)
            command.Options.Add(option);
    }

    /// <summary>The processor asked for; x86-64 if none was.</summary>
    /// <exception cref="UsageException">There is no such one.</exception>
    public Architecture Arch(ParseResult parsed) => Given(parsed) ?? Architecture.X86;

    /// <summary>Makes the processor alone an option of a command.</summary>
    public void AddArchTo(Command command) => command.Options.Add(_arch);

    /// <summary>What was asked for; null if nothing was.</summary>
    /// <param name="parsed">The arguments.</param>
    /// <param name="release">The release asked for, which may say it too.</param>
    /// <exception cref="UsageException">There is no such one.</exception>
    public KernelFlavour? Get(ParseResult parsed, string release)
    {
        // A path says nothing: its image does.
        var named = release.Contains('/', StringComparison.Ordinal) ? null : KernelFlavour.Named(release);
        string? size = parsed.GetValue(_pageSize);
        if (size is not null && !PageSizes.Contains(size))
            throw new UsageException($"--page-size {size}: expected {string.Join(", ", PageSizes)}");
        if (Given(parsed) is null && size is null)
            return named;
        var flavour = new KernelFlavour(Given(parsed) ?? named?.Architecture ?? Architecture.X86,
            size is null ? named?.PageKilobytes ?? 4 : int.Parse(size[..^1], null));
        return flavour.Architecture == Architecture.X86 && flavour.PageKilobytes != 4
            ? throw new UsageException(
                $"--page-size {size}: pages of {Architecture.X86} have 4k: expected --arch {Architecture.Arm64} with it")
            : flavour;
    }

    private Architecture? Given(ParseResult parsed) => parsed.GetValue(_arch) is not { } name ? null
        : Architecture.All.FirstOrDefault(architecture => architecture.Name == name)
            ?? throw new UsageException($"--arch {name}: expected {string.Join(" or ", Architecture.All)}");
}
