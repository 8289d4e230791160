using System.Collections.Immutable;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.UserSpace;

namespace KhugepagedSpec.Scenarios;

/// <summary>
/// Programs that a scenario may begin as: a map, then advice, faults and zaps in any order, so that khugepaged comes to know the process
/// at any of the moments at which it may, or never.
/// </summary>
public static class ProgramScenarios
{
    private static readonly ProgramVerb[] Usual =
        [ProgramVerb.HugePage, ProgramVerb.HugePage, ProgramVerb.Touch, ProgramVerb.Touch, ProgramVerb.Read, ProgramVerb.NoHugePage];
    private static readonly ProgramVerb[] Rare =
        [ProgramVerb.DontNeed, ProgramVerb.PageOut, ProgramVerb.Cold, ProgramVerb.Free, ProgramVerb.Guard];

    /// <summary>A program over the PMD range that is looked at.</summary>
    /// <param name="choices">Where choices come from.</param>
    /// <param name="geometry">The geometry of the tables.</param>
    /// <param name="without">What cannot be done: without a swap device, say.</param>
    public static ImmutableArray<ProgramStep> Next(Choices choices, Geometry geometry, params ReadOnlySpan<ProgramVerb> without)
    {
        int pages = geometry.Pages;
        var steps = ImmutableArray.CreateBuilder<ProgramStep>();
        steps.Add(new ProgramStep(ProgramVerb.Mmap, 0, pages));

        steps.AddRange(Telling(choices, pages));
        for (int count = choices.Between(2, 6); count > 0; count--)
        {
            var verb = choices.Of<ProgramVerb>(choices.OneIn(4) ? Rare : Usual);
            if (without.Contains(verb))
                continue;
            bool isAll = choices.OneIn(2) || verb is ProgramVerb.HugePage or ProgramVerb.NoHugePage;
            int first = isAll ? 0 : choices.Below(pages);
            steps.Add(new ProgramStep(verb, first, isAll ? pages : choices.Between(1, pages - first)));

            // Whoever touches a guard is killed.
            if (verb == ProgramVerb.Guard)
                break;
        }
        return steps.ToImmutable();
    }

    // Where the releases differ: whether advice that changes nothing asks, and whether an emptied table is freed.
    private static ImmutableArray<ProgramStep> Telling(Choices choices, int pages)
    {
        return choices.Below(12) switch
        {
            0 or 1 => [Page(ProgramVerb.Read), All(ProgramVerb.HugePage), Page(ProgramVerb.Touch), All(ProgramVerb.HugePage)],
            2 => [Page(ProgramVerb.Touch), All(ProgramVerb.DontNeed), All(ProgramVerb.HugePage), Page(ProgramVerb.Touch)],
            _ => [],
        };

        ProgramStep All(ProgramVerb verb) => new(verb, 0, pages);

        ProgramStep Page(ProgramVerb verb) => new(verb, choices.Below(pages), 1);
    }
}
