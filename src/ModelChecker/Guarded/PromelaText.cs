using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace ModelChecker.Guarded;

/// <summary>
/// A guarded model in SPIN's language. Each location is a label, each step a d_step, so that SPIN's states are exactly the model's:
/// an independent search of the same graph. A broken property is a failed assertion; with FINAL defined what must hold at rest is
/// asserted too, by a process of its own, which adds a state for each end.
/// </summary>
public static class PromelaText
{
    /// <summary>Writes the model.</summary>
    /// <param name="model">The model; its reductions are left out.</param>
    /// <param name="title">What it is, for the first line.</param>
    public static string Of(GuardedModel model, string title)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"/* {title} */\n\n");
        var counters = model.Programs.Select(program => program.Counter).ToHashSet();
        var used = model.VariablesInUse();
        foreach (var variable in model.Layout.Variables.Where(variable => used.Contains(variable) && !counters.Contains(variable)))
            text.Append(CultureInfo.InvariantCulture,
                $"unsigned {variable.Name} : {variable.Bits} = {model.Layout.Get(model.Initial, variable)};\n");
        foreach (string name in used.Where(variable => variable.IsScratch).Select(variable => variable.Name).Distinct())
            text.Append(CultureInfo.InvariantCulture, $"hidden byte {name};\n");
        int number = 0;
        foreach (var program in model.Programs)
        {
            text.Append(CultureInfo.InvariantCulture, $"\n/* {program.Name} */\nactive proctype p{number}()\n{{\n");
            for (int location = 0; location < program.Steps.Length; location++)
            {
                if (program.EndsAt(location))
                {
                    text.Append(CultureInfo.InvariantCulture, $"L{location}:\nend_{location}:\n\t(false);\n");
                    continue;
                }
                text.Append(CultureInfo.InvariantCulture, $"L{location}:\n\tif\n");
                foreach (var step in program.Steps[location])
                {
                    text.Append(CultureInfo.InvariantCulture, $"\t:: d_step {{ ({Truth(step.Guard)}) ->\n");
                    Write(text, step.Effects, model, 3);
                    text.Append(CultureInfo.InvariantCulture,
                        $"\t\t\tassert({model.Broken.Name} == 0) /* {step.Function}: {step.Says} */\n\t\t}}; goto L{step.To}\n");
                }
                text.Append("\tfi;\n");
            }
            text.Append("}\n");
            number++;
        }
        text.Append("\n#ifdef FINAL\nactive proctype at_rest()\n{\n\ttimeout;\n\td_step {\n");
        foreach (var (holds, property) in model.AtRest)
            text.Append(CultureInfo.InvariantCulture, $"\t\tassert({Truth(holds)}); /* {property.Name} */\n");
        text.Append("\t}\n}\n#endif\n");
        return text.ToString();
    }

    private static void Write(StringBuilder text, ImmutableArray<Effect> effects, GuardedModel model, int depth)
    {
        string indent = new('\t', depth);
        foreach (var effect in effects)
            switch (effect)
            {
                case Effect.Assign(var variable, var value):
                    text.Append(CultureInfo.InvariantCulture, $"{indent}{variable.Name} = {Value(value)};\n");
                    break;
                case Effect.Branch(var condition, var then, var otherwise):
                    text.Append(CultureInfo.InvariantCulture, $"{indent}if\n{indent}:: ({Truth(condition)}) ->\n");
                    Write(text, then, model, depth + 1);
                    text.Append(CultureInfo.InvariantCulture, $"{indent}\tskip\n{indent}:: else ->\n");
                    Write(text, otherwise, model, depth + 1);
                    text.Append(CultureInfo.InvariantCulture, $"{indent}\tskip\n{indent}fi;\n");
                    break;
                case Effect.Assert(var condition, var property):
                    text.Append(CultureInfo.InvariantCulture, $"{indent}if :: ({Truth(condition)}) -> skip :: else -> {model.Broken.Name} = {model.Properties.IndexOf(property) + 1} fi;\n");
                    break;
            }
    }

    private static string Truth(Term term) => term switch
    {
        Term.Constant(var value) => value != 0 ? "true" : "false",
        Term.Read(var variable) => $"{variable.Name} != 0",
        Term.Not(var of) => $"!({Truth(of)})",
        Term.Binary(Operator.And, var a, var b) => $"({Truth(a)}) && ({Truth(b)})",
        Term.Binary(Operator.Or, var a, var b) => $"({Truth(a)}) || ({Truth(b)})",
        Term.Binary(Operator.Equal, var a, var b) => $"{Value(a)} == {Value(b)}",
        Term.Binary(Operator.Less, var a, var b) => $"{Value(a)} < {Value(b)}",
        _ => $"{Value(term)} != 0",
    };

    private static string Value(Term term) => term switch
    {
        Term.Constant(var value) => value.ToString(CultureInfo.InvariantCulture),
        Term.Read(var variable) => variable.Name,
        Term.Binary(Operator.Add, var a, var b) => $"({Value(a)} + {Value(b)})",
        Term.Binary(Operator.Subtract, var a, var b) => $"({Value(a)} - {Value(b)})",
        Term.Choice(var when, var then, var otherwise) => $"(({Truth(when)}) -> {Value(then)} : {Value(otherwise)})",
        _ => $"(({Truth(term)}) -> 1 : 0)",
    };
}
