using System.CommandLine;
using System.Globalization;
using KhugepagedSpec.Processes;

namespace KhugepagedSpec.Cli.Shell;

/// <summary><c>--aim</c> and <c>--max-added</c>: what one wants of large folios.</summary>
/// <param name="what">What a command does with it.</param>
internal sealed class AimOptions(string what)
{
    private readonly Option<Aim?> _aim = Options.Name<Aim>(
        "--aim", $"{what}: the least memory, the most mapped, or most for 5% of memory (balanced).");

    private readonly Option<string?> _maxAdded = new("--max-added")
    {
        Description = "With --aim: how much of its memory may be added at most, as 2.5%.",
        HelpName = "PERCENT",
    };

    /// <summary>Makes both options of a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_aim);
        command.Options.Add(_maxAdded);
    }

    /// <summary>What was given; nulls for nothing.</summary>
    /// <exception cref="UsageException">No percents, or percents of no aim.</exception>
    public (Aim? Aim, double? Percent) Get(ParseResult parsed)
    {
        string? text = parsed.GetValue(_maxAdded);
        double? percent = text is null ? null
            : double.TryParse(text.TrimEnd('%'), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value)
                ? value : throw new UsageException($"--max-added {text}: expected percent, as 5%");
        var aim = parsed.GetValue(_aim);
        return percent is null || aim is not null ? (aim, percent)
            : throw new UsageException($"--max-added {text}: expected it with --aim");
    }
}
