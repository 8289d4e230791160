using System.Collections.Immutable;
using System.Globalization;
using ModelChecker.Exploration;

namespace ModelChecker.Guarded;

/// <summary>One step of an interleaving, and what it changed.</summary>
/// <param name="Process">Whose step.</param>
/// <param name="Step">Which.</param>
/// <param name="Changes">Each variable that changed, with its new value; locations apart.</param>
public sealed record InterleavedStep(string Process, Step Step, ImmutableArray<(string Variable, string Value)> Changes);

/// <summary>A way through a guarded model, step by step.</summary>
/// <param name="Start">Every variable and its value before the first step; locations apart.</param>
/// <param name="Steps">The steps.</param>
/// <param name="Replay">The way as a short text that <see cref="Of(GuardedModel, string)"/> reads.</param>
/// <param name="End">The state it leads to.</param>
public sealed record Interleaving(ImmutableArray<(string Variable, string Value)> Start, ImmutableArray<InterleavedStep> Steps,
    string Replay, PackedState End)
{
    /// <summary>Goes the way that moves tell.</summary>
    public static Interleaving Of(GuardedModel model, IEnumerable<Move> moves)
    {
        var walker = new Walker(model);
        foreach (var move in moves)
            walker.Take(successors => successors.FindIndex(successor => successor.Move == move), move.Process);
        return walker.Done();
    }

    /// <summary>
    /// Goes the way that a text tells: processes by number, khugepaged's 0, <c>1:2</c> the third of the steps that process 1 could
    /// take, <c>0*14</c> fourteen steps of process 0.
    /// </summary>
    /// <exception cref="FormatException">It is no such text, or some step cannot be taken.</exception>
    public static Interleaving Of(GuardedModel model, string replay)
    {
        var walker = new Walker(model);
        foreach (string word in replay.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] times = word.Split('*'), parts = times[0].Split(':');
            int process = 0, choice = 0, count = 1;
            if (times.Length > 2 || parts.Length > 2 || !Number(parts[0], out process)
                || (parts.Length == 2 && !Number(parts[1], out choice)) || (times.Length == 2 && !Number(times[1], out count)))
                throw new FormatException($"'{word}': expected a process, as in 0, 1:2 or 0*14");
            if (process >= model.Programs.Count())
                throw new FormatException($"'{word}': expected a process from 0 to {model.Programs.Count() - 1}");
            for (int i = 0; i < count; i++)
                if (!walker.Take(successors => choice < successors.Count ? choice : -1, process))
                    throw new FormatException($"'{word}': step {walker.Count + 1} cannot be taken");
        }
        return walker.Done();

        static bool Number(string text, out int value) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
    }

    private sealed class Walker(GuardedModel model)
    {
        private readonly ImmutableArray<InterleavedStep>.Builder _steps = ImmutableArray.CreateBuilder<InterleavedStep>();
        private readonly List<(int Process, int Choice)> _way = [];
        private readonly ImmutableArray<GuardedProgram> _programs = [.. model.Programs];
        private PackedState _state = model.Initial;

        public int Count => _way.Count;

        private IEnumerable<Variable> Variables =>
            model.Layout.Variables.Where(variable => _programs.All(program => program.Counter != variable));

        private ImmutableArray<(string Variable, string Value)> Values(IEnumerable<Variable> variables, PackedState state) =>
            [.. variables.Select(variable => (NameOf(variable), variable.Show(model.Layout.Get(state, variable))))];

        // What a process keeps to itself is named by the process, not by its number.
        private string NameOf(Variable variable)
        {
            int at = variable.Name.LastIndexOf("_of_", StringComparison.Ordinal);
            if (at < 0 || !int.TryParse(variable.Name.AsSpan(at + 4), NumberStyles.None, CultureInfo.InvariantCulture, out int number)
                || number >= _programs.Length)
                return variable.Name;
            bool several = _programs.Count(program => program.Name == _programs[number].Name) > 1;
            return string.Create(CultureInfo.InvariantCulture,
                $"{_programs[number].Name}{(several ? $"#{number}" : "")}.{variable.Name[..at]}");
        }

        public bool Take(Func<List<(Move Move, PackedState Next)>, int> choose, int process)
        {
            var all = new Successors();
            model.ExpandEvery(_state, ref all);
            var mine = all.Found.FindAll(successor => successor.Move.Process == process);
            int choice = choose(mine);
            if (choice < 0)
                return false;
            var (move, next) = mine[choice];
            var before = _state;
            var changed = Variables.Where(variable => model.Layout.Get(before, variable) != model.Layout.Get(next, variable));
            _steps.Add(new InterleavedStep(_programs[process].Name, model.StepOf(move), Values(changed, next)));
            _way.Add((process, choice));
            _state = next;
            return true;
        }

        public Interleaving Done()
        {
            var words = new List<string>();
            for (int i = 0, end; i < _way.Count; i = end)
            {
                for (end = i + 1; end < _way.Count && _way[end] == _way[i];)
                    end++;
                var (process, choice) = _way[i];
                words.Add(string.Create(CultureInfo.InvariantCulture,
                    $"{process}{(choice > 0 ? $":{choice}" : "")}{(end - i > 1 ? $"*{end - i}" : "")}"));
            }
            return new Interleaving(Values(Variables, model.Initial), _steps.ToImmutable(), string.Join(' ', words), _state);
        }
    }

    private readonly struct Successors() : ISuccessors<PackedState, Move>
    {
        public List<(Move Move, PackedState Next)> Found { get; } = [];

        public void Add(Move action, in PackedState next) => Found.Add((action, next));
    }
}
