using System.Text;
using KhugepagedSpec.Scenarios;

namespace KhugepagedSpec.Cli.Shell;

/// <summary>
/// A file that an option names for output, or standard output if it is called <c>-</c>; what is usually printed goes to standard
/// error then. Whether it can be written is known before any work is done.
/// </summary>
internal sealed class OutputFile
{
    private static readonly Encoding Utf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);

    private readonly string _option, _path;
    private readonly TextWriter? _standard;

    private OutputFile(string option, string path, TextWriter? standard) => (_option, _path, _standard) = (option, path, standard);

    /// <summary>The file, if one was given. One that is there stays as it is until something is written.</summary>
    /// <param name="option">The option, for messages.</param>
    /// <param name="path">What was given; null for nothing.</param>
    /// <exception cref="UsageException">Nothing can be written there.</exception>
    public static OutputFile? Of(string option, string? path)
    {
        if (path is null)
            return null;
        if (path == "-")
            return new OutputFile(option, path, TakeStandardOutput(option));
        if (path.Trim().Length == 0)
            throw new UsageException($"{option}: no name: expected a file");
        if (path.Contains('\0', StringComparison.Ordinal))
            throw new UsageException($"{option} {path.Replace('\0', '?')}: no name of a file: expected one");
        if (Directory.Exists(path))
            throw new UsageException($"{option} {path}: that is a folder: expected a file");
        var file = new OutputFile(option, path, null);
        file.Guarded(file.Try);
        return file;
    }

    /// <summary>The same for a file that is read again when work goes on: its path; null for none.</summary>
    /// <exception cref="UsageException">Nothing can be written there, or not be read again.</exception>
    public static OutputFile? Journal(string option, string? path)
    {
        if (Of(option, path) is not { } file)
            return null;
        if (file._standard is null && IsDevice(file.Target))
            throw new UsageException($"{option} {path}: a device: expected a file, which is read again to go on, or -");
        return file;
    }

    /// <summary>The path, for messages.</summary>
    public string Name => _path;

    /// <summary>What fails half-way leaves nothing, so that it can be done again; false for standard output.</summary>
    public bool IsWhole => _standard is null;

    /// <summary>There is something to go on from.</summary>
    public bool Exists => _standard is null && File.Exists(_path);

    /// <summary>Writes it, whole or not at all.</summary>
    /// <exception cref="UsageException">It cannot be written.</exception>
    public void Write(string text) => Write(to => to.Write(text));

    /// <summary>The same, of what is longer than is to be kept: where <paramref name="write"/> fails nothing is written.</summary>
    /// <exception cref="UsageException">It cannot be written.</exception>
    public void Write(Action<TextWriter> write) => Guarded(() =>
    {
        if (_standard is not null)
        {
            write(_standard);
            _standard.Flush();
            return;
        }
        if (IsDevice(Target))
        {
            using var device = new StreamWriter(Target, append: false, Utf8);
            write(device);
            return;
        }
        try
        {
            using (var beside = new StreamWriter(Beside, append: false, Utf8))
                write(beside);
            File.Move(Beside, Target, overwrite: true);
        }
        finally
        {
            File.Delete(Beside);
        }
    });

    /// <summary>Opens it, to be written line by line.</summary>
    /// <exception cref="UsageException">It cannot be written.</exception>
    public TextWriter Open() => Opened(path => new StreamWriter(path, append: false, Utf8));

    /// <summary>Opens it as <paramref name="open"/> does a path, and standard output as it is.</summary>
    /// <exception cref="UsageException">It cannot be written.</exception>
    public TextWriter Opened(Func<string, TextWriter> open)
    {
        TextWriter? writer = _standard;
        Guarded(() => writer ??= open(_path));
        return writer!;
    }

    /// <summary>Begins a journal: a file in place of what it was, standard output as it is.</summary>
    /// <param name="file">Begins a file.</param>
    /// <param name="standard">Begins to write to somebody else.</param>
    /// <exception cref="UsageException">It cannot be written.</exception>
    public TextWriter Begin(Func<string, TextWriter> file, Action<TextWriter> standard)
    {
        var writer = Opened(file);
        if (_standard is not null)
            Guarded(() => standard(writer));
        return writer;
    }

    /// <summary>Does something to the file; what goes wrong is said of the option.</summary>
    /// <exception cref="UsageException">It went wrong.</exception>
    public void Guarded(Action write)
    {
        try
        {
            write();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"{_option} {_path}: {SystemError.Reason(error)}: expected a file that can be written");
        }
    }

    // What a link names is replaced, not the link; a device is no file that could be put in place of another.
    private string Target =>
        (File.Exists(_path) ? File.ResolveLinkTarget(_path, returnFinalTarget: true)?.FullName : null) ?? Path.GetFullPath(_path);

    private string Beside => FormattableString.Invariant($"{Target}.{Environment.ProcessId}.part");

    private static bool IsDevice(string target) =>
        target.StartsWith("/dev/", StringComparison.Ordinal) || target.StartsWith("/proc/", StringComparison.Ordinal);

    private void Try()
    {
        if (!Directory.Exists(Path.GetDirectoryName(Target)))
            throw new UsageException($"{_option} {_path}: no such folder: expected a file in one that is there");
        if (IsDevice(Target))
        {
            using var device = File.OpenWrite(Target);
            return;
        }
        if (File.Exists(Target))
            File.Open(Target, FileMode.Open, FileAccess.Write, FileShare.ReadWrite).Dispose();
        File.Create(Beside).Dispose();
        File.Delete(Beside);
    }

    private static TextWriter TakeStandardOutput(string option)
    {
        var writer = Console.Out;
        if (ReferenceEquals(writer, Console.Error))
            throw new UsageException($"{option} -: standard output is taken already: expected a file");
        Console.SetOut(Console.Error);
        return writer;
    }
}
