using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Regressions;

/// <summary>The kernel's own tests of khugepaged, on the models.</summary>
public sealed class SelftestTests
{
    public static TheoryData<string> Names => [.. Selftest.All.Select(test => test.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_one_comes_out_as_the_kernel_expects_in_both_contexts(string name)
    {
        var test = Selftest.All.Single(test => test.Name == name);
        foreach (var version in new[] { Catalogue.Linux72, Catalogue.Linux71 })
            Assert.Equal((test.Khugepaged, test.Madvise),
                (test.RunModel(version, CollapseKind.Khugepaged), test.RunModel(version, CollapseKind.Madvise)));
    }

    // Limits bind khugepaged only, so both outcomes must be there or a model that always collapses would do.
    [Fact]
    public void Some_are_not_to_be_collapsed() => Assert.Equal(
        ["collapse_empty", "collapse_max_ptes_none, one page short", "collapse_max_ptes_shared, one too many",
            "collapse_max_ptes_swap, one too many"],
        Selftest.All.Where(test => !test.Khugepaged).Select(test => test.Name).Order(StringComparer.Ordinal));

    // Its operations drop and share pages, which the pattern alone does not show.
    [Fact]
    public void What_user_space_builds_is_the_table_that_the_model_gets()
    {
        foreach (var test in Selftest.All.Where(test => test.Pattern?.StartsWith("pat=", StringComparison.Ordinal) == true
            && test.Table != "0"))
            Assert.Equal(PageTable.Parse(test.Table, Geometry.X86),
                TableBuilder.Wish(VectorInput.Parse($"a o=9 {test.Pattern}", Geometry.X86)));
    }

    [Fact]
    public void One_that_was_run_is_fine_only_as_expected_and_where_the_model_agrees()
    {
        var test = Selftest.All[0];
        var mismatch = new Mismatch(1, "scan 1", "a", "b", []);
        Assert.Equal(
            [true, false, false, true],
            new[]
            {
                new SelftestOutcome(test, CollapseKind.Khugepaged, true, null, null), new(test, CollapseKind.Khugepaged, false, null, null),
                new(test, CollapseKind.Khugepaged, true, mismatch, null), new(test, CollapseKind.Khugepaged, null, null, "no swap"),
            }.Select(outcome => outcome.IsFine));
    }
}
