using System.Collections.Immutable;
using System.Reflection;
using System.Text;
using System.Text.Json;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Policies;
using KhugepagedSpec.Results;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Regressions;

/// <summary>The table of policies: a version in C# and the same in words are one thing.</summary>
[Collection("console")]
[Trait("Coverage", "Slow")]
public sealed class PolicyTableTests
{
    private const int Scenarios = 1500;

    // What a version is called and where it comes from decides nothing.
    private static readonly string[] NotDecided =
    [
        "Name", "FullName", "AskedAs", "PutTogether", "VariantOf", "MadeFor", "HeldToClaimsOf", "KnownToBreak", "Source", "Unverified",
        "Releases", "Scan.Name", "Candidate.Name",
    ];

    // Values that make no difference to any scenario of one range, and why.
    private static readonly Dictionary<string, string> Unseen = new()
    {
        ["walk=stack"] = "the same windows in the same order",
        ["walk=full-stack"] = "the same",
        ["walk=unbounded"] = "the same",
        ["uffd-rwp=yes"] = "what a registration may ask for",
        ["huge-zero-write=one-page"] = "shows in programs that the mix does not have",
        ["replace=migration-entries"] = "what it costs, and interleavings; no table",
        ["visit=by-round"] = "takes a failed allocation above the smallest order, and nothing collapsed below it",
        ["mistake=events-at-every-order"] = "vmstat's events are compared with kernels only",
    };

    [Fact]
    public void Every_member_of_a_version_that_decides_something_is_on_the_table()
    {
        string[] named = [.. PolicyTable.All.Where(policy => !policy.IsGroup).Select(policy => policy.Member)];
        Assert.Equal(named.Length, named.Distinct().Count());
        Assert.Equal(Members().Except(NotDecided).Order(StringComparer.Ordinal), named.Order(StringComparer.Ordinal));
    }

    // What is left out of the table because nothing looks through it there: an eye that is closed and sees nothing either way.
    [Fact]
    public void What_is_on_no_table_of_what_is_not_seen_makes_no_difference()
    {
        string[] named = [.. PolicyTable.All.Select(policy => policy.Member)];
        int closed = 0;
        foreach (string member in Eyes().Except(named))
        {
            closed++;
            var version = Close(member);
            Assert.DoesNotContain(Mix(400), scenario => VersionDiff.On(scenario, Catalogue.Linux72, version) is not null);
        }
        Assert.InRange(closed, 5, 40);
    }

    [Fact]
    public void Every_value_comes_back_and_changes_nothing_else()
    {
        foreach (var version in new[] { Catalogue.Linux72, Catalogue.V5, Catalogue.Linux612 })
            foreach (var policy in PolicyTable.All)
                foreach (var value in policy.Values)
                {
                    var changed = policy.With(version, value);
                    Assert.Equal(value, policy.Of(changed));
                    if (!policy.IsGroup)
                        Assert.All(PolicyTable.All.Where(other => other != policy && !other.IsGroup && policy.Name != "trace"),
                            other => Assert.Equal(other.Of(version), other.Of(changed)));
                    Assert.Equal(new PolicyChange(policy, value), PolicyChange.Parse($"{policy.Name}={value.Name}"));
                }
    }

    [Fact]
    public async Task Every_named_version_is_linux_7_2_and_what_is_changed_of_it()
    {
        var text = new StringBuilder();
        foreach (var version in Catalogue.All)
        {
            var changes = Composition.Changes(Catalogue.Linux72, version);
            Assert.Equal(Bare(version), Bare(Composition.Of(Catalogue.Linux72, changes)));
            text.Append(version.Name).Append(": ").Append(Composition.Text(Catalogue.Linux72, version)).Append('\n');
        }
        await Verifier.Verify(text.ToString());
    }

    // A value that does nothing is no value.
    [Fact]
    public void Every_value_makes_a_difference_somewhere_or_it_is_known_why_not()
    {
        var mix = Mix(Scenarios).ToList();
        var without = PolicyTable.All.Where(policy => !policy.IsGroup)
            .SelectMany(policy => policy.Values.Where(value => value != policy.Of(Catalogue.Linux72))
                .Select(value => new PolicyChange(policy, value)))
            .Where(change => change.Policy.Name != "trace" && !change.Policy.Name.StartsWith("retry.", StringComparison.Ordinal))
            .AsParallel()
            .Where(change => Whole(change) is var version
                && !mix.Exists(scenario => VersionDiff.On(scenario, Catalogue.Linux72, version) is not null))
            .Select(change => $"{change}").ToList();
        Assert.Equal(Unseen.Keys.Order(StringComparer.Ordinal), without.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Values_of_a_policy_have_names_of_their_own_and_texts_of_one_line() =>
        Assert.All(PolicyTable.All, policy =>
        {
            Assert.Equal(policy.Values.Length, policy.Values.Select(value => value.Name).Distinct().Count());
            Assert.All(policy.Values.SelectMany(value => new[] { value.Meaning, value.Source ?? "none" }).Append(policy.Meaning)
                .Append(policy.Source), text => Assert.Matches(@"^[^\n]+[^.\n]$", text));
            Assert.Matches("^[a-z][a-z0-9_.-]*$", policy.Name);
            Assert.All(policy.Values, value => Assert.Matches("^[a-z0-9][a-z0-9.-]*$", value.Name));
        });

    [Fact]
    public void As_json_a_model_is_its_base_and_its_changes()
    {
        var (code, output, error) = Cli.Run("policies", "--json", "--model", "v17");
        Assert.Equal((0, ""), (code, error));
        var json = JsonDocument.Parse(output).RootElement;
        Assert.Equal(("v17", "linux-7.2"), (json.GetProperty("model").GetString(), json.GetProperty("base").GetString()));
        Assert.Equal(["walk=full-stack", "window.swap=nowhere", "none-limit=zero-or-max-else-end", "visit=collapsed-or-fail"],
            json.GetProperty("with").EnumerateObject().Select(pair => $"{pair.Name}={pair.Value.GetString()}"));
        Assert.Equal(PolicyTable.All.Length, json.GetProperty("policies").GetArrayLength());
    }

    [Fact]
    public void The_listing_marks_the_values_of_the_model()
    {
        var (code, output, _) = Cli.Run("policies", "none-limit", "walk", "--with", "none-limit=scaled");
        Assert.Equal(0, code);
        Assert.StartsWith("linux-7.2 with none-limit=scaled: linux-7.2 with none-limit=scaled\n", output, StringComparison.Ordinal);
        Assert.Contains("\n  * scaled                 max_ptes_none scaled by order", output, StringComparison.Ordinal);
        Assert.Contains("\n  * offset                 ", output, StringComparison.Ordinal);
        Assert.DoesNotContain("window", Cli.Run("policies", "walk").Output.Split("\n\n")[0], StringComparison.Ordinal);
    }

    [Fact]
    public void The_switches_of_the_interleavings_are_listed_with_what_they_break()
    {
        var (code, output, _) = Cli.Run("policies", "--protocol");
        Assert.Equal(0, code);
        Assert.All(Races.Protocols.Switches, one => Assert.Contains(
            $"{one.Name}: {one.Source}\n    breaks {one.Breaks?.Name ?? "nothing"}: ", output, StringComparison.Ordinal));
    }

    private static IEnumerable<Scenario> Mix(int count) => ScenarioMix.Random(1).Take(count);

    // Of what is refused by itself, with what it takes.
    private static KhugepagedVersion Whole(PolicyChange change)
    {
        string[] beside = change.ToString() switch
        {
            "scan.occupancy=chunks" => ["window.unit=chunks"],
            "window.unit=chunks" => ["scan.occupancy=chunks"],
            ['n', 'o', 'n', '-', 's', ..] => ["scan.non-swap=end", "swapin.non-swap=end"],
            "writable-pte=needed" => ["trace=6.17", "lazyfree=collapsed"],
            _ => [],
        };
        return Composition.Of(Catalogue.Linux72, [change, .. beside.Select(PolicyChange.Parse)]);
    }

    // What is left of a version where nothing but what it does counts.
    private static KhugepagedVersion Bare(KhugepagedVersion version) => version with
    {
        Name = "",
        AskedAs = "",
        PutTogether = null,
        VariantOf = null,
        MadeFor = null,
        KnownToBreak = ImmutableSortedDictionary<string, string>.Empty,
        Source = "",
        Unverified = null,
        Releases = null,
        Scan = version.Scan with { Name = "" },
        Candidate = version.Candidate with { Name = "" },
        Retry = new("", Set(version, WalkVerdict.Advance), Set(version, WalkVerdict.Lower)),
    };

    private static ResultSet Set(KhugepagedVersion version, WalkVerdict verdict) =>
        ResultSet.Of([.. Ending().Where(result => version.Retry.For(result) == verdict)]);

    private static IEnumerable<ScanResult> Ending() =>
        ResultGlossary.Entries.Where(entry => entry.Next is not null).Select(entry => entry.Result);

    private static IEnumerable<string> Members() =>
    [
        .. Properties(typeof(KhugepagedVersion)).Select(property => property.Name)
            .Except(["Scan", "Candidate", "Retry", "BlindAtScan", "BlindAtIsolation"]),
        .. Properties(typeof(ScanRule)).Select(property => $"Scan.{property.Name}"),
        .. Properties(typeof(CandidateRule)).Select(property => $"Candidate.{property.Name}"),
        .. Ending().Select(result => $"Retry.{result}"),
        .. Eyes().Where(member => PolicyTable.All.Any(policy => policy.Member == member)),
    ];

    private static IEnumerable<string> Eyes() =>
        from place in new[] { "BlindAtScan", "BlindAtIsolation" }
        from part in Properties(typeof(Blindness)).SelectMany(property => property.PropertyType.IsEnum
            ? Enum.GetNames(property.PropertyType).Except(["None"]).Select(name => $"{property.Name}.{name}") : [property.Name])
        select $"{place}.{part}";

    private static KhugepagedVersion Close(string member)
    {
        string[] words = member.Split('.');
        var blind = words[1] switch
        {
            "PteFlags" => new Blindness { PteFlags = Enum.Parse<PteFlags>(words[2]) },
            "FolioFlags" => new Blindness { FolioFlags = Enum.Parse<FolioFlags>(words[2]) },
            "Limits" => new Blindness { Limits = Enum.Parse<Limits>(words[2]) },
            "References" => new Blindness { References = true },
            _ => new Blindness { Vma = true },
        };
        return words[0] == "BlindAtScan" ? Catalogue.Linux72 with { BlindAtScan = blind }
            : Catalogue.Linux72 with { BlindAtIsolation = blind };
    }

    private static ImmutableArray<PropertyInfo> Properties(Type type) =>
        [.. type.GetProperties(BindingFlags.Public | BindingFlags.Instance)];
}
