using System.Text;
using KhugepagedSpec.Scenarios;

namespace KhugepagedSpec.Cli.Shell;

/// <summary>Standard input, output and error as they may be: closed, full, or a pipe that nobody reads.</summary>
internal static class StandardStreams
{
    private const int Input = 0, Output = 1, Error = 2;

    /// <summary>Puts guards before the console's streams. What cannot be written to standard error is lost, and nothing else with
    /// it.</summary>
    public static void Guard()
    {
        Console.SetError(IsOpen(Error) ? new GuardedWriter(Console.Error, _ => null) : TextWriter.Null);
        Console.SetOut(IsOpen(Output)
            ? new GuardedWriter(Console.Out, reason => new UsageException($"standard output: {reason}: expected somewhere to write"))
            : new ClosedWriter());
        if (!IsOpen(Input))
            Console.SetIn(new ClosedReader());
    }

    // What was closed when the program began, the runtime's own descriptors have taken the place of: an end of a pipe whose other end
    // is ours too, an anonymous inode, or a file that is not open for what the stream is for.
    private static bool IsOpen(int descriptor)
    {
        const int accessMode = 3, readOnly = 0, writeOnly = 1;
        if (Flags(descriptor) is not { } flags || (flags & accessMode) == (descriptor == Input ? writeOnly : readOnly))
            return false;
        if (Target(descriptor) is not { } target)
            return true;
        if (target.StartsWith("anon_inode:", StringComparison.Ordinal) || target.StartsWith("/memfd:", StringComparison.Ordinal))
            return false;
        return !target.StartsWith("pipe:", StringComparison.Ordinal)
            || !Directory.EnumerateFileSystemEntries("/proc/self/fd")
                .Any(path => int.TryParse(Path.GetFileName(path), out int other) && other > Error && Target(other) == target
                && Flags(other) is { } its && (its & accessMode) != (flags & accessMode));
    }

    private static string? Target(int descriptor)
    {
        try
        {
            return new FileInfo($"/proc/self/fd/{descriptor}").LinkTarget;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    // As open(2) has them; null for a descriptor that is none.
    private static int? Flags(int descriptor)
    {
        const string label = "flags:";
        try
        {
            return File.ReadLines($"/proc/self/fdinfo/{descriptor}")
                .FirstOrDefault(line => line.StartsWith(label, StringComparison.Ordinal)) is { } line
                ? Convert.ToInt32(line[label.Length..].Trim(), 8)
                : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private sealed class ClosedReader : TextReader
    {
        public override int Read(char[] buffer, int index, int count) => throw new IOException("closed");

        public override int Read() => throw new IOException("closed");
    }

    private sealed class ClosedWriter : TextWriter
    {
        public override Encoding Encoding => Encoding.UTF8;

        public override void Write(char value) => throw new UsageException("standard output: closed: expected somewhere to write");
    }

    // Says in one line why nothing more can be written, or says nothing.
    private sealed class GuardedWriter(TextWriter inner, Func<string, Exception?> problem) : TextWriter
    {
        public override Encoding Encoding => inner.Encoding;

        public override void Write(char value) => Try(() => inner.Write(value));

        public override void Write(string? value) => Try(() => inner.Write(value));

        public override void Write(char[] buffer, int index, int count) => Try(() => inner.Write(buffer, index, count));

        public override void WriteLine() => Try(inner.WriteLine);

        public override void WriteLine(string? value) => Try(() => inner.WriteLine(value));

        public override void Flush() => Try(inner.Flush);

        private void Try(Action write)
        {
            try
            {
                write();
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                if (problem(SystemError.Reason(error)) is { } said)
                    throw said;
            }
        }
    }
}
