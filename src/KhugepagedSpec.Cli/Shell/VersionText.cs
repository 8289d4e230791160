using System.CommandLine;
using System.CommandLine.Invocation;
using System.Reflection;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Cli.Shell;

/// <summary>What <c>--version</c> prints: this program's version, and the kernels it models.</summary>
internal sealed class VersionText : SynchronousCommandLineAction
{
    /// <summary>The program's name and version.</summary>
    public static string Program { get; } =
        $"khugepaged-spec {typeof(VersionText).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion}";

    /// <inheritdoc/>
    public override bool ClearsParseErrors => true;

    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        Console.WriteLine($"{Program}\n");
        foreach (var version in Catalogue.Released)
            Console.WriteLine($"  {version.Name,-29}Linux {version.Releases}, as released");
        foreach (var version in Catalogue.Versions.Except(Catalogue.Released))
            Console.WriteLine($"  {version.Name,-29}{version.Source}");
        return ExitCode.Agree;
    }
}
