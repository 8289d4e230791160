using System.Globalization;
using System.Reflection;

namespace FsCheck.Xunit;

/// <summary>What the attributes of a method, its classes and its assembly say together.</summary>
internal sealed record PropertySettings(Config Config, bool QuietOnSuccess, bool Verbose)
{
    public static PropertySettings Of(MethodInfo method, IRunner runner)
    {
        var values = new Dictionary<string, object>();
        var arbitraries = new List<Type>();
        foreach (var attribute in Attributes(method))
            foreach (var argument in attribute.NamedArguments)
            {
                if (argument.MemberName == nameof(PropertyAttribute.Arbitrary) && argument.TypedValue.Value is IEnumerable<CustomAttributeTypedArgument> types)
                    arbitraries.AddRange(types.Select(type => (Type)type.Value!));
                else if (argument.TypedValue.Value is { } value)
                    values[argument.MemberName] = value;
            }
        var config = Config.Quick
            .WithMaxTest(Number(nameof(PropertyAttribute.MaxTest), 100))
            .WithMaxRejected(Number(nameof(PropertyAttribute.MaxRejected), 1000))
            .WithStartSize(Number(nameof(PropertyAttribute.StartSize), 1))
            .WithEndSize(Number(nameof(PropertyAttribute.EndSize), 100))
            .WithArbitrary(Enumerable.Reverse(arbitraries))
            .WithRunner(runner);
        if (values.TryGetValue(nameof(PropertyAttribute.Replay), out var replay))
            config = WithReplay(config, (string)replay);
        if (Number(nameof(PropertyAttribute.Parallelism), 0) is var parallelism and > 0)
            config = config.WithParallelRunConfig(new ParallelRunConfig(parallelism));
        return new PropertySettings(config, Flag(nameof(PropertyAttribute.QuietOnSuccess)), Flag(nameof(PropertyAttribute.Verbose)));

        int Number(string name, int otherwise) => values.TryGetValue(name, out var value) ? (int)value : otherwise;

        bool Flag(string name) => values.TryGetValue(name, out var value) && (bool)value;
    }

    // Outermost first: assembly, outer classes, class, method.
    private static Stack<CustomAttributeData> Attributes(MethodInfo method)
    {
        var found = new Stack<CustomAttributeData>();
        Push(method.CustomAttributes, typeof(PropertyAttribute));
        for (var type = method.ReflectedType; type is not null; type = type.DeclaringType)
            Push(type.CustomAttributes, typeof(PropertiesAttribute));
        Push(method.Module.Assembly.CustomAttributes, typeof(PropertiesAttribute));
        return found;

        void Push(IEnumerable<CustomAttributeData> attributes, Type kind)
        {
            foreach (var attribute in attributes.Where(attribute => attribute.AttributeType == kind))
                found.Push(attribute);
        }
    }

    private static Config WithReplay(Config config, string text)
    {
        var parts = text.Trim().Trim('(', ')').Split(',', StringSplitOptions.TrimEntries);
        if (parts.Length is not (2 or 3)
            || !ulong.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out ulong seed)
            || !ulong.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out ulong gamma))
        {
            throw new FormatException($"Replay = \"{text}\": expected (seed,gamma) or (seed,gamma,size)");
        }
        return parts.Length == 2
            ? config.WithReplay(seed, gamma)
            : config.WithReplay(seed, gamma, int.Parse(parts[2], CultureInfo.InvariantCulture));
    }
}
