using System.Diagnostics;
using System.Net.Sockets;
using KhugepagedSpec.Guests.Packages;

namespace KhugepagedSpec.Guests.Machine;

/// <summary>
/// One QEMU, with a virtio serial port to talk through. It ends when this process does, however
/// that ends: a shell holds it on a pipe from here.
/// </summary>
internal sealed class Qemu : IDisposable
{
    private const string Program = "qemu-system-x86_64";

    private const int ConsoleLines = 40;

    // Warnings and worse are printed: what a kernel says before it dies is nowhere else. Sanitizers report more than once.
    // Nobody is known to khugepaged before the agent sets it up. A guest whose host is busy takes its timer for broken.
    private const string CommandLine = "console=ttyS0 loglevel=5 oops=panic panic=-1 no_timer_check nokaslr kasan_multi_shot "
        + "transparent_hugepage=madvise";

    // The shell's standard output is closed at once, so that end of file on it means that QEMU has ended. It reads until this
    // process closes the pipe, or is no more.
    private const string Keeper =
        "folder=$1; shift; \"$@\" </dev/null & child=$!; exec >&- 2>&-; read line; kill -9 $child; rm -rf \"$folder\"";

    private readonly Process _process;
    private readonly string _folder;
    private readonly Queue<string> _console = new();
    private readonly List<string> _splat = [], _complaints = [];
    private readonly Task _consoleReader;
    private bool _isDisposed;

    public Qemu(string kernelImage, IReadOnlyList<string> modules, GuestMachine machine, bool isKvm, TimeSpan timeout)
    {
        _folder = Directory.CreateTempSubdirectory("khugepaged-guest-").FullName;
        try
        {
            string socketPath = Path.Combine(_folder, "agent"), initramfs = Path.Combine(_folder, "initramfs");
            Initramfs.Write(initramfs, Agent.Path(), modules, machine.Programs);
            using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            listener.Bind(new UnixDomainSocketEndPoint(socketPath));
            listener.Listen(1);
            _process = Start(
            _folder,
            [
                Program, .. Accelerator.Arguments(isKvm), "-m", $"{machine.MemoryMegabytes}", "-smp", $"{machine.Cpus}", "-nodefaults",
                    "-nographic",
                "-no-reboot", "-serial", "stdio", "-kernel", kernelImage, "-initrd", initramfs, "-append",
                    $"{CommandLine} {machine.Append}".TrimEnd(),
                "-device", "virtio-serial-pci", "-chardev", $"socket,id=agent,path={socketPath}", "-device",
                    "virtserialport,chardev=agent,name=agent",
                .. machine.QemuArguments,
            ]);
            _process.ErrorDataReceived += (_, line) => Complained(line.Data);
            _process.BeginErrorReadLine();
            _consoleReader = Task.Factory.StartNew(ReadConsole, CancellationToken.None, TaskCreationOptions.LongRunning,
                TaskScheduler.Default);
            Connection = Accept(listener, timeout);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The agent's port.</summary>
    public Socket Connection { get; }

    /// <summary>The last lines of the console, oldest first.</summary>
    public IReadOnlyList<string> Console
    {
        get
        {
            lock (_console)
                return [.. _console];
        }
    }

    /// <summary>What the console shows of the kernel's first BUG, WARNING or oops; null if it shows none.</summary>
    public Splat? Splat
    {
        get
        {
            lock (_console)
                return Machine.Splat.First(_splat);
        }
    }

    /// <summary>What is shown so far is known: the next is a new one.</summary>
    public void ForgetSplat()
    {
        lock (_console)
            _splat.Clear();
    }

    /// <summary>True if QEMU is installed.</summary>
    public static bool IsInstalled =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, Program)));

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

    private static Process Start(string folder, string[] command)
    {
        if (!IsInstalled)
            throw new GuestUnavailableException($"no {Program}: apt-get install qemu-system-x86");
        return Process.Start(new ProcessStartInfo("/bin/sh", ["-c", Keeper, "sh", folder, .. command])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
    }

    // QEMU connects as soon as it runs; if it cannot start it says why and ends.
    private Socket Accept(Socket listener, TimeSpan timeout)
    {
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < timeout)
        {
            if (listener.Poll(TimeSpan.FromMilliseconds(100), SelectMode.SelectRead))
                return listener.Accept();
            if (_consoleReader.IsCompleted)
                throw new GuestException($"QEMU ended at once: {AllComplaints()}", Console);
        }
        throw new GuestException("QEMU did not start", Console);
    }

    private string AllComplaints()
    {
        _process.WaitForExit(TimeSpan.FromSeconds(1));
        lock (_console)
            return string.Join(' ', _complaints).Trim();
    }

    // QEMU stops a guest that KVM cannot run, and waits.
    private void Complained(string? line)
    {
        if (line is null)
            return;
        lock (_console)
            _complaints.Add(line);
        if (line.StartsWith("KVM internal error", StringComparison.Ordinal))
            Connection?.Shutdown(SocketShutdown.Both);
    }

    private void ReadConsole()
    {
        while (_process.StandardOutput.ReadLine() is { } line)
        {
            lock (_console)
            {
                _console.Enqueue(line.TrimEnd('\r'));
                if (_splat.Count < Machine.Splat.MostLines && (_splat.Count > 0 || Machine.Splat.IsFirst(line)))
                    _splat.Add(line);
                if (_console.Count > ConsoleLines)
                    _console.Dequeue();
            }
        }
    }
}
