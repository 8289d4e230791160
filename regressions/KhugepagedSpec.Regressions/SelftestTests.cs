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
        foreach (var version in test.IsMthp ? [Catalogue.Linux72, Catalogue.Linux73] : new[] { Catalogue.Linux72, Catalogue.Linux71 })
            foreach (var kind in Enum.GetValues<CollapseKind>().Where(test.IsFor))
                Assert.Equal(test.Expected(kind), test.RunModel(version, kind));
    }

    // The same outcomes with -s ORDER: folios of a smaller size, which khugepaged may make as well, are collapsed no otherwise.
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void With_folios_at_fault_each_comes_out_as_with_pages(int order)
    {
        var tests = Selftest.WithFaultsOf(order, MachineType.X86);
        Assert.Equal(Selftest.All.Count(test => !test.IsMthp), tests.Length);
        foreach (var test in tests)
            foreach (var kind in Enum.GetValues<CollapseKind>())
                foreach (var version in new[] { Catalogue.Linux72, Catalogue.Linux73 })
                    Assert.True(test.Expected(kind) == test.RunModel(version, kind), $"{test.Name} {kind} {version.Name}");
        foreach (string name in new[] { "swap-limit-forgotten", "shared-limit-forgotten" })
            Assert.Contains(tests, test =>
                test.RunModel(Catalogue.Find(name)!, CollapseKind.Khugepaged) != test.Expected(CollapseKind.Khugepaged));
    }

    [Theory]
    [InlineData("swap-counted-at-every-order", false)]
    [InlineData("limits-scaled", true)]
    [InlineData("limits-unscaled", true)]
    [InlineData("rounds", true)]
    public void What_does_otherwise_below_the_PMDs_order_comes_out_otherwise_in_some(string version, bool isSeen) =>
        Assert.Equal(isSeen, Selftest.All.Any(test => test.IsMthp
            && test.RunModel(Catalogue.Find(version)!, CollapseKind.Khugepaged) != test.Expected(CollapseKind.Khugepaged)));

    // Limits bind khugepaged only, so both outcomes must be there or a model that always collapses would do.
    [Fact]
    public void Some_are_not_to_be_collapsed() => Assert.Equal(
        ["collapse_empty", "collapse_max_ptes_none, one page short", "collapse_max_ptes_shared, one too many",
            "collapse_max_ptes_swap, one too many"],
        Selftest.All.Where(test => !test.Khugepaged && !test.IsMthp).Select(test => test.Name).Order(StringComparer.Ordinal));

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
                new SelftestOutcome(test, CollapseKind.Khugepaged, 1, null, null), new(test, CollapseKind.Khugepaged, 0, null, null),
                new(test, CollapseKind.Khugepaged, 1, mismatch, null), new(test, CollapseKind.Khugepaged, null, null, "no swap"),
            }.Select(outcome => outcome.IsFine));
    }
}
