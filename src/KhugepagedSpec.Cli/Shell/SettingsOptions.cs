using System.CommandLine;
using KhugepagedSpec.Checking;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Cli.Shell;

/// <summary>The options that stand for files of <c>/sys/kernel/mm/transparent_hugepage</c>.</summary>
/// <param name="usual">What help says of what is not given; null for the values of a fresh boot.</param>
internal sealed class SettingsOptions(string? usual = null)
{
    private readonly Option<string?> _enabled =
        new("--enabled") { Description = "Sizes set to madvise, as 16k,64k,2M or orders 2,4,9; none for none.", HelpName = "LIST" };
    private readonly Option<string?> _always = new("--always") { Description = "Sizes set to always.", HelpName = "LIST" };
    private readonly Option<string?> _inherit =
        new("--inherit") { Description = $"Sizes set to inherit. Without any list: {usual ?? "2M"}.", HelpName = "LIST" };
    private readonly Option<GlobalEnabled?> _global =
        Options.Name<GlobalEnabled>("--global", $"The global enabled file ({usual ?? "madvise"}).");
    private readonly Option<int?> _maxPtesNone = Options.Number("--max-ptes-none", $"khugepaged/max_ptes_none ({usual ?? "511"}).");
    private readonly Option<int?> _maxPtesSwap = Options.Number("--max-ptes-swap", $"khugepaged/max_ptes_swap ({usual ?? "64"}).");
    private readonly Option<int?> _maxPtesShared = Options.Number("--max-ptes-shared", $"khugepaged/max_ptes_shared ({usual ?? "256"}).");

    /// <summary>All of them.</summary>
    public IEnumerable<Option> All => [_enabled, _always, _inherit, _global, _maxPtesNone, _maxPtesSwap, _maxPtesShared];

    /// <summary>What of them was given, as they are said of a geometry.</summary>
    /// <exception cref="UsageException">A size is none, or the kernel would refuse a value.</exception>
    public GivenSettings Given(ParseResult parsed, Geometry geometry, int pageKb)
    {
        var settings = Settings(parsed, ThpSettings.Defaults(geometry), pageKb);
        bool anyList = parsed.GetValue(_enabled) is not null || parsed.GetValue(_always) is not null
            || parsed.GetValue(_inherit) is not null;
        return new GivenSettings(geometry)
        {
            Sizes = anyList ? (settings.Always, settings.Madvise, settings.Inherit) : null,
            Enabled = parsed.GetValue(_global),
            MaxPtesNone = parsed.GetValue(_maxPtesNone),
            MaxPtesSwap = parsed.GetValue(_maxPtesSwap),
            MaxPtesShared = parsed.GetValue(_maxPtesShared),
        };
    }

    /// <summary>Some of them was given.</summary>
    public bool AnyGiven(ParseResult parsed) => All.Any(option => parsed.GetResult(option) is { Implicit: false });

    /// <summary>The settings: what is not given is as in <paramref name="start"/>; any list of sizes stands for all three.</summary>
    /// <exception cref="UsageException">A size is none, or the kernel would refuse a value.</exception>
    public ThpSettings Settings(ParseResult parsed, ThpSettings start, int pageKb)
    {
        var settings = start with
        {
            Enabled = parsed.GetValue(_global) ?? start.Enabled,
            MaxPtesNone = parsed.GetValue(_maxPtesNone) ?? start.MaxPtesNone,
            MaxPtesSwap = parsed.GetValue(_maxPtesSwap) ?? start.MaxPtesSwap,
            MaxPtesShared = parsed.GetValue(_maxPtesShared) ?? start.MaxPtesShared,
        };
        bool anyList = parsed.GetValue(_enabled) is not null || parsed.GetValue(_always) is not null
            || parsed.GetValue(_inherit) is not null;
        if (anyList)
            settings = settings with { Madvise = Orders(_enabled), Always = Orders(_always), Inherit = Orders(_inherit) };
        return settings.FindError() is { } error ? throw new UsageException(error) : settings;

        OrderSet Orders(Option<string?> option) =>
            parsed.GetValue(option) is { } list ? Sizes.Parse(list, option.Name, start.Geometry, pageKb) : OrderSet.Empty;
    }
}
