using System.Collections.Immutable;
using FsCheck;
using FsCheck.Fluent;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.Machines;

namespace KhugepagedSpec.Properties;

/// <summary>One invariant as a property of some versions: approved counterexamples first, then new scenarios.</summary>
/// <param name="invariant">The invariant.</param>
/// <param name="subjects">The versions; those that are known to break it are left out.</param>
/// <param name="corpus">Where counterexamples come from and go to.</param>
internal sealed class ContractProperty(Invariant invariant, ImmutableArray<KhugepagedVersion> subjects, Corpus corpus)
{
    private readonly ImmutableArray<KhugepagedVersion> _claimed =
        [.. subjects.Where(invariant.IsClaimedOf)];

    private bool _replayed, _approvedFailed;
    private string? _received;

    /// <summary>Whether it holds of a scenario; asked for the first time, of the approved ones too.</summary>
    public Property Holds(Scenario scenario)
    {
        if (!_replayed && ApprovedThatFails() is { } approved)
            return false.Label(approved);
        // If an approved one failed, what came after it is no reason to shrink.
        return !_approvedFailed && Broken(scenario) is var (found, version) ? false.Label(Message(found, version)) : true.ToProperty();
    }

    private string? ApprovedThatFails()
    {
        _replayed = _approvedFailed = true;
        foreach (var kept in corpus.Approved().OrderBy(kept => kept.Invariant != invariant.Name))
            if (Broken(kept.Scenario) is var (found, version))
                return $"the approved counterexample {kept.File} is one again\n{CounterexampleText.Of(found, version)}";
        _approvedFailed = false;
        return null;
    }

    private (Counterexample Found, KhugepagedVersion Version)? Broken(Scenario scenario)
    {
        foreach (var version in _claimed)
            if (invariant.Check(History.Of(scenario, version, Checker.Passes)) is { } violation)
                return (new Counterexample(invariant, scenario, violation, 1), version);
        return null;
    }

    // FsCheck shrinks by running the property again: the last scenario received is the smallest.
    private string Message(Counterexample found, KhugepagedVersion version)
    {
        string path = corpus.Receive(found, version);
        if (_received is not null && _received != path)
            File.Delete(_received);
        _received = path;
        return $"{CounterexampleText.Of(found, version)}\n  khugepaged-spec approve {Path.GetFileName(path)}\n";
    }
}
