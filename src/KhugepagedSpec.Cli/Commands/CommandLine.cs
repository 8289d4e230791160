using System.CommandLine;
using System.CommandLine.Completions;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Guests.Machine;
using KhugepagedSpec.Guests.Packages;
using KhugepagedSpec.Processes;
using KhugepagedSpec.Scenarios;

namespace KhugepagedSpec.Cli.Commands;

/// <summary>Runs a command line: one line on stderr and exit code 2 for bad input, whatever kind it is.</summary>
internal static class CommandLine
{
    public static int Run(string[] args)
    {
        var output = Console.Out;
        using var interrupt = Interrupt.ForTheRun();
        try
        {
            var parsed = Root().Parse(args);
            return Bisection.CodeOf(args, parsed.Action is not Suggestions && Objection(parsed) is { } objection
                ? ExitCode.Refuse(objection)
                : parsed.Invoke(new InvocationConfiguration
                {
                    EnableDefaultExceptionHandler = false,
                    Output = Console.Out,
                    Error = Console.Error
                }));
        }
        catch (Exception error) when (Answer(error, interrupt.Token) is not null)
        {
            return Bisection.CodeOfFailure(args, Answer(error, interrupt.Token)!());
        }
        finally
        {
            Console.SetOut(output);
        }
    }

    // What is said of an exception, and the exit code; null for a bug of ours.
    private static Func<int>? Answer(Exception error, CancellationToken interrupted) => error switch
    {
        AggregateException many =>
            many.Flatten().InnerExceptions.Select(one => Answer(one, interrupted)).FirstOrDefault(answer => answer is not null),
        InterruptedException => () => Interrupted($": {error.Message}"),
        OperationCanceledException => () => Interrupted(""),
        // A guest that Ctrl-C ended as well.
        GuestException when interrupted.IsCancellationRequested => () => Interrupted(""),
        GuestException lost => () => Lost(lost),
        KernelBugException bug => () => Bug(bug),
        IOException or UnauthorizedAccessException => () => ExitCode.Refuse(SystemError.Reason(error)),
        UsageException or CaptureException or KernelPackageException or GuestUnavailableException or FormatException => () =>
            ExitCode.Refuse(error.Message),
        _ => null,
    };

    private static int Bug(KernelBugException bug)
    {
        ExitCode.Refuse($"{bug.Message}: an assertion of the kernel's fails with what was put together");
        return ExitCode.Differ;
    }

    private static int Interrupted(string known)
    {
        ExitCode.Say($"interrupted{known}");
        return ExitCode.NotExhausted;
    }

    private static int Lost(GuestException error)
    {
        ExitCode.Refuse(error.Message);
        foreach (string line in error.Splat?.Lines ?? error.Console)
            Console.Error.WriteLine($"  {line}");
        return ExitCode.Differ;
    }

    private static string? Objection(ParseResult parsed) =>
        (UnknownOption(parsed) ?? (parsed.UnmatchedTokens is [var first, ..] ? first : null)) is { } stray
            ? $"'{stray}': expected {Expected(parsed.CommandResult)}"
        : parsed.Errors.Count == 0 ? null
        : parsed.CommandResult.Command.Subcommands.Count > 0 ? $"no command: expected {Expected(parsed.CommandResult)}"
        : Objection(parsed.Errors[0], parsed.CommandResult);

    // Of an argument that may stand several times, any word would be one: an option that the command does not have is not, unless it
    // comes after a --.
    private static string? UnknownOption(ParseResult parsed) =>
        parsed.Tokens.Any(token => token.Type == TokenType.DoubleDash) ? null
        : parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(argument => argument.Tokens)
            .Select(token => token.Value).FirstOrDefault(word => word.StartsWith("--", StringComparison.Ordinal));

    // Where an option's parser is the library's, the library's words name types of the runtime, and not what was expected.
    private static string Objection(ParseError error, CommandResult command) => error.SymbolResult switch
    {
        _ when error.Message.Contains("expected", StringComparison.Ordinal)
            && !error.Message.Contains("as expected type", StringComparison.Ordinal) => OneLine.Of(error.Message),
        OptionResult { Option: var option, Tokens: var words } => Option(option, words),
        ArgumentResult { Parent: OptionResult { Option: var option }, Tokens: var words } => Option(option, words),
        ArgumentResult { Argument: var argument, Tokens: [] } => $"no {argument.Name}: expected {Expected(command)}",
        ArgumentResult { Argument: var argument, Tokens: var words } =>
            $"'{words[0].Value}': expected {argument.HelpName ?? argument.Name}",
        _ => $"{OneLine.Of(error.Message).TrimEnd('.')}: expected {Expected(command)}",
    };

    private static string Option(Option option, IReadOnlyList<Token> words) =>
        words.Count < Math.Max(1, option.Arity.MinimumNumberOfValues)
            ? $"{option.Name}: {(words.Count == 0 ? "no value" : $"'{words[0].Value}'")}: expected {option.HelpName ?? "a value"}"
        : words.Count > option.Arity.MaximumNumberOfValues ? $"{option.Name} {words.Count} times: expected it once"
        : $"{option.Name}: '{words[^1].Value}': expected {option.HelpName ?? "a value"}";

    private static string Expected(CommandResult result) =>
        result.Command.Subcommands.Count > 0
            ? string.Join(", ", result.Command.Subcommands.Select(subcommand => subcommand.Name))
            : $"an option or argument of {result.Command.Name}; khugepaged-spec {Words(result)} --help lists them";

    // As typed after the program's name.
    private static string Words(CommandResult result) =>
        result.Parent is CommandResult { Parent: not null } parent ? $"{Words(parent)} {result.Command.Name}" : result.Command.Name;

    /// <summary>All commands.</summary>
    internal static RootCommand Root()
    {
        var root = new RootCommand("An executable specification of Linux khugepaged's mTHP collapse.")
        {
            ReplayCommand.Create(),
            ExplainCommand.Create(),
            CheckCommand.Create(),
            ProveCommand.Create(),
            ExploreCommand.Create(),
            ValidateCommand.Create(),
            CaptureCommand.Create(),
            WhatIfCommand.Create(),
            MergeCommand.Create(),
            DiffCommand.Create(),
            CostCommand.Create(),
            CreepCommand.Create(),
            DiagnoseCommand.Create(),
            ApproveCommand.Create(),
            KernelCommand.Create(),
            VersionsCommand.Create(),
            PoliciesCommand.Create(),
            InvariantsCommand.Create(),
            ResultsCommand.Create(),
            ThreadsCommand.Create(),
            NotationCommand.Create(),
            CompletionCommand.Create(),
            ManCommand.Create(),
        };
        root.Directives.OfType<SuggestDirective>().Single().Action = new Suggestions();
        root.Options.OfType<VersionOption>().Single().Action = new VersionText();
        var help = root.Options.OfType<HelpOption>().Single();
        help.Action = new HelpWithDetails((HelpAction)help.Action!);
        return root;
    }
}
