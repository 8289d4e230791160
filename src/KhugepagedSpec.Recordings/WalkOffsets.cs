using System.Collections.Immutable;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.Machines;

namespace KhugepagedSpec.Recordings;

/// <summary>
/// Where attempts stood whose offsets nothing told: where a model's are, as long as the orders are the same one after the other. From the
/// first that is of another order on they stay unknown.
/// </summary>
public static class WalkOffsets
{
    /// <summary>The vectors with the offsets.</summary>
    /// <param name="together">What was recorded in the same passes.</param>
    /// <param name="version">The model.</param>
    public static ImmutableArray<RecordedVector> Fill(ImmutableArray<RecordedVector> together, KhugepagedVersion version)
    {
        if (together.All(vector => vector.Passes.All(pass => pass.Attempts.All(attempt => attempt.Offset != Attempt.UnknownOffset))))
            return together;
        var guest = new VectorMachine(together, version);
        var passes = together.Select(vector => vector.Passes.ToBuilder()).ToList();
        for (int pass = 0; pass < together[0].Passes.Length; pass++)
        {
            var runs = guest.Pass();
            for (int i = 0; i < together.Length; i++)
            {
                long origin = guest.Processes[i].Base;
                passes[i][pass] = passes[i][pass] with
                {
                    Attempts = Fill(passes[i][pass].Attempts,
                        runs[i].Tables.SelectMany(
                        run => run.Attempts.Select(attempt => (attempt.Offset + (int)(run.Start - origin), attempt.Order)))),
                };
                if (pass + 1 == together[i].ThenAfter)
                    guest.Processes[i].RunThen();
            }
        }
        return [.. together.Select((vector, i) => vector with { Passes = passes[i].ToImmutable() })];
    }

    private static ImmutableArray<Attempt> Fill(ImmutableArray<Attempt> recorded, IEnumerable<(int Offset, int Order)> model)
    {
        var filled = recorded.ToBuilder();
        int index = 0;
        foreach (var (offset, order) in model)
        {
            if (index == filled.Count || filled[index].Order != order)
                break;
            filled[index] = filled[index] with { Offset = offset };
            index++;
        }
        return filled.ToImmutable();
    }
}
