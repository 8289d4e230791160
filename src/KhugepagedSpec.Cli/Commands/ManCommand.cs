using System.Collections.Immutable;
using System.CommandLine;
using System.CommandLine.Completions;
using KhugepagedSpec.Cli.Shell;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec man</c>: the manual pages.</summary>
internal static class ManCommand
{
    public static Command Create()
    {
        var words = new Argument<string[]>("COMMAND")
        {
            Arity = ArgumentArity.ZeroOrMore,
            Description = "The command, as it is called; without any: the program.",
            HelpName = "COMMAND"
        };
        words.CompletionSources.Add(context => Next(context, words));
        var roff = new Option<bool>("--roff") { Description = "Print the page's source, for man(1)." };
        var command = new Verb(
            "man",
            "Print the manual page of a command, or of the program.",
            """
            A page is made of the same descriptions as --help.

            Examples:
              khugepaged-spec man explain
              khugepaged-spec man kernel compare
              khugepaged-spec man --roff > khugepaged-spec.1
            """)
        { words, roff };
        command.SetAction(parsed =>
        {
            var page = Manual.Of(Path(parsed.RootCommandResult.Command, parsed.GetValue(words)!));
            foreach (string line in parsed.GetValue(roff) ? ManualRoff.Lines(page) : ManualText.Lines(page))
                Console.WriteLine(line);
            return ExitCode.Agree;
        });
        return command;
    }

    private static ImmutableArray<Command> Path(Command program, string[] words)
    {
        ImmutableArray<Command> path = [program];
        foreach (string word in words)
            path = path.Add(path[^1].Subcommands.FirstOrDefault(command => command.Name == word) ?? throw new UsageException(
                $"'{word}': expected {(path[^1].Subcommands.Count > 0 ? string.Join(", ", path[^1].Subcommands.Select(command => command.Name)) : $"nothing after {path[^1].Name}")}"));
        return path;
    }

    // The commands below those that are typed already.
    private static IEnumerable<string> Next(CompletionContext context, Argument<string[]> words)
    {
        string[] typed = context.ParseResult.GetValue(words) ?? [];
        Command? command = context.ParseResult.RootCommandResult.Command;
        foreach (string word in context.WordToComplete.Length > 0 ? typed.SkipLast(1) : typed)
            command = command?.Subcommands.FirstOrDefault(sub => sub.Name == word);
        return command?.Subcommands.Select(sub => sub.Name) ?? [];
    }
}
