using System.Globalization;
using ModelChecker.Guarded;

namespace KhugepagedSpec.Races;

/// <summary>What a counterexample broke, in words: which page, what it holds, what should be there, and the steps that made it
/// so.</summary>
public static class Why
{
    /// <summary>The sentence.</summary>
    /// <param name="space">The protocol's space.</param>
    /// <param name="way">The counterexample.</param>
    /// <param name="broken">The property that is broken in its last state.</param>
    /// <param name="locations">Where each process stands then.</param>
    public static string Of(ProtocolSpace space, Interleaving way, SafetyProperty broken,
        IReadOnlyList<(GuardedProgram Program, int Location)> locations)
    {
        var s = space.State;
        var end = way.End;
        int Get(Variable variable) => s.Layout.Get(end, variable);
        bool Holds(Term term) => space.Evaluate(end, term);
        string Show(Variable variable) => variable.Show(Get(variable));
        int entry = Enumerable.Range(0, s.Shape.Pages).FirstOrDefault(i => IsAt(s[i], i), -1);
        var last = way.Steps[^1];
        return broken == Safety.NoWriteLost || broken == Safety.GivenUpReadsZero ? Contents()
            : broken == Safety.NoPinOnUnmappedPage ? Pin()
            : broken == Safety.CountsBalance ? Counts()
            : broken == Safety.TlbsAgree ? Tlb()
            : broken == Safety.NoDeadlock
                ? string.Join("; ", locations.Where(each => !each.Program.EndsAt(each.Location))
                .Select(
                        each =>
                            $"{each.Program.Name} waits to go on at {each.Program.Steps[each.Location][0].Function}, holding {Held(each)}"))
            : broken == Safety.NoStaleMigrationEntry ? $"entry {entry} holds a migration entry, and nobody is left to take it away"
            : broken == Safety.RmapFindsEveryMapping || broken == Safety.RmapFindsWhatStays ? $"the PMD entry is {Show(s.Pmd)}, so {last.Process} finds nothing; yet the table that was taken out still maps the page, at entry {Unfound()}"
            : broken == Safety.PmdEntryComesBack ? $"the PMD entry is {Show(s.Pmd)}{(Get(s.IsDetached) != 0 ? ", and the table that collapse took out is not in it" : "")}{By("pmd")}"
            : broken == Safety.NoFreedTableUsed ? Table()
            : broken == Safety.NoWalkerOnDetachedTable
                ? $"{Count(Get(s.Walkers), "walk")} of the table under way, {Get(s.Lockless)} of them with interrupts off"
            : broken == Safety.NoFreedVmaUsed ? $"the VMA was freed{By("first_vma_is_freed")}"
            : broken == Safety.NobodyOutsideAffected ? $"the fault is in the second half, which is another VMA's{By("second_half_is_another_vma")}, and the table is out{By("table_is_out")}"
            : broken == Safety.EligibleWhenInstalled ? $"the VMA is {Show(s.Vma)}{(Get(s.IsSplit) != 0 ? $", and the second half another's{By("second_half_is_another_vma")}" : "")}"
            : broken == Safety.EntriesReachable ? $"the PMD entry is {Show(s.Pmd)} when the PTEs are announced"
            : broken == Safety.UffdKeepsHoles ? $"entry {Hole()} is empty, the VMA is armed{By("uffd_armed")}, and a page goes there"
            : broken == Safety.NothingSharedOrAbsent ? Odd()
            : broken == Safety.NoHugePageTakenForTable ? $"{last.Process} takes a huge page out of the PMD entry{By("pmd", 1)}, for a table"
            : broken == Safety.NoNullAnonVma ? $"the VMA is {Show(s.Vma)} and has no anon_vma{By("has_anon_vma")}"
            : broken == Safety.NoFreedPageUsed
                ? $"{last.Process} stores to the source of entry {entry}, which was freed{By($"references_{entry}")}"
            : broken == Safety.ReadOnlyStaysSo ? Writable()
            : broken == Safety.NoAssertionFails ? Large()
            : broken == Safety.NobodySleepsAtomic || broken == Safety.LocksDroppedOnReturn
                ? $"{last.Process} does {last.Step.Function} holding {HeldBefore()}"
            : broken.Statement;

        string Contents()
        {
            var mapped = s[entry];
            string holds = Get(s.Pmd) == PmdHolds.Huge ? "collapsed" : Get(s.Pmd) == PmdHolds.Table || Get(s.IsMoved) != 0
                ? Show(mapped.Pte) : "nothing";
            int value = Enumerable.Range(0, 3).First(contents => Holds(AtRest.Reads(s, mapped).Is(contents)));
            string page = holds switch
            {
                "collapsed" => $"new_{entry}",
                "fresh" => $"fresh_{entry}",
                "source" => $"source_{entry}",
                _ =>
                ""
            };
            string expected = broken == Safety.GivenUpReadsZero ? $"it was given up{By($"expected_{entry}")}"
                : $"{Show(mapped.Expected)} was put there last{By($"expected_{entry}")}";
            string copied = holds == "collapsed" ? By($"copy_{entry}", 1).Replace("(step", "(copied at step", StringComparison.Ordinal)
                : By(page);
            return $"entry {entry} maps the page \"{holds}\", which holds {Races.Contents.Names[value]}{copied}; {expected}";
        }

        string Pin()
        {
            var slot = s.Processes.First(each => Get(each.Pin) != 0);
            int at = Get(slot.At);
            return $"pinned at entry {at}: {Show(slot.Pin)}; the entry holds {Show(s[at].Pte)}{By($"pte_{at}")}";
        }

        string Counts()
        {
            if (entry < 0 && s.Processes.FirstOrDefault(each => Get(each.Pin) != 0) is { } holder)
                return $"a reference to the page of entry {Get(holder.At)} was never dropped";
            if (entry < 0)
                return "a lock or a notification is still held: "
                    + string.Join(", ", new[] { s.Mmap.Readers, s.Mmap.Writer, s.VmaLock.Readers, s.VmaLock.Writer, s.AnonVma.Readers,
                    s.AnonVma.Writer, s.PmdLock.Held, s.PteLock.Held, s.Invalidations }.Where(each => Get(each) != 0)
                    .Select(each => each.Name));
            var page = s[entry];
            string state = string.Join(", ", new[] { page.Locked, page.OnLru, page.InBatch, page.InSwapCache }.Select(each => each.In(Get))
                .Where(each => Get(each) != 0).Select(each => each.Name));
            return $"the source of entry {entry} has {Count(Get(page.References.In(Get)), "reference")} and {Count(Get(page.Mappings.In(Get)), "mapping")}; set of it: {(state.Length == 0 ? "nothing, so it is on no list" : state)}";
        }

        string Tlb()
        {
            var slot = s.Processes.First(each => Get(each.Tlb) != 0 || Get(each.Secondary) != 0);
            string tlb = Get(slot.TlbWritable) != 0 && Get(s[Get(slot.At)].Writable) == 0 ? ", writable," : "", table = tlb.Length == 0
                ? "" : ", not writable";
            return $"a TLB maps {Show(Get(slot.Tlb) != 0 ? slot.Tlb : slot.Secondary)}{tlb} at entry {Get(slot.At)}; the table says {Show(s[Get(slot.At)].Pte)}{table}, the PMD entry {Show(s.Pmd)}";
        }

        string Table() => Get(s.Khugepaged.HasTable) == 0 && last.Step.Says.Contains("back", StringComparison.Ordinal)
            ? $"{last.Process} puts back a table that it never had: the PMD entry was empty when it took it{By("pmd", 1)}"
            : "a table is freed that a walk or a CPU's paging-structure cache still has";

        string Odd()
        {
            int odd = Enumerable.Range(0, s.Shape.Pages)
                .FirstOrDefault(i => Get(s[i].UffdWp) != 0 || Get(s[i].Child) != 0 || Get(s[i].Pte) > Races.Holds.New, 0);
            return $"entry {odd}{(Get(s[odd].UffdWp) != 0 ? $" is write-protected by userfaultfd{By($"uffd_wp_{odd}")}" : "")}{(Get(s[odd].Child) != 0 && Get(s[odd].UffdWp) == 0 ? $" holds a page that a child maps too{By($"child_maps_{odd}")}" : "")}";
        }

        string Writable()
        {
            int i = Enumerable.Range(0, s.Shape.Pages).First(i => Get(s[i].Writable) != 0);
            return $"entry {i} can be written{By($"writable_{i}")}; the VMA may only be read{By("read_only")}";
        }

        string Large()
        {
            int i = Enumerable.Range(0, s.Shape.Pages).First(i => Get(s[i].Order) != 0);
            return $"entry {i} maps a page of a large folio{By($"folio_order_{i}")}, and isolation asserts that there is none";
        }

        string Hole() => string.Join(", ", Enumerable.Range(0, s.Shape.Pages).Where(i => Holds(s[i].IsNoneOrZero)).Take(1));

        string Unfound() => s.Processes.Select(each => Get(each.At)).Where(at => at < s.Shape.Pages)
            .Select(at => at.ToString(CultureInfo.InvariantCulture)).FirstOrDefault("?");

        string Held((GuardedProgram Program, int Location) each) =>
            each.Program.Held[each.Location].IsEmpty ? "no lock" : string.Join(", ", each.Program.Held[each.Location]);

        string HeldBefore() => string.Join(", ", locations.Where(each => each.Program.Name == last.Process)
            .SelectMany(each => each.Program.Held[last.Step.From]));

        // The step that gave a variable the value it has.
        string By(string variable, int back = 0)
        {
            var changes = way.Steps.Select((step, i) => (step, i))
                .Where(each => each.step.Changes.Any(change => change.Variable == variable)).SkipLast(back).ToList();
            return changes.Count == 0 ? ""
                : string.Create(CultureInfo.InvariantCulture, $" (step {changes[^1].i + 1}, {changes[^1].step.Process})");
        }

        bool IsAt(EntryState each, int i) =>
            broken == Safety.NoWriteLost
                ? !Holds(each.Expected.Is(Races.Contents.Zero) | AtRest.Reads(s, each).Is(each.Expected) | each.IsLost)
            : broken == Safety.GivenUpReadsZero
                ? !Holds(each.Expected.IsNot(Races.Contents.Zero) | AtRest.Reads(s, each).Is(Races.Contents.Zero) | each.IsLost)
            : broken == Safety.CountsBalance ? !Holds(AtRest.Balances(s, each, i))
            : broken == Safety.NoStaleMigrationEntry ? Get(each.Pte) == Races.Holds.Migration
            : broken == Safety.NoFreedPageUsed && s.Processes.Any(process => Get(process.At) == i);
    }

    private static string Count(int number, string of) =>
        string.Create(CultureInfo.InvariantCulture, $"{number} {of}{(number == 1 ? "" : "s")}");
}
