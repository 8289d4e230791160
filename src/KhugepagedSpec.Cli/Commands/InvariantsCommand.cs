using System.CommandLine;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Invariants;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec invariants</c>: the contract.</summary>
internal static class InvariantsCommand
{
    /// <summary>All that may be named.</summary>
    public static string[] Names { get; } = [.. Contract.Invariants.Select(invariant => invariant.Name)];

    public static Command Create()
    {
        var command = new Verb(
            "invariants",
            "List what must hold, where it comes from, and which versions are known to break it.",
            """
            Example:
              khugepaged-spec invariants
            """);
        command.SetAction(_ => Print());
        return command;
    }

    private static int Print()
    {
        foreach (var invariant in Contract.Invariants)
        {
            Console.WriteLine(invariant.Name);
            Console.WriteLine($"  {invariant.Statement}");
            Console.WriteLine($"  from: {invariant.Citation}");
            foreach (var group in invariant.Exceptions.GroupBy(exception => exception.Why))
                Console.WriteLine($"  broken by {string.Join(", ", group.Select(exception => exception.Version))}: {group.Key}");
            if (invariant.NotFor.Length > 0)
                Console.WriteLine($"  says nothing about {string.Join(", ", invariant.NotFor)}");
            Console.WriteLine();
        }
        return ExitCode.Agree;
    }

    /// <summary>The invariant of that name.</summary>
    /// <exception cref="UsageException">There is none; the message lists those there are.</exception>
    public static Invariant Find(string name) =>
        Contract.Find(name) ?? throw new UsageException(
            $"--invariant: nothing is called '{name}': expected {string.Join(", ", Names)}");
}
