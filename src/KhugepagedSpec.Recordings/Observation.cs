using System.Collections.Immutable;
using KhugepagedSpec.Machines;

namespace KhugepagedSpec.Recordings;

/// <summary>Something that a kernel was seen to do, and that a version does too or not: one vector, or a batch in shared passes.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Together">What was recorded in the same passes.</param>
public sealed record Observation(string Id, ImmutableArray<RecordedVector> Together)
{
    /// <summary>How long it takes to run, roughly.</summary>
    internal int Cost => Together.Sum(vector => 1 + vector.Passes.Sum(pass => pass.Attempts.Length));

    /// <summary>The version does the same, in everything that was seen.</summary>
    public bool IsExplainedBy(KhugepagedVersion version)
    {
        try
        {
            return Replay.Run(WalkOffsets.Fill(Together, version), version) is null;
        }
        catch (InvalidOperationException)
        {
            // An assertion of the kernel's ended the model; the kernel went on.
            return false;
        }
    }
}
