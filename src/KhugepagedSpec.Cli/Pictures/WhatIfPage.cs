using System.Text.Json;
using KhugepagedSpec.Cli.Text;

namespace KhugepagedSpec.Cli.Pictures;

/// <summary>The page of <c>whatif</c>: the data that <c>--json</c> prints, drawn.</summary>
internal static class WhatIfPage
{
    /// <summary>Makes it.</summary>
    public static HtmlPage Of(WhatIfJson answer) =>
        new($"what if: {answer.Command} ({answer.Pid})", "whatif", [], JsonSerializer.Serialize(answer, PageJson.Compact.WhatIfJson));
}
