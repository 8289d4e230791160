using System.Collections.Immutable;
using System.Globalization;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Properties.Programs;

/// <summary>A sequence of steps, on a machine with small page tables. Its text is C# that can be pasted into a test.</summary>
public sealed record ProgramRun(int PmdOrder, ImmutableArray<Step> Steps)
{
    // With a neighbour, a page may stop being shared because of what the other process did in the same pass.
    private static readonly ImmutableArray<string> AloneOnly = ["neighbours-preserved", "failure-changes-nothing"];

    /// <summary>Runs it and judges it after every step.</summary>
    /// <returns>What went wrong, and after which step; null if nothing did.</returns>
    public string? Run(KhugepagedVersion version)
    {
        var state = new ProgramState(version, PmdOrder);
        for (int i = 0; i < Steps.Length; i++)
        {
            if (Steps[i] is not Khugepaged)
                state.Forget();
            Steps[i].Run(state);
            if (WrongRead(state) is { } wrong)
                return $"after step {i + 1}, {Steps[i]}: {wrong}";
            if (WrongMapCount(state) is { } count)
                return $"after step {i + 1}, {Steps[i]}: {count}";
            if (Broken(state, version) is { } broken)
                return $"after step {i + 1}, {Steps[i]}: {broken}";
        }
        return null;
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
            $"new ProgramRun({PmdOrder}, [{string.Concat(Steps.Select(step => $"\n    {step},"))}\n]).Run(Catalogue.Linux72)");

    private static string? WrongRead(ProgramState state)
    {
        foreach (var subject in state.Subjects)
            for (int page = 0; page < state.Pages; page++)
            {
                long read = subject.Read(page);
                ref var expected = ref subject.Reads[page];
                if (expected.MayBeDropped && read == 0)
                    expected = Expected.Zero;
                else if (read != expected.Contents)
                    return $"process {subject.Mm.Id} reads {read} from page {page}: expected {expected.Contents}";
            }
        return null;
    }

    // Every mapping of a folio is a PTE, or the PMD entry, that maps it.
    private static string? WrongMapCount(ProgramState state)
    {
        var memory = state.Machine.Memory;
        var mapped = new Dictionary<int, int>();
        foreach (var subject in state.Subjects)
            for (int start = 0; start < state.Pages; start += state.Machine.Geometry.Pages)
            {
                var table = subject.Mm.TableAt(start);
                for (int i = 0; i < table.Ptes.Length; i++)
                    if (table.Pmd == PmdState.Huge)
                        Count(table.HugePfn + i);
                    else if (table.Pmd == PmdState.Table && table.Ptes[i].Kind == PteKind.Page)
                        Count(table.Ptes[i].Pfn);
            }
        foreach (var (head, count) in mapped)
            if (memory.FolioOf(head).MapCount != count)
                return $"a folio of order {memory.FolioOf(head).Order} has mapcount {memory.FolioOf(head).MapCount}, and {count} mappings";
        return null;

        void Count(int pfn) => mapped[memory.HeadOf(pfn)] = mapped.GetValueOrDefault(memory.HeadOf(pfn)) + 1;
    }

    private static string? Broken(ProgramState state, KhugepagedVersion version)
    {
        bool alone = state.Subjects.Count == 1;
        foreach (var history in state.Histories)
            foreach (var invariant in Contract.Invariants)
                if (invariant.ExceptionFor(version) is null && (alone || !AloneOnly.Contains(invariant.Name))
                    && invariant.Check(history) is { } violation)
                    return $"{invariant.Name} is broken, {violation}\n  before {history.Runs[violation.Pass - 1].Before}\n  after  {history.Runs[violation.Pass - 1].After}\n  {invariant.Statement}";
        return null;
    }
}
