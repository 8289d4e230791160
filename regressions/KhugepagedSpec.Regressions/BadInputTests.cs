using System.Text.RegularExpressions;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Processes;

namespace KhugepagedSpec.Regressions;

/// <summary>
/// The bad inputs of <c>badinput/*.txt</c>: each ends with the exit code and the line that stands below it. A line of
/// commands.txt is a command line; of another file, what is replaced by what in a good file of that format. Set
/// KHUGEPAGEDSPEC_APPROVE to write what is said now, to be read before it is kept.
/// </summary>
[Collection("console")]
public sealed partial class BadInputTests : IDisposable
{
    private const string Approve = "KHUGEPAGEDSPEC_APPROVE", Wrong = "WRONG:";

    private static readonly string Folder = Repository.At("regressions", "KhugepagedSpec.Regressions", "badinput");

    private readonly string _folder = Directory.CreateTempSubdirectory("khugepaged-spec").FullName;

    private static string[] Names =>
        [.. Directory.GetFiles(Folder, "*.txt").Select(path => Path.GetFileNameWithoutExtension(path)).Order(StringComparer.Ordinal)];

    public static TheoryData<string> Files => [.. Names];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Files))]
    public void Each_is_one_line_that_says_what_was_there_and_what_was_expected(string file)
    {
        string path = Path.Combine(Folder, file + ".txt");
        string kept = File.ReadAllText(path), now = Said(file, Cases(kept));
        if (Environment.GetEnvironmentVariable(Approve) is { Length: > 0 })
            File.WriteAllText(path, now);
        Assert.DoesNotContain(Wrong, now, StringComparison.Ordinal);
        Assert.Equal(kept, now);
    }

    [Fact]
    public void There_are_three_hundred_and_no_two_the_same()
    {
        var cases = Names.SelectMany(file => Cases(File.ReadAllText(Path.Combine(Folder, file + ".txt")))
            .Where(line => !line.StartsWith('#')).Select(line => $"{file} {line}")).ToList();
        Assert.InRange(cases.Count, 300, int.MaxValue);
        Assert.Equal(cases.Count, cases.Distinct().Count());
        Assert.Equal(FileFormat.All.Select(format => format.Name).Append("commands").Order(), Names);
    }

    [Fact]
    public void A_good_file_of_each_format_is_read() => Assert.All(FileFormat.All, format => format.Read(Write(format.Name, format.Good)));

    [Theory]
    [InlineData("expected a Nullable`1", "names ")]
    [InlineData("The JSON value could not be converted: expected it", "names ")]
    [InlineData("expected System.String", "names ")]
    [InlineData("no", "does not say what was expected")]
    [InlineData("expected\nmore", "has several lines")]
    [InlineData("", "says nothing")]
    public void A_complaint_in_the_words_of_the_program_is_none(string message, string fault) =>
        Assert.StartsWith(fault, Complaint.Fault(message), StringComparison.Ordinal);

    private static IEnumerable<string> Cases(string text) =>
        text.TrimEnd('\n').Split('\n').Where(line => !line.StartsWith("    ", StringComparison.Ordinal) && line.Length > 0);

    private string Said(string file, IEnumerable<string> cases) =>
        string.Concat(cases.Select(line => line.StartsWith('#') ? line + "\n"
            : $"{line}\n    {(file == "commands" ? Command(line) : Mutation(FileFormat.Named(file), line))}\n"));

    private string Command(string line)
    {
        string[] args = [.. Argument().Matches(line).Select(match => match.Groups[1].Success ? match.Groups[1].Value : match.Value)
            .Select(word => word.Replace("FOLDER", _folder, StringComparison.Ordinal))];
        var (code, output, error) = Cli.Run(args);
        string said = error.TrimEnd('\n').Replace(_folder, "FOLDER", StringComparison.Ordinal);
        return $"{(output.Length > 0 ? $"{Wrong} prints {output.Split('\n')[0]} and " : "")}{code} {Judged(said)}";
    }

    private static string Judged(string said) => Complaint.Fault(said) is { } fault ? $"{Wrong} {fault}: {said}" : said;

    private string Mutation(FileFormat format, string line)
    {
        string[] halves = line.Split(" => ");
        string old = Unescaped(halves[0]), text = old.Length == 0 ? Unescaped(halves[1])
            : format.Good.Contains(old, StringComparison.Ordinal) ? First(format.Good, old, Unescaped(halves[1]))
                : throw new InvalidOperationException($"{format.Name} has no {old}");
        try
        {
            format.Read(Write(format.Name, text));
            return "read";
        }
        catch (Exception error) when (error is FormatException or CaptureException or UsageException)
        {
            string said = error.Message.Replace(_folder + "/", "", StringComparison.Ordinal);
            return format.Command is null ? Judged(said) : Command($"{format.Command} FOLDER/{format.Name}");
        }
    }

    private static string First(string text, string old, string with) =>
        text.IndexOf(old, StringComparison.Ordinal) is var at ? text[..at] + with + text[(at + old.Length)..] : text;

    private static string Unescaped(string text) =>
        text.Replace("EMPTY", "", StringComparison.Ordinal).Replace("\\n", "\n", StringComparison.Ordinal)
            .Replace("\\0", "\0", StringComparison.Ordinal);

    private string Write(string name, string text)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        return path;
    }

    [GeneratedRegex(@"'([^']*)'|\S+")]
    private static partial Regex Argument();
}
