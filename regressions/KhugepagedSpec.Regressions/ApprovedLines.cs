namespace KhugepagedSpec.Regressions;

/// <summary>What was approved of a test, for another that runs a part of it.</summary>
internal static class ApprovedLines
{
    /// <summary>The lines of a test's approved snapshot.</summary>
    /// <param name="testClass">The test's class.</param>
    /// <param name="test">The test.</param>
    public static string[] Of(string testClass, string test) =>
        File.ReadAllLines(Repository.At("regressions", "KhugepagedSpec.Regressions", $"{testClass}.{test}.verified.txt"));
}
