using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.Recordings;

namespace KhugepagedSpec.Cli.Text;

/// <summary>What a comparison came to.</summary>
internal sealed record LiveOutcome(LivePlan Plan, LiveComparison Comparison, IReadOnlyList<BatchResult> Batches, int Earlier,
    int BatchesLeft, int Guests, TimeSpan Time)
{
    /// <summary>What would explain the batches that differ; null where none does.</summary>
    public Diagnosis? Diagnosis { get; init; }

    public int Scenarios => Batches.Sum(batch => batch.Scenarios);

    public IEnumerable<BatchResult> Bad => Batches.Where(batch => !batch.IsFine).OrderBy(batch => batch.Number);

    public bool IsFine => !Bad.Any();
}
