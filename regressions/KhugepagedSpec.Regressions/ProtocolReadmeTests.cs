using System.Text.RegularExpressions;
using KhugepagedSpec.Races;

namespace KhugepagedSpec.Regressions;

/// <summary>The README beside the protocol: a bug that is said to be found is found by what is named.</summary>
public sealed partial class ProtocolReadmeTests
{
    [Fact]
    public void Every_race_of_the_past_has_a_row_and_what_is_said_to_find_it_is_a_protocol_that_breaks_something()
    {
        string[] rows = [.. File.ReadAllLines(Readme()).SkipWhile(line => line != "## Races of the past").TakeWhile(line => line != "## What was asked").Where(line => line.StartsWith('|')).Skip(2)];
        Assert.InRange(rows.Length, 19, int.MaxValue);
        foreach (string row in rows)
        {
            string[] cells = row.Split('|');
            var named = Name().Match(cells[3]);
            Assert.Equal(cells[2].TrimStart().StartsWith("found", StringComparison.Ordinal), named.Success);
            if (named.Success)
                Assert.NotNull(Protocols.Of(null, named.Groups[1].Value).Breaks);
            else
                Assert.StartsWith(" cannot be: ", cells[2], StringComparison.Ordinal);
        }
    }

    private static string Readme() => Repository.At("src", "KhugepagedSpec.Races", "README.md");

    [GeneratedRegex("`(.*)`")]
    private static partial Regex Name();
}
