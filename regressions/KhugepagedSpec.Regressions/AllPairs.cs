using KhugepagedSpec.Races;
using KhugepagedSpec.Results;
using ModelChecker.Exploration;
using ModelChecker.Guarded;

namespace KhugepagedSpec.Regressions;

/// <summary>Linux 7.2's protocol beside every pair of processes, on a table of four: searched once, looked at from all sides. Beside one
/// alone nothing is left out.</summary>
public sealed class AllPairs
{
    public AllPairs()
    {
        foreach (var actors in Suite.Combinations(2))
            foreach (string table in Space.Tables)
                Search(actors, table);
    }

    public ProtocolSpace Space { get; } = new(Protocols.Linux72, Shape.Four);

    public List<SearchResult> Results { get; } = [];

    /// <summary>By program, location and choice: the step was taken.</summary>
    public Dictionary<string, bool[][]> Taken { get; } = [];

    /// <summary>By actor and phase of khugepaged: 2 if it changed an entry, the PMD entry or a VMA, 1 if anything else of the shared state
    /// but locks.</summary>
    public SortedDictionary<string, Dictionary<string, int>> ActsIn { get; } = new(StringComparer.Ordinal);

    /// <summary>Results of attempts, and of scans.</summary>
    public HashSet<(bool OfAttempt, ScanResult Result)> Reached { get; } = [];

    private void Search(IReadOnlyList<Actor> actors, string table)
    {
        var model = Space.Beside(actors, actors.Count == 1 ? Reductions.None : Reductions.PartialOrder | Reductions.Symmetry, table);
        GuardedProgram[] programs = [.. model.Programs];
        bool[][][] taken = [.. programs.Select(program => Taken.TryGetValue(program.Name, out bool[][]? flags) ? flags
            : Taken[program.Name] = [.. program.Steps.Select(steps => new bool[steps.Length])])];
        int[][] acts = [.. programs.Select(program => new int[programs[0].Steps.Length])];
        var result = model.Layout.Variables.Single(variable => variable.Name == "result");
        bool[] attempts = new bool[32], scans = new bool[32];
        var (table2, other) = (Mask(model.Layout, IsOfTheTable), Mask(model.Layout, IsOther));
        bool alone = actors.Count == 1;
        var found = new Explorer<GuardedModel, PackedState, Move>(model, new Bounds())
            .Run(watch: (in PackedState from, Move move, in PackedState to) =>
        {
            taken[move.Process][move.Location][move.Choice] = true;
            if (move.Process == 0)
            {
                var says = programs[0].Steps[move.Location][move.Choice].Says;
                if (says.StartsWith("has tried", StringComparison.Ordinal))
                    attempts[model.Layout.Get(from, result)] = true;
                else if (programs[0].Steps[move.Location][move.Choice].Function == "mmap_read_unlock"
                    && programs[0].Phases[move.Location] == "scan")
                    scans[model.Layout.Get(from, result)] = true;
            }
            else if (alone)
            {
                ref int act = ref acts[move.Process][model.LocationOf(from, 0)];
                act = Math.Max(act, Differ(from, to, table2) ? 2 : Differ(from, to, other) ? 1 : 0);
            }
        });
        Results.Add(new SearchResult(Space, actors, table, found));
        for (int number = 0; number < 32; number++)
        {
            if (attempts[number])
                Reached.Add((true, (ScanResult)number));
            if (scans[number])
                Reached.Add((false, (ScanResult)number));
        }
        if (!alone)
            return;
        var phases = ActsIn.TryGetValue(actors[0].Name, out var known) ? known : ActsIn[actors[0].Name] = [];
        for (int location = 0; location < acts[1].Length; location++)
            phases[programs[0].Phases[location]] = Math.Max(phases.GetValueOrDefault(programs[0].Phases[location]), acts[1][location]);
    }

    private static bool IsOfTheTable(string name) =>
        name.StartsWith("pte_", StringComparison.Ordinal) ? name != "pte_lock"
        : name.StartsWith("uffd_wp_", StringComparison.Ordinal) || name is "pmd" or "vma" or "second_half_is_another_vma" or "uffd_armed";

    private static bool IsOther(string name) =>
        (char.IsAsciiDigit(name[^1]) && !name.Contains("_of_", StringComparison.Ordinal))
            || name is "max_ptes_none" or "pmd_order_enabled" or "small_order_enabled" or "thp_disabled";

    private static PackedState Mask(Layout layout, Func<string, bool> chosen)
    {
        var mask = default(PackedState);
        foreach (var variable in layout.Variables.Where(variable => chosen(variable.Name)))
            layout.Set(ref mask, variable, (1 << variable.Bits) - 1);
        return mask;
    }

    private static bool Differ(in PackedState a, in PackedState b, in PackedState mask) => a.Masked(mask) != b.Masked(mask);
}
