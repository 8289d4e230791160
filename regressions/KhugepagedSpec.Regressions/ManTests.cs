using System.CommandLine;
using System.CommandLine.Help;
using KhugepagedSpec.Cli.Commands;

namespace KhugepagedSpec.Regressions;

/// <summary>The manual pages: of the program, and of every command.</summary>
[Collection("console")]
public sealed class ManTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("khugepaged-spec").FullName;

    /// <summary>Every command as it is called; first the program.</summary>
    public static TheoryData<string> Commands => [.. Below("", CommandLine.Root())];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Commands))]
    public void A_page_has_every_option_argument_and_command_and_what_it_is_for(string command)
    {
        string page = Page(command), text = Text(page);
        var its = Words(command).Aggregate((Command)CommandLine.Root(), (above, word) => above.Subcommands.Single(sub => sub.Name == word));
        // The program's own are said in other words.
        var own = its.Options.Where(option => option is not (HelpOption or VersionOption));
        foreach (var symbol in own.Concat<Symbol>(its.Arguments).Concat(its.Subcommands))
        {
            Assert.Matches($"\n       (-[a-z], )?{symbol.Name}[ \n]", page);
            Assert.Contains(symbol.Description!, text, StringComparison.Ordinal);
        }
        Assert.Contains("\n       -?, -h, --help\n", page, StringComparison.Ordinal);
        Assert.Equal(command.Length == 0, page.Contains("\n       --version\n", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public void A_page_has_what_a_manual_page_has_in_its_order(string command)
    {
        string[] titles = [.. Page(command).Split('\n').Skip(1).SkipLast(1).Where(line => line.Length > 0 && line[0] != ' ')];
        Assert.Equal(["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLES", "SEE ALSO"],
            titles.Except(["COMMANDS", "ARGUMENTS"]));
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public void Its_examples_are_commands_of_this_program(string command)
    {
        string examples = Page(command).Split("\nEXAMPLES\n")[1].Split("\n\n")[0];
        Assert.All(examples.Split('\n'), line => Assert.Matches("^       (source <\\(|git bisect run .*)?khugepaged-spec( |$)", line));
    }

    [Fact]
    public void Details_stand_in_the_help_and_on_the_page_alike()
    {
        Assert.Contains("Shows the scan, each window of the walk as offset/order", Cli.Run("explain", "--help").Output,
            StringComparison.Ordinal);
        Assert.Contains("Shows the scan, each window of the walk as offset/order", Page("explain"), StringComparison.Ordinal);
        Assert.Contains("khugepaged-spec explain [OPTION...] [TABLE]", Page("explain"), StringComparison.Ordinal);
        Assert.Contains("khugepaged-spec kernel fetch [OPTION...] RELEASE...", Page("kernel fetch"), StringComparison.Ordinal);
    }

    [ToolFact("groff")]
    public void Groff_finds_no_fault_with_the_source_and_shows_the_same_words()
    {
        foreach (string command in Below("", CommandLine.Root()))
        {
            string file = Source(command);
            var (code, shown, error) =
                Tool.Run(_folder, Tool.Find("groff")!, "-man", "-ww", "-Tascii", "-P-cbou", "-rHY=0", "-rLL=80n", file);
            Assert.Equal((0, ""), (code, error));
            Assert.Equal(Text(Page(command)), Text(shown));
        }
    }

    [ToolFact("mandoc")]
    public void Mandoc_finds_no_fault_with_the_source_but_that_it_has_no_date()
    {
        foreach (string command in Below("", CommandLine.Root()))
        {
            string output = Tool.Run(_folder, Tool.Find("mandoc")!, "-Tlint", "-Wwarning", Source(command)).Output;
            Assert.All(output.Split('\n', StringSplitOptions.RemoveEmptyEntries),
                line => Assert.EndsWith("WARNING: missing date, using \"\": TH", line, StringComparison.Ordinal));
        }
    }

    private string Source(string command)
    {
        string file = Path.Combine(_folder, $"{command}.1");
        File.WriteAllText(file, Run([.. Words(command), "--roff"]));
        return file;
    }

    private static string Page(string command) => Run(Words(command));

    private static string Run(string[] words)
    {
        var (code, output, error) = Cli.Run(["man", .. words]);
        Assert.Equal((0, ""), (code, error));
        return output.TrimEnd('\n');
    }

    // The words between the page's first line and its last, wherever lines are broken.
    private static string Text(string page) =>
        string.Join(' ', page.Trim('\n').Split('\n').Skip(1).SkipLast(1)
            .SelectMany(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)));

    private static string[] Words(string command) => command.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    private static IEnumerable<string> Below(string name, Command command) =>
        command.Subcommands.SelectMany(sub => Below($"{name} {sub.Name}".TrimStart(), sub)).Prepend(name);
}
