using System.Collections.Immutable;
using System.CommandLine;
using System.CommandLine.Help;

namespace KhugepagedSpec.Cli.Shell;

/// <summary>Writes the manual page of a command, from what its options, arguments and details say of themselves.</summary>
internal static class Manual
{
    /// <summary>The page of the last command of <paramref name="path"/>, which begins with the program.</summary>
    public static ManualPage Of(ImmutableArray<Command> path)
    {
        var command = path[^1];
        var details = CommandDetails.Of(command);
        string summary = command.Description!;
        var options = command.Options.Concat(path[..^1].SelectMany(above => above.Options.Where(option => option.Recursive)));
        ManualSection[] sections =
        [
            new("NAME", [new ManualBlock.Paragraph($"{PageName(path)} - {char.ToLowerInvariant(summary[0])}{summary[1..].TrimEnd('.')}")]),
            new("SYNOPSIS", [new ManualBlock.Paragraph(Synopsis(path))]),
            new("DESCRIPTION", [new ManualBlock.Paragraph(summary), .. Paragraphs(details.Prose)]),
            new("COMMANDS", [.. command.Subcommands.Select(sub => new ManualBlock.Item($"{sub.Name}{Operands(sub)}", sub.Description!))]),
            new("ARGUMENTS", [.. command.Arguments.Select(argument => new ManualBlock.Item(argument.Name, argument.Description!))]),
            new("OPTIONS", [.. options.Select(option => new ManualBlock.Item(Term(option), Meaning(option)))]),
            new("EXIT STATUS", [.. ExitCode.All.Select(exit => new ManualBlock.Item($"{exit.Code}", exit.Meaning))]),
            new("EXAMPLES", [.. details.Examples.Select(example => new ManualBlock.Line(example))]),
            new("SEE ALSO", [new ManualBlock.Paragraph(string.Join(", ", Others(path).Select(other => $"{PageName(other)}(1)")))]),
        ];
        return new(PageName(path), [.. sections.Where(section => !section.Blocks.IsEmpty)]);
    }

    private static string PageName(ImmutableArray<Command> path) => Words(path, '-');

    private static string Words(ImmutableArray<Command> path, char between) =>
        string.Join(between, path.Skip(1).Select(command => command.Name).Prepend("khugepaged-spec"));

    private static string Synopsis(ImmutableArray<Command> path) => Words(path, ' ') + (path[^1].Subcommands.Count > 0
        ? " COMMAND [ARGUMENT...]"
        : $" [OPTION...]{Operands(path[^1])}");

    private static string Operands(Command command) => string.Concat(command.Arguments.Select(argument =>
    {
        string name = argument.Name + (argument.Arity.MaximumNumberOfValues > 1 ? "..." : "");
        return argument.Arity.MinimumNumberOfValues == 0 ? $" [{name}]" : $" {name}";
    }));

    // A blank line parts paragraphs; lines that are set in stay as they are.
    private static IEnumerable<ManualBlock> Paragraphs(string prose) =>
        prose.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).SelectMany(part =>
        part.StartsWith(' ') ? part.Split('\n').Select(line => new ManualBlock.Line(line))
            : (IEnumerable<ManualBlock>)[new ManualBlock.Paragraph(part)]);

    private static string Term(Option option)
    {
        string names = string.Join(", ", option.Aliases.Order(StringComparer.Ordinal).Where(alias => alias.StartsWith('-'))
            .Append(option.Name));
        return option.HelpName is not { } value ? names
            : option.Arity.MinimumNumberOfValues == 0 && option.Arity.MaximumNumberOfValues == 1 ? $"{names} [{value}]"
            : $"{names} {value}";
    }

    private static string Meaning(Option option) =>
        option is HelpOption ? "Show a short form of this page."
        : option is VersionOption ? "Show the program's version, and the kernels that are modelled."
        : option.HasDefaultValue && option.GetDefaultValue() is string value ? $"{option.Description} Default: {value}."
        : option.Description!;

    // The pages above and below.
    private static IEnumerable<ImmutableArray<Command>> Others(ImmutableArray<Command> path) =>
        Enumerable.Range(1, path.Length - 1).Select(length => path[..length]).Concat(path[^1].Subcommands.Select(sub => path.Add(sub)));
}
