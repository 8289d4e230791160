using System.Text.Json;
using KhugepagedSpec.Cli.Text;

namespace KhugepagedSpec.Cli.Pictures;

/// <summary>The page of <c>whatif</c>: the data that <c>--json</c> prints, drawn.</summary>
internal static class WhatIfPage
{
    // Of each case, the largest.
    private const int MostVmas = 40;

    /// <summary>Makes it.</summary>
    public static HtmlPage Of(WhatIfAnswer answer)
    {
        var json = WhatIfJsonOf.Answer(answer, MostVmas);
        return new(TitleOf(json), "whatif", ["sweep"], JsonSerializer.Serialize(json, PageJson.Compact.WhatIfJson));
    }

    private static string TitleOf(WhatIfJson json) => json.Pid is { } pid ? FormattableString.Invariant($"what if: {json.Command} ({pid})")
        : FormattableString.Invariant($"what if: {json.Processes.Count} processes ({json.Asked})");
}
