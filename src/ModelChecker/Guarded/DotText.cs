using System.Globalization;
using System.Text;
using ModelChecker.Exploration;

namespace ModelChecker.Guarded;

/// <summary>A small state graph, or one way through a large one, for Graphviz.</summary>
public static class DotText
{
    /// <summary>More states than this make no picture.</summary>
    public const int MostStates = 2000;

    /// <summary>Every state within a depth.</summary>
    /// <exception cref="FormatException">There are too many.</exception>
    public static string Of(GuardedModel model, int depth)
    {
        var edges = new List<(PackedState From, Move Move, PackedState To)>();
        var bounds = new Bounds { Depth = depth, Workers = 1 };
        var found = new Explorer<GuardedModel, PackedState, Move>(model, bounds)
            .Run(watch: (in PackedState from, Move move, in PackedState to) =>
        {
            if (edges.Count > MostStates * 4)
                throw new FormatException($"more than {MostStates} states: expected a picture, so fewer: see --depth");
            edges.Add((from, move, to));
        });
        if (found.Extent.Distinct > MostStates)
            throw new FormatException($"{found.Extent.Distinct} states: expected {MostStates} or fewer for a picture: see --depth");
        var numbers = new Dictionary<PackedState, int> { [model.Initial] = 0 };
        var text = new StringBuilder("digraph states {\n  node [shape=point];\n");
        foreach (var (from, move, to) in edges)
            text.Append(CultureInfo.InvariantCulture, $"  {Number(from)} -> {Number(to)} [label=\"{Label(model, move)}\"];\n");
        return text.Append("}\n").ToString();

        int Number(PackedState state) => numbers.TryGetValue(state, out int number) ? number : numbers[state] = numbers.Count;
    }

    /// <summary>One way.</summary>
    public static string Of(Interleaving way)
    {
        var text = new StringBuilder("digraph interleaving {\n  node [shape=box, fontname=monospace];\n");
        int number = 0;
        foreach (var step in way.Steps)
        {
            string changes = string.Join("\\l", step.Changes.Select(change => $"{change.Variable} = {change.Value}"));
            text.Append(CultureInfo.InvariantCulture, $"  {number} [label=\"{step.Process}\\n{step.Step.Function}\\n{changes}\"];\n");
            if (number > 0)
                text.Append(CultureInfo.InvariantCulture, $"  {number - 1} -> {number};\n");
            number++;
        }
        return text.Append("}\n").ToString();
    }

    private static string Label(GuardedModel model, Move move) =>
        $"{model.Programs.ElementAt(move.Process).Name}: {model.StepOf(move).Function}";
}
