using System.Text;

namespace KhugepagedSpec.Guests.Machine;

/// <summary>The guest's whole file system: the agent as init, a console, and the modules for swap.</summary>
internal static class Initramfs
{
    /// <summary>Writes it.</summary>
    /// <param name="path">The file to make.</param>
    /// <param name="agent">The agent's executable.</param>
    /// <param name="modules">Kernel modules, uncompressed, in the order to insert them.</param>
    /// <param name="programs">Further executables.</param>
    public static void Write(string path, string agent, IReadOnlyList<string> modules, IReadOnlyList<string> programs)
    {
        using var file = File.Create(path);
        using var archive = new CpioArchive(file);
        archive.AddFolder("dev");
        archive.AddCharacterDevice("dev/console", 5, 1);
        archive.AddFile("init", File.ReadAllBytes(agent), executable: true);
        archive.AddFolder("modules");
        foreach (string module in modules)
            archive.AddFile($"modules/{Path.GetFileName(module)}", File.ReadAllBytes(module));
        archive.AddFolder("programs");
        foreach (string program in programs)
            archive.AddFile($"programs/{Path.GetFileName(program)}", File.ReadAllBytes(program), executable: true);
        archive.AddFile("modules/order", Encoding.ASCII.GetBytes(string.Concat(modules.Select(module => Path.GetFileName(module) + "\n"))));
    }
}
