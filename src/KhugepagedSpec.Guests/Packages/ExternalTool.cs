using System.ComponentModel;
using System.Diagnostics;

namespace KhugepagedSpec.Guests.Packages;

/// <summary>What a program printed, and how it ended.</summary>
internal readonly record struct ToolResult(int ExitCode, string Output, string Error);

/// <summary>A program on PATH, and the package to install if it is not there.</summary>
internal sealed record ExternalTool(string Name, string Package)
{
    // What a shell calls the end by SIGINT, which Ctrl-C sends to children too, maybe before this program sees its own.
    private const int Interrupted = 128 + 2;

    /// <summary>Runs it to its end; it is killed, with what it started, on cancellation.</summary>
    /// <exception cref="KernelPackageException">It is not on PATH.</exception>
    /// <exception cref="OperationCanceledException">It was interrupted.</exception>
    public ToolResult Run(IEnumerable<string> arguments, string? folder, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var start = new ProcessStartInfo(Name, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder ?? "",
        };
        // Messages are parsed.
        start.Environment["LC_ALL"] = "C";
        using var process = Start(start);
        using var killing = cancellation.Register(() => Kill(process));
        process.StandardInput.Close();
        var error = process.StandardError.ReadToEndAsync(CancellationToken.None);
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        cancellation.ThrowIfCancellationRequested();
        return process.ExitCode == Interrupted
            ? throw new OperationCanceledException()
            : new ToolResult(process.ExitCode, output, error.GetAwaiter().GetResult());
    }

    private Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception error)
        {
            throw new KernelPackageException($"no {Name} on PATH: install {Package}", error);
        }
    }

    private static void Kill(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (Exception error) when (error is InvalidOperationException or AggregateException or Win32Exception)
        {
            // It ended by itself.
        }
    }
}
