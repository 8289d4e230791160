using System.CommandLine;
using System.Globalization;
using System.Text;
using KhugepagedSpec.Cli.Commands;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Scenarios;

namespace KhugepagedSpec.Regressions;

/// <summary>
/// Every option of a scenario, in every command that has to do with scenarios, is honoured, or refused in a line, or no option of it:
/// nothing is dropped. The table of it is approved.
/// </summary>
[Collection("console")]
public sealed class OptionTests
{
    // What each is given, on a table on which it makes a difference; the same table without it is what it is held against.
    private static readonly (string Option, string Table, string[] Words)[] Samples =
    [
        ("TABLE", "", ["x*16 .*496"]),
        ("TABLE", "", ["f4h x*496"]),
        ("TABLE", "", ["f1 x*510"]),
        ("TABLE", "", ["m9"]),
        ("TABLE", "", ["m9h"]),
        ("TABLE", "", ["mi"]),
        ("TABLE", "", ["mz"]),
        ("TABLE", "", ["0"]),
        ("TABLE", "", ["f0@1 x*511"]),
        ("TABLE", "", ["K Z x*510"]),
        ("TABLE", "", ["x*8 f4[8+1] f4[1+1] x*502"]),
        .. TableNotation.Letters.Select(letter => ("TABLE", "", new[] { $"{letter.Letter} x*511" })),
        ("--enabled", "x*512", ["--enabled", "64k"]),
        ("--enabled", "x*512", ["--enabled", "64k,2M"]),
        ("--enabled", "x*512", ["--enabled", "none"]),
        ("--always", "x*512", ["--always", "64k,2M"]),
        ("--always", "h x*511", ["--always", "2M"]),
        ("--inherit", "x*512", ["--inherit", "64k,2M"]),
        ("--global", "x*512", ["--global", "never"]),
        ("--global", "x*512", ["--global", "always"]),
        ("--max-ptes-none", "x*511 .", ["--max-ptes-none", "0"]),
        ("--max-ptes-swap", "x*511 o", ["--max-ptes-swap", "3"]),
        ("--max-ptes-shared", "x*511 h", ["--max-ptes-shared", "3"]),
        ("--kind", "x*512", ["--kind", "madvise"]),
        ("--program", "", ["--program", "mmap, madvise, touch 0+16, read 16+4"]),
        ("--program", "", ["--program", "mmap, touch, pageout"]),
        ("--program", "", ["--program", "mmap, touch, guard 0+1"]),
        ("--uffd", "x*512", ["--uffd"]),
        ("--uffd", "x*512", ["--uffd", "wp"]),
        ("--uffd", "x*512", ["--uffd", "rwp"]),
        ("--uffd", "x*512", ["--uffd", "missing,rwp"]),
        ("--uffd", "x*512", ["--uffd", "both"]),
        ("--mlock", "x*512", ["--mlock"]),
        ("--droppable", "x*512", ["--droppable"]),
        ("--read-only", "x*512", ["--read-only"]),
        ("--no-madvise", "x*512", ["--no-madvise"]),
        ("--nohugepage", "x*512", ["--nohugepage"]),
        ("--vma", "x*16 .*496", ["--vma", "0-15"]),
        ("--vma", "x*512", ["--vma", "0-15"]),
        ("--vma", "x*512", ["--vma", "-64-575"]),
        ("--vma", "x*512", ["--vma", "-512-1023"]),
        ("--vma", "x*512", ["--vma", "-513-511"]),
        ("--anon-vma", ".*512", ["--anon-vma"]),
        ("--far-nodes", "x*512", ["--far-nodes"]),
        ("--thp-disable", "x*512", ["--thp-disable", "completely"]),
        ("--thp-disable", "x*512", ["--thp-disable", "exceptadvised"]),
        ("--machine", "f4[0+1] f4[1+15]o x*496", ["--machine", "arm64-4k"]),
        ("--pmd-order", "x*16", ["--pmd-order", "4"]),
        ("--fail", "x*512", ["--fail", "charge-fails"]),
        ("--fail", "x*512", ["--fail", "alloc-fails@9"]),
        ("--fail", "x*512", ["--fail", "alloc-fails@9", "--fail", "alloc-fails@8"]),
        ("--fail", "x*512", ["--fail", "alloc-fails"]),
        ("--fail", "x*512", ["--fail", "page-pinned/write#1"]),
    ];

    // Of each: all that cannot be had, in one place or another.
    private static readonly (string Name, KernelAbilities Kernel)[] Kernels =
    [
        ("7.3", Abilities("7.3.4")), ("7.2", Abilities("7.2.13")), ("6.12", Abilities("6.12.117")),
        ("7.2 without swap, memcg, KSM", Abilities("7.2.13") with { HasSwap = false, HasMemcg = false, HasKsm = false }),
    ];

    [Fact]
    public async Task Every_option_is_honoured_or_refused()
    {
        var text = new StringBuilder();
        foreach (var (option, table, words) in Samples)
        {
            text.Append(CultureInfo.InvariantCulture, $"{Quoted(table, words)}\n");
            var record = Kernels.Select(kernel => (kernel.Name, Cell: Record(table, words, kernel.Kernel))).GroupBy(one => one.Cell);
            foreach (var same in record)
                text.Append(CultureInfo.InvariantCulture,
                    $"  {$"record {string.Join(", ", same.Select(one => one.Name))}",-12}  {same.Key}\n");
            foreach (string command in new[] { "compare", "selftest", "predict", "whatif" })
                if (OfCommand(command, option, words) is { } cell)
                    text.Append(CultureInfo.InvariantCulture, $"  {command,-12}  {cell}\n");
            text.Append(CultureInfo.InvariantCulture, $"  {"diff TABLE",-12}  {Diff(table, words)}\n");
            if (option is not ("TABLE" or "--program") && !new SettingsOptions().All.Any(setting => setting.Name == option))
                text.Append(CultureInfo.InvariantCulture, $"  {"diff",-12}  {DiffSearch(words)}\n");
        }
        string approved = text.ToString();
        Assert.DoesNotContain("DROPPED", approved, StringComparison.Ordinal);
        await Verifier.Verify(approved);
    }

    // A new option that nobody said a word for makes this fail.
    [Fact]
    public void Every_option_of_a_scenario_has_a_row() => Assert.Equal(
        AllOptions().Select(option => option.Name).Order(StringComparer.Ordinal),
        Samples.Select(sample => sample.Option).Where(option => option != "TABLE").Distinct().Order(StringComparer.Ordinal));

    [Fact]
    public void Every_value_of_an_option_that_has_names_has_a_row() =>
        Assert.All(AllOptions().Where(option => option.HelpName?.Contains('|', StringComparison.Ordinal) == true), option =>
        {
            var given = Samples.Where(sample => sample.Option == option.Name).SelectMany(sample => sample.Words.Skip(1))
                .SelectMany(word => word.Split(',')).ToList();
            if (option.Name == "--uffd")
                given.Add("missing");
            Assert.True(option.HelpName!.Split('|').Count(name => !given.Contains(name)) <= 1,
                $"{option.Name}: more than the usual value is not given");
        });

    // No third way: what nobody has a word of refusal for, the recorder's line holds.
    [Fact]
    public void What_is_generated_is_refused_in_words_or_asked_for_as_it_is()
    {
        int refused = 0, asked = 0;
        foreach (var scenario in ScenarioGenerator.Random((ulong)ScenarioCodecTests.Seed, Geometry.X86).Take(ScenarioCodecTests.Cases))
        {
            var kernel = Kernels[(refused + asked) % Kernels.Length].Kernel;
            if (LiveRefusal.Of(scenario, kernel) is { } words)
            {
                refused++;
                Assert.DoesNotContain('\n', words);
                continue;
            }
            asked++;
            Assert.Null(ScenarioDifference.First(scenario, LiveInput.ScenarioOf(LiveInput.Of("a", scenario, 1, beside: false))));
        }
        Assert.True(Math.Min(refused, asked) > ScenarioCodecTests.Cases / 10, $"{refused} refused, {asked} asked for");
    }

    // An option that is dropped on its way is noticed: here the input is made without its flag.
    [Fact]
    public void An_input_that_loses_an_option_is_no_input_of_the_scenario()
    {
        var scenario = Scenario("x*16 .*496", ["--vma", "0-15"]);
        var input = LiveInput.Of("a", scenario, 1, beside: false);
        Assert.Null(ScenarioDifference.First(scenario, LiveInput.ScenarioOf(input)));
        Assert.Equal("VMA's last page: 511 instead of 15",
            ScenarioDifference.First(scenario, LiveInput.ScenarioOf(input with { Bare = null })));
        foreach (string[] words in new string[][] { ["--read-only"], ["--no-madvise"], ["--mlock"], ["--uffd"],
            ["--thp-disable", "exceptadvised"] })
        {
            var asked = Scenario("x*512", words);
            var made = LiveInput.Of("a", asked, 1, beside: false);
            Assert.Null(ScenarioDifference.First(asked, LiveInput.ScenarioOf(made)));
            Assert.NotNull(ScenarioDifference.First(asked, LiveInput.ScenarioOf(made with { Flags = [] })));
        }
    }

    // What the guest is told, and what is set, compared with the same without the option.
    private static string Record(string table, string[] words, KernelAbilities kernel)
    {
        string input;
        try
        {
            input = Told(Scenario(table, words), kernel, out string line);
            string without = table.Length == 0 ? "" : Told(Scenario(table, Sized(words)), Kernels[0].Kernel, out _);
            return input == without ? "DROPPED" : $"honoured: {line}";
        }
        catch (Exception refused) when (refused is UsageException or FormatException)
        {
            Assert.DoesNotContain('\n', refused.Message);
            return $"refused: {refused.Message.Replace(kernel.Release, "RELEASE", StringComparison.Ordinal)}";
        }
    }

    // A table of another size cannot do without the option that makes it one.
    private static string[] Sized(string[] words) => words[0] == "--pmd-order" ? words : [];

    private static string Told(Scenario scenario, KernelAbilities kernel, out string line)
    {
        var input = RecordRequest.Of(scenario, kernel, passes: 3, beside: false).Input!;
        line = input.ToString();
        var builder = new TableBuilder(input, 1L << 44, 1000);
        return string.Join('\n', builder.Introduce(), builder.Build(), builder.Register(), input.Settings, input.Kind,
            string.Join(' ', input.Faults));
    }

    // Commands whose scenarios are their own have none of the options; whatif has those of the settings.
    private static string? OfCommand(string command, string option, string[] words)
    {
        if (option == "TABLE")
            return null;
        if (Find(command).Options.All(one => one.Name != option))
        {
            var (code, output, error) = Cli.Run(command == "whatif" ? [command, "a.jsonl", .. words] : ["kernel", command, .. words]);
            Assert.Equal((2, ""), (code, output));
            return error.Contains($"'{option}': expected an option or argument of {command};", StringComparison.Ordinal) ? "no such option"
                : "DROPPED";
        }
        if (option == "--machine")
            return "an option of its own";
        var options = new SettingsOptions("as on the machine");
        var alone = new Command(command);
        foreach (var one in options.All)
            alone.Add(one);
        var start = Settings.ThpSettings.Defaults(Geometry.X86) with { MaxPtesNone = 7, MaxPtesSwap = 7, MaxPtesShared = 7 };
        var parsed = alone.Parse(words);
        return options.AnyGiven(parsed) && options.Settings(parsed, start, pageKb: 4) != start ? "honoured: as asked" : "DROPPED";
    }

    private static string Diff(string table, string[] words)
    {
        var (code, output, error) = Cli.Run(["diff", "linux-7.1", "linux-7.2", .. Given(table), .. words]);
        if (code == 2)
            return $"refused: {error.Trim().Replace("khugepaged-spec: ", "", StringComparison.Ordinal)}";
        Assert.Equal("", error);
        return code == 0 ? $"same: {Scenario(table, words)}" : output.Split('\n')[0] == $"explain {Scenario(table, words)}"
            ? $"honoured: {output.Split('\n')[0]}" : "DROPPED";
    }

    // What it searches are tables, under settings.
    private static string DiffSearch(string[] words)
    {
        var (code, output, error) = Cli.Run(["diff", "linux-7.1", "linux-7.2", .. words]);
        Assert.Equal((2, ""), (code, output));
        return $"refused: {error.Trim().Replace("khugepaged-spec: ", "", StringComparison.Ordinal)}";
    }

    private static Scenario Scenario(string table, string[] words)
    {
        var (options, command) = Command();
        return options.Scenario(command.Parse([.. Given(table), .. words]));
    }

    private static string[] Given(string table) => table.Length == 0 ? [] : [table];

    private static IEnumerable<Option> AllOptions() =>
        Command().Command.Options.Where(option => option.Name is not ("--help" or "--version"));

    private static (ScenarioOptions Options, Command Command) Command()
    {
        var options = new ScenarioOptions();
        var command = new Command("any");
        options.AddTo(command);
        return (options, command);
    }

    private static Command Find(string name) =>
        CommandLine.Root().Subcommands.SelectMany(command => command.Subcommands.Prepend(command)).First(command => command.Name == name);

    private static string Quoted(string table, string[] words) =>
        string.Join(' ', Given(table).Concat(words)
            .Select(word => word.Contains(' ', StringComparison.Ordinal) || word.Contains('*', StringComparison.Ordinal) ? $"'{word}'"
                : word));

    private static KernelAbilities Abilities(string release) => KernelAbilities.FromGreeting($"{release} #1\nswap 1\n");
}
