using System.Text.RegularExpressions;
using KhugepagedSpec.Races;

namespace KhugepagedSpec.Regressions;

/// <summary>The README beside the protocol: a bug that is said to be found is found by what is named.</summary>
public sealed partial class ProtocolReadmeTests
{
    [Fact]
    public void Every_race_of_the_past_has_a_row_and_what_is_said_to_find_it_is_a_protocol_that_breaks_something()
    {
        string[] rows = Rows("## Races of the past", "## What was asked");
        Assert.InRange(rows.Length, 19, int.MaxValue);
        foreach (string row in rows)
        {
            string[] cells = row.Split('|');
            var named = Name().Match(cells[3]);
            Assert.Equal(cells[2].TrimStart().StartsWith("found", StringComparison.Ordinal), named.Success);
            if (named.Success)
                Assert.NotNull(Protocols.Of(named.Groups[1].Value).Breaks);
            else
                Assert.StartsWith(" cannot be: ", cells[2], StringComparison.Ordinal);
        }
    }

    // That each holds is a run of InterleavingFacts.What_was_asked_breaks_nothing; that the other breaks, one of InterleavingTests.
    [Fact]
    public void Every_claim_of_the_threads_has_a_protocol_that_breaks_nothing_and_beside_it_one_that_does()
    {
        string[] rows = Rows("## What was asked", "## Mutations");
        string[] Named(int column) => [.. rows.Select(row => Name().Match(row.Split('|')[column]).Groups[1].Value)];
        var (holds, not) = (Named(3), Named(4));
        Assert.All(holds, each => Assert.Null(Protocols.Of(each).Breaks));
        Assert.All(not, each => Assert.NotNull(Protocols.Of(each).Breaks));
        Assert.Empty(Protocols.Asked.Select(protocol => protocol.Name).Except(holds));
    }

    private static string[] Rows(string from, string to) =>
    [
        .. File.ReadAllLines(Readme()).SkipWhile(line => line != from).TakeWhile(line => line != to).Where(line => line.StartsWith('|'))
            .Skip(2),
    ];

    private static string Readme() => Repository.At("src", "KhugepagedSpec.Races", "README.md");

    [GeneratedRegex("`(.*)`")]
    private static partial Regex Name();
}
