using System.Collections.Immutable;

namespace KhugepagedSpec.Cli.Text;

internal sealed record ResultJson(
    string Name, string Meaning, ImmutableArray<ResultNameJson> Names, ImmutableArray<string> Functions, bool EndsScan, string? Walk);

internal sealed record ResultNameJson(string Kernel, string Trace, ImmutableArray<int> Numbers, ImmutableArray<string> Versions);
