using System.Diagnostics;

namespace KhugepagedSpec.Benchmarks;

/// <summary>Programs to compare with, which need not be there.</summary>
internal static class PeerTool
{
    /// <summary>What it printed; null if it is not there or fails.</summary>
    public static string? Run(string file, string arguments, string folder)
    {
        try
        {
            using var process = Process.Start(
                new ProcessStartInfo(file, arguments)
                {
                    WorkingDirectory = folder,
                    RedirectStandardOutput = true,
                    RedirectStandardError = true
                })!;
            process.ErrorDataReceived += (_, _) => { };
            process.BeginErrorReadLine();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? output : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}
