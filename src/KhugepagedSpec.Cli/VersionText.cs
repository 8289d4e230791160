using System.CommandLine;
using System.CommandLine.Invocation;
using System.Reflection;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Cli;

/// <summary>What <c>--version</c> prints: this program's version, and the kernels it models.</summary>
internal sealed class VersionText : SynchronousCommandLineAction
{
    // Those that were released, and which kernels were seen to behave so.
    private static readonly (KhugepagedVersion Version, string Kernels)[] Released =
    [
        (Catalogue.Linux612, "Linux 6.12, as released"),
        (Catalogue.Linux70, "Linux 7.0, as released"),
        (Catalogue.Legacy, "Linux 7.1, as released"),
        (Catalogue.Linux72, "Linux 7.2 and 7.3, as released"),
    ];

    /// <summary>The program's name and version.</summary>
    public static string Program { get; } =
        $"khugepaged-spec {typeof(VersionText).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion}";

    /// <inheritdoc/>
    public override bool ClearsParseErrors => true;

    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        Console.WriteLine($"{Program}\n");
        foreach (var (version, kernels) in Released)
            Console.WriteLine($"  {version.Name,-19}{kernels}");
        foreach (var version in Catalogue.Versions.Except(Released.Select(one => one.Version)))
            Console.WriteLine($"  {version.Name,-19}{version.Source}");
        return CommandLine.Agree;
    }
}
