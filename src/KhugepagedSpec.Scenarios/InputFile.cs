using System.Text;

namespace KhugepagedSpec.Scenarios;

/// <summary>A line of a text.</summary>
/// <param name="Text">The line without its end.</param>
/// <param name="IsWhole">It has an end; the last line of a file that was cut off has none.</param>
public readonly record struct InputLine(string Text, bool IsWhole);

/// <summary>Text from a file, or from standard input if it is called <c>-</c>. Neither an endless file nor a binary one is taken for
/// text.</summary>
public static class InputFile
{
    /// <summary>No line has more characters.</summary>
    public const int LongestLine = 1 << 24;

    private const int BufferSize = 1 << 16;

    /// <summary>What messages call a file.</summary>
    public static string NameOf(string path) => IsStandard(path) ? "standard input" : path;

    /// <summary>True for <c>-</c>.</summary>
    public static bool IsStandard(string path) => path == "-";

    /// <summary>All lines, read as they are asked for.</summary>
    /// <param name="path">The file, or <c>-</c>.</param>
    /// <param name="expected">What it should be, for messages.</param>
    /// <exception cref="FormatException">There is no such file, it cannot be read, or a line has no end; one line that names
    /// it.</exception>
    public static IEnumerable<InputLine> Lines(string path, string expected)
    {
        using var reader = Open(path, expected);
        var line = new StringBuilder();
        char[] buffer = new char[BufferSize];
        int number = 1;
        for (int got = Read(); got > 0; got = Read())
        {
            int from = 0;
            for (int end; (end = Array.IndexOf(buffer, '\n', from, got - from)) >= 0; from = end + 1)
            {
                line.Append(buffer, from, end - from);
                yield return new InputLine(Take(), IsWhole: true);
                number++;
            }
            line.Append(buffer, from, got - from);
            if (line.Length > LongestLine)
                throw new FormatException($"{NameOf(path)}: line {number}: longer than {LongestLine} characters: expected {expected}");
        }
        if (line.Length > 0)
            yield return new InputLine(Take(), IsWhole: false);

        int Read()
        {
            try
            {
                return reader.Read(buffer, 0, buffer.Length);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                throw Unreadable(path, expected, error);
            }
        }

        string Take()
        {
            if (line.Length > 0 && line[^1] == '\r')
                line.Length--;
            string text = line.ToString();
            line.Clear();
            return text;
        }
    }

    /// <summary>The whole text, line ends as they are.</summary>
    /// <param name="path">The file, or <c>-</c>.</param>
    /// <param name="expected">What it should be, for messages.</param>
    /// <exception cref="FormatException">There is no such file, it cannot be read, or a line has no end; one line that names
    /// it.</exception>
    public static string All(string path, string expected)
    {
        var text = new StringBuilder();
        foreach (var line in Lines(path, expected))
        {
            if (text.Length > LongestLine)
                throw new FormatException($"{NameOf(path)}: longer than {LongestLine} characters: expected {expected}");
            text.Append(line.Text);
            if (line.IsWhole)
                text.Append('\n');
        }
        return text.ToString();
    }

    private static TextReader Open(string path, string expected)
    {
        if (IsStandard(path))
            return Console.In;
        if (path.Trim().Length == 0)
            throw new FormatException($"'{path}': no name of a file: expected {expected}");
        if (path.Contains('\0', StringComparison.Ordinal))
            throw new FormatException($"'{path.Replace('\0', '?')}': no name of a file: expected {expected}");
        if (Directory.Exists(path))
            throw new FormatException($"{path}: a folder: expected {expected}");
        if (!File.Exists(path))
            throw new FormatException($"{path}: no such file: expected {expected}");
        try
        {
            return new StreamReader(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(path, expected, error);
        }
    }

    private static FormatException Unreadable(string path, string expected, Exception error) =>
        new($"{NameOf(path)}: {SystemError.Reason(error)}: expected {expected}", error);
}

/// <summary>What the system said when it would not read or write.</summary>
public static class SystemError
{
    private const int IsFolder = 21, NoSpace = 28, NotPermitted = 13;

    /// <summary>The reason in a few words, without the file, which stands before it.</summary>
    public static string Reason(Exception error) => error switch
    {
        FileNotFoundException or DirectoryNotFoundException => "no such file or folder",
        UnauthorizedAccessException => "not permitted",
        PathTooLongException => "the name is too long",
        { HResult: IsFolder } => "a folder",
        { HResult: NoSpace } => "no space left on the device",
        { HResult: NotPermitted } => "not permitted",
        _ => OneLine.Of(error.Message).Split(" : '")[0].Split(": '")[0].TrimEnd('.'),
    };
}
