using System.Diagnostics;
using System.Net.Sockets;
using KhugepagedSpec.Guests.Packages;
using KhugepagedSpec.Memory;

namespace KhugepagedSpec.Guests.Machine;

/// <summary>
/// One QEMU, with a virtio serial port to talk through. It ends when this process does, however
/// that ends: a shell holds it on a pipe from here.
/// </summary>
internal sealed class Qemu : IAgentMachine
{
    // Warnings and worse are printed: what a kernel says before it dies is nowhere else. Sanitizers report more than once.
    // Nobody is known to khugepaged before the agent sets it up. A guest whose host is busy takes its timer for broken. A page that is not
    // cleared shows what was in it. The agent's file, in tmpfs, may be swapped out, and smaps counts that with a process's swap.
    private const string CommandLine = "loglevel=5 oops=panic panic=-1 no_timer_check nokaslr init_on_alloc=0 init_on_free=0 "
        + "kasan_multi_shot transparent_hugepage=madvise rootfstype=ramfs";

    // The shell's standard output is closed at once, so that end of file on it means that QEMU has ended. It reads until this
    // process closes the pipe, or is no more.
    private const string Keeper =
        "folder=$1; shift; \"$@\" </dev/null & child=$!; exec >&- 2>&-; read line; kill -9 $child; rm -rf \"$folder\"";

    private readonly Process _process;
    private readonly string _folder;
    private readonly ConsoleTail _console = new();
    private readonly List<string> _complaints = [];
    private readonly Task _consoleReader;
    private bool _isDisposed;

    public Qemu(CachedKernel kernel, bool isKvm, TimeSpan timeout)
    {
        var (machine, architecture) = (kernel.Machine, kernel.Flavour.Architecture);
        _folder = Directory.CreateTempSubdirectory("khugepaged-guest-").FullName;
        try
        {
            string initramfs = Path.Combine(_folder, "initramfs");
            using var socket = new AgentSocket(_folder);
            Initramfs.Write(initramfs, Agent.Path(architecture), kernel.ModulePaths, machine.Programs);
            _process = Start(
            architecture, _folder,
            [
                architecture.Qemu, .. Accelerator.Arguments(isKvm, architecture), "-m", $"{machine.MemoryMegabytes}",
                "-smp", $"{machine.Cpus}", "-nodefaults", "-nographic",
                "-no-reboot", "-serial", "stdio", "-kernel", kernel.ImagePath, "-initrd", initramfs, "-append",
                    $"console={architecture.Console} {CommandLine} {machine.Append}".TrimEnd(),
                "-device", "virtio-serial-pci", "-chardev", $"socket,id=agent,path={socket.Path}", "-device",
                    "virtserialport,chardev=agent,name=agent",
                .. Numa(machine), .. machine.QemuArguments,
            ]);
            _process.ErrorDataReceived += (_, line) => Complained(line.Data);
            _process.BeginErrorReadLine();
            _consoleReader = Task.Factory.StartNew(ReadConsole, CancellationToken.None, TaskCreationOptions.LongRunning,
                TaskScheduler.Default);
            Connection = Accept(socket, timeout);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private static string[] Numa(GuestMachine machine)
    {
        int each = machine.MemoryMegabytes / machine.Nodes;
        return machine.Nodes == 1 ? [] :
        [
            "-object", $"memory-backend-ram,id=near,size={each}M", "-object", $"memory-backend-ram,id=far,size={each}M",
            "-numa", $"node,nodeid=0,memdev=near,cpus=0-{machine.Cpus - 1}", "-numa", "node,nodeid=1,memdev=far",
            "-numa", $"dist,src=0,dst=1,val={NumaTopology.TwoFarNodes.Distances[0][1]}",
        ];
    }

    /// <summary>The agent's port.</summary>
    public Socket Connection { get; }

    /// <summary>The last lines of the console, oldest first.</summary>
    public IReadOnlyList<string> Console => _console.Lines;

    /// <summary>What the console shows of the kernel's first BUG, WARNING or oops; null if it shows none.</summary>
    public Splat? Splat => _console.Splat;

    /// <summary>What is shown so far is known: the next is a new one.</summary>
    public void ForgetSplat() => _console.ForgetSplat();

    /// <summary>True if QEMU is installed for a processor.</summary>
    public static bool IsInstalledFor(Architecture architecture) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
        .Any(folder => File.Exists(Path.Combine(folder, architecture.Qemu)));

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, true))
            return;
        Connection?.Dispose();
        if (_process is not null)
        {
            _process.StandardInput.Close();
            _process.WaitForExit();
            _consoleReader?.Wait(TimeSpan.FromSeconds(5));
            _process.Dispose();
        }
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
    }

    private static Process Start(Architecture architecture, string folder, string[] command)
    {
        if (!IsInstalledFor(architecture))
            throw new GuestUnavailableException($"no {architecture.Qemu}: apt-get install {architecture.QemuPackage}");
        return Process.Start(new ProcessStartInfo("/bin/sh", ["-c", Keeper, "sh", folder, .. command])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
    }

    // QEMU connects as soon as it runs; if it cannot start it says why and ends.
    private Socket Accept(AgentSocket socket, TimeSpan timeout)
    {
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < timeout)
        {
            if (socket.Accept(TimeSpan.FromMilliseconds(100)) is { } connection)
                return connection;
            if (_consoleReader.IsCompleted)
                throw new GuestException($"QEMU ended at once: {AllComplaints()}", Console);
        }
        throw new GuestException("QEMU did not start", Console);
    }

    private string AllComplaints()
    {
        _process.WaitForExit(TimeSpan.FromSeconds(1));
        lock (_complaints)
            return string.Join(' ', _complaints).Trim();
    }

    // QEMU stops a guest that KVM cannot run, and waits.
    private void Complained(string? line)
    {
        if (line is null)
            return;
        lock (_complaints)
            _complaints.Add(line);
        if (line.StartsWith("KVM internal error", StringComparison.Ordinal))
            Connection?.Shutdown(SocketShutdown.Both);
    }

    private void ReadConsole()
    {
        while (_process.StandardOutput.ReadLine() is { } line)
            _console.Add(line);
    }
}
