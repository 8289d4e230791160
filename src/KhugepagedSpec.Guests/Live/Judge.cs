using System.Collections.Immutable;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Recordings;

namespace KhugepagedSpec.Guests.Live;

/// <summary>Judges a kernel's own passes by the contract.</summary>
/// <param name="model">The version that models the kernel: what that is known to break is no news.</param>
internal sealed class Judge(KhugepagedVersion model)
{
    private readonly ImmutableArray<Invariant> _invariants =
        [.. Contract.Invariants.Where(invariant => invariant.IsClaimedOf(model) && !invariant.NotFor.Contains(Contract.RecordedKernels))];

    /// <summary>The first invariant that the kernel broke, or null.</summary>
    /// <param name="vector">What it did.</param>
    /// <param name="inCompany">In passes shared with others.</param>
    public (Invariant Invariant, Violation Violation)? Broken(RecordedVector vector, bool inCompany)
    {
        if (!Recording.IsWhole(vector))
            return null;
        if (RecordedHistory.Of(vector, model, inCompany) is not { } history)
            return null;
        foreach (var invariant in _invariants)
            if (invariant.Check(history) is { } violation)
                return (invariant, violation);
        return null;
    }
}
