using System.IO.Compression;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Regressions;

/// <summary>The program as a .NET tool.</summary>
[Trait("Coverage", "Slow")]
[Collection("console")]
public sealed class PackagingTests : IDisposable
{
    private static readonly string Configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;

    private readonly string _folder = Directory.CreateTempSubdirectory("khugepaged-spec").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Version_names_the_program_and_every_version_of_the_catalogue()
    {
        var (code, output, error) = Cli.Run("--version");
        Assert.Equal((0, ""), (code, error));
        string[] lines = output.TrimEnd('\n').Split('\n');
        Assert.Matches(@"^khugepaged-spec \d+\.\d+\.\d+$", lines[0]);
        Assert.Equal(Catalogue.Versions.Concat(Catalogue.Undiscussed).Select(version => version.Name).Order(), lines.Skip(2)
            .Select(line => line.Trim().Split(' ')[0]).Order());
        Assert.All(lines.Skip(2), line => Assert.Matches(@"^  \S+ +\S.*$", line));
    }

    [Fact]
    public void The_tool_is_packed_installed_from_a_folder_and_run()
    {
        File.WriteAllText(Path.Combine(_folder, "nuget.config"), """<configuration><packageSources><clear /><add key="here" value="." /></packageSources></configuration>""");
        Run("dotnet", "pack", Repository.At("src", "KhugepagedSpec.Cli"), "--no-build", "-c", Configuration, "-o", _folder);
        string package = Assert.Single(Directory.GetFiles(_folder, "*.nupkg"));
        Assert.Matches(@"^KhugepagedSpec\.\d+\.\d+\.\d+\.nupkg$", Path.GetFileName(package));
        using (var zip = ZipFile.OpenRead(package))
        {
            Assert.Contains(zip.Entries, entry => entry.FullName == "README.md");
            Assert.Equal(4, zip.Entries.Count(entry => entry.Name.EndsWith(".jsonl", StringComparison.Ordinal)));
        }

        string tools = Path.Combine(_folder, "tools"), spec = Path.Combine(tools, "khugepaged-spec");
        Run("dotnet", "tool", "install", "--tool-path", tools, "--configfile", Path.Combine(_folder, "nuget.config"), "--add-source",
            _folder, "KhugepagedSpec");
        Assert.StartsWith($"khugepaged-spec {Path.GetFileNameWithoutExtension(package)["KhugepagedSpec.".Length..]}\n",
            Run(spec, "--version"), StringComparison.Ordinal);
        Assert.EndsWith("2326 of 2326 vectors agree in every pass, 0 differ\n", Run(spec, "replay"), StringComparison.Ordinal);
        Assert.Contains("SCAN_SUCCEED", Run(spec, "explain", "x*16 .*496", "--enabled", "4"), StringComparison.Ordinal);
        Assert.Contains("pass 2: the recorded kernel agrees", Run(spec, "explain", "--vector", "f_3827", "linux-7.2.13.jsonl"),
            StringComparison.Ordinal);
        Assert.Contains("2326 recorded vectors", Run(spec, "check", "--count", "50", "--model", "linux-7.2"), StringComparison.Ordinal);
    }

    private string Run(string program, params string[] arguments)
    {
        var (code, output, error) = Tool.Run(_folder, program, arguments);
        Assert.True(code == 0, $"{program} {string.Join(' ', arguments)} ended with {code}\n{output}{error}");
        return output;
    }
}
