namespace KhugepagedSpec.Regressions;

public sealed partial class InterleavingMutationTests
{
    private static readonly (string Pattern, string Why)[] KhugepagedReasons =
    [
    ];

    private static readonly (string Pattern, string Why)[] ActorReasons =
    [
    ];
}
