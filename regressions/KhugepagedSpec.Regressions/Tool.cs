using System.Diagnostics;

namespace KhugepagedSpec.Regressions;

/// <summary>A fact about a program that not every machine has: skipped where it is missing.</summary>
public sealed class ToolFactAttribute : FactAttribute
{
    /// <summary>Decides whether to skip.</summary>
    public ToolFactAttribute(string tool)
    {
        if (Tool.Find(tool) is null)
            Skip = $"no {tool} on PATH";
    }
}

/// <summary>Runs programs of this machine, and the khugepaged-spec that was built with these tests.</summary>
internal static class Tool
{
    /// <summary>Where the program is; null if it is not on PATH.</summary>
    public static string? Find(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(folder => Path.Combine(folder, name))
            .FirstOrDefault(File.Exists);

    /// <summary>Runs it in <paramref name="folder"/>, khugepaged-spec on its PATH.</summary>
    public static (int Code, string Output, string Error) Run(string folder, string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        };
        start.Environment["PATH"] = $"{AppContext.BaseDirectory}:{Environment.GetEnvironmentVariable("PATH")}";
        // The runtime that runs the tests, wherever it is installed.
        start.Environment["DOTNET_ROOT"] =
            Path.GetFullPath(Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "..", "..", ".."));
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }
}
