using System.Collections.Immutable;

namespace ModelChecker.Guarded;

/// <summary>Goes through terms and effects.</summary>
internal static class Visitor
{
    /// <summary>Calls <paramref name="read"/> for each variable that a term reads.</summary>
    public static void Visit(Term term, Action<Variable> read)
    {
        switch (term)
        {
            case Term.Read(var variable):
                read(variable);
                break;
            case Term.Not(var of):
                Visit(of, read);
                break;
            case Term.Binary(_, var a, var b):
                Visit(a, read);
                Visit(b, read);
                break;
            case Term.Choice(var when, var then, var otherwise):
                Visit(when, read);
                Visit(then, read);
                Visit(otherwise, read);
                break;
        }
    }

    /// <summary>Calls <paramref name="read"/> and <paramref name="write"/> for each variable that effects read or write.</summary>
    public static void Visit(ImmutableArray<Effect> effects, Action<Variable> read, Action<Variable> write)
    {
        foreach (var effect in effects)
            switch (effect)
            {
                case Effect.Assign(var variable, var value):
                    Visit(value, read);
                    write(variable);
                    break;
                case Effect.Branch(var condition, var then, var otherwise):
                    Visit(condition, read);
                    Visit(then, read, write);
                    Visit(otherwise, read, write);
                    break;
                case Effect.Assert(var condition, _):
                    Visit(condition, read);
                    break;
            }
    }

    /// <summary>Adds the variables that a step touches.</summary>
    public static void Visit(Step step, HashSet<Variable> used)
    {
        Visit(step.Guard, used);
        Visit(step.Effects, variable => used.Add(variable), variable => used.Add(variable));
    }

    /// <summary>Adds the variables that a term reads.</summary>
    public static void Visit(Term term, HashSet<Variable> used) => Visit(term, variable => used.Add(variable));
}
