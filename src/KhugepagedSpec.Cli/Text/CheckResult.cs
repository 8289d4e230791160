using System.Collections.Immutable;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Cli.Text;

/// <summary>What a check came to.</summary>
internal sealed record CheckResult(
    ImmutableArray<CheckReport> Reports, ImmutableArray<Invariant> Invariants, ImmutableDictionary<string,
        (int Count, string First)> Kernel, int Vectors,
    int Count, int Seed, TimeSpan Time)
{
    /// <summary>How many versions and variants were to be judged.</summary>
    public int Asked { get; init; } = Reports.Length;

    /// <summary>Not all of them were.</summary>
    public bool IsPartial => Reports.Length < Asked;

    public IEnumerable<CheckReport> Versions => Reports.Where(report => !KnownBad.Variants.Contains(report.Version));

    public IEnumerable<CheckReport> Variants => Reports.Where(report => KnownBad.Variants.Contains(report.Version));

    public IEnumerable<CheckReport> Undetected => Variants.Where(report => report.Counterexamples.IsEmpty);

    /// <summary>Claims that do not hold.</summary>
    public IEnumerable<(CheckReport Report, Counterexample Found)> Unexpected =>
        Versions.SelectMany(report => report.Counterexamples.Where(found => found.Invariant.ExceptionFor(report.Version) is null)
            .Select(found => (report, found)));

    /// <summary>Invariants that the recorded kernels break and the model of them is claimed to satisfy.</summary>
    public IEnumerable<Invariant> BrokenByKernel =>
        Invariants.Where(invariant => Kernel.ContainsKey(invariant.Name) && invariant.ExceptionFor(Catalogue.Linux72) is null);

    public bool IsFine => !Unexpected.Any() && !BrokenByKernel.Any() && !Undetected.Any();
}
