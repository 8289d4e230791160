using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;

namespace KhugepagedSpec.Guests.Machine;

/// <summary>The guest's program: its source comes with this library and is compiled once, into the user's cache folder.</summary>
public static class Agent
{
    // One program: the second relies on what the first declares.
    private static readonly string[] Resources = ["Machine.agent.c", "Machine.race.c"];
    private static readonly Lock Gate = new();

    /// <summary>The compiled agent, a static executable.</summary>
    /// <param name="architecture">The guest's processor.</param>
    /// <returns>Its path.</returns>
    /// <exception cref="GuestUnavailableException">There is no C compiler, or no static C library.</exception>
    public static string Path(Packages.Architecture architecture)
    {
        string source = Source();
        string hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(source)))[..16];
        string path = System.IO.Path.Combine(Packages.KernelCache.Root, "agent",
            $"agent-{hash}{(architecture.IsOfHost ? "" : $"-{architecture.DebianName}")}");
        lock (Gate) // guests boot beside each other
        {
            if (!File.Exists(path))
                Compile(source, path, architecture.Compiler);
        }
        return path;
    }

    private static string Source() => string.Concat(Resources.Select(EmbeddedText.Of));

    // Under another name first, so that an interrupted compiler leaves no half of an agent.
    private static void Compile(string source, string path, (string Program, string Packages) with)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        string unfinished = $"{path}.{Environment.ProcessId}";
        var start = new ProcessStartInfo(with.Program, ["-O2", "-static", "-pthread", "-x", "c", "-o", unfinished, "-"])
        {
            RedirectStandardInput = true,
            RedirectStandardError = true,
        };
        try
        {
            using var compiler = Process.Start(start)!;
            Feed(compiler, source);
            string errors = compiler.StandardError.ReadToEnd();
            compiler.WaitForExit();
            if (compiler.ExitCode != 0)
                throw new GuestUnavailableException(
                    $"{with.Program} could not build the guest's agent ({FirstLine(errors)}): apt-get install {with.Packages}");
            File.Move(unfinished, path, overwrite: true);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            throw new GuestUnavailableException($"no C compiler for the guest's agent: apt-get install {with.Packages}");
        }
    }

    // One that ends before it has read all says why on standard error.
    private static void Feed(Process compiler, string source)
    {
        try
        {
            compiler.StandardInput.Write(source);
            compiler.StandardInput.Close();
        }
        catch (IOException)
        {
        }
    }

    private static string FirstLine(string text) => text.Split('\n', 2)[0].Trim();
}
