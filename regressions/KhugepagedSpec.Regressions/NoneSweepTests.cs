using System.Text.Json;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Processes;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Versions;
using static KhugepagedSpec.Regressions.CaptureFolder;

namespace KhugepagedSpec.Regressions;

/// <summary>The values of max_ptes_none that make a difference.</summary>
[Collection("console")]
public sealed class NoneSweepTests(CaptureFolder folder) : IClassFixture<CaptureFolder>
{
    [Fact]
    public void They_are_the_numbers_of_empty_entries_there_are_and_both_ends() =>
        Assert.Equal<int>([0, 2, 100, 511], NoneSweep.Values(Of("x*512", "x*510 .*2", "x*510 . z", "x*412 .*100", "m9", "0", ".*511 x")));

    // Each value of all 512 is asked for; those that are left out come to what the next lower one that is tried comes to.
    [Fact]
    public void Between_two_of_them_nothing_changes()
    {
        var machine = Of("x*512", "x*510 .*2", "s x*450 .*61", "x*412 .*100", "w x*511", "x*100 .*412");
        var values = NoneSweep.Values(machine);
        var cases = NoneSweep.Cases(machine, Catalogue.Linux72, order => $"{order}").Where(one => one.Name == "9").ToList();
        Assert.Equal(values, cases.Select(one => one.Settings.MaxPtesNone));
        var swept = cases.ToDictionary(one => one.Settings.MaxPtesNone, Figures);
        Assert.Equal(values.Length, swept.Values.Distinct().Count() + 1);
        for (int none = 0; none < 512; none++)
            Assert.Equal(swept[values.Last(value => value <= none)],
                Figures(cases[0] with { Settings = cases[0].Settings with { MaxPtesNone = none } }));

        (long, long) Figures(WhatIfCase what) => WhatIfReport.Of(machine, what) is var report ? (report.LargeAfter, report.Added) : default;
    }

    [Fact]
    public void Of_many_about_as_many_ranges_lie_between_each_two()
    {
        var machine = Of([.. Enumerable.Range(1, 400).Select(none => $"x*{512 - none} .*{none}")]);
        var values = NoneSweep.Values(machine);
        Assert.InRange(values.Length, NoneSweep.MostValues - 2, NoneSweep.MostValues);
        Assert.Equal((0, 400, 511), (values[0], values[^2], values[^1]));
        Assert.All(values.Skip(1).Take(values.Length - 3).Zip(values.Skip(2)), pair => Assert.InRange(pair.Second - pair.First, 20, 40));
    }

    [Fact]
    public void A_version_of_the_PMDs_size_alone_is_tried_with_that_alone() =>
        Assert.Equal(["9"], NoneSweep.Cases(Of("x*512"), Catalogue.Linux71, order => $"{order}").Select(one => one.Name).Distinct());

    [Fact]
    public void It_is_made_for_a_page_only()
    {
        string capture = folder.SavedProcess(), page = folder["page.html"];
        Assert.False(Root(Cli.Run("whatif", capture, "--json").Output).TryGetProperty("sweep", out _));
        Assert.Equal(8, Root(Cli.Run("whatif", capture, "--json", "--html", page).Output).GetProperty("sweep").GetArrayLength());

        static JsonElement Root(string json) => JsonDocument.Parse(json).RootElement;
    }

    private static MachineCapture Of(params string[] tables) => MachineCapture.Of(Captured(ThpSettings.Defaults(Geometry.X86), tables));
}
