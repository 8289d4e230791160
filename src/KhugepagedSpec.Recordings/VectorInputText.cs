using System.Collections.Immutable;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;
using KhugepagedSpec.UserSpace;

namespace KhugepagedSpec.Recordings;

/// <summary>The <c>in</c> line of a recorded vector: <c>id key=value ... pat=...</c>.</summary>
internal static class VectorInputText
{
    private static readonly ImmutableArray<string> KnownFlags = [
        "uffdm", "uffdw", "uffdr", "rdonly", "mlock", "noadv", "nohuge", "thpdis", "noretouch", "nodrain", "anonvma", "table",
        "thpadv", "hugezero", "far"];

    // Of these the recordings that came with the project have all up to g.
    private const string KnownKinds = ".xZzshmMolLpwWgfqSkbrK";

    private const string MachineKey = "machine=";

    // Of anything: so many pages, passes or PTEs are more than there can be, and few enough to be added up.
    private const int Most = 1 << 24, MostPasses = 1000;

    /// <summary>Reads an <c>in</c> line.</summary>
    /// <exception cref="FormatException">The line is none; the message is one line.</exception>
    public static VectorInput Parse(string text, Geometry geometry)
    {
        var words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words.Length == 0)
            throw new FormatException("'in' is empty: expected 'id key=value ... pat=...'");
        var machine = MachineType.X86;
        if (words.FirstOrDefault(word => word.StartsWith(MachineKey, StringComparison.Ordinal)) is { } named)
        {
            machine = MachineType.Find(named[MachineKey.Length..])
                ?? throw Unknown("machine", named[MachineKey.Length..], string.Join(", ", MachineType.All));
            geometry = machine.Geometry;
        }
        var input = new VectorInput
        {
            Id = words[0],
            Machine = machine,
            Settings = DefaultSettings(geometry),
            Pattern = "",
            PatternText = "",
        };
        OrderSet orders = OrderSet.Empty, always = OrderSet.Empty, inherit = OrderSet.Empty;
        var sizes = SizeEnabled.Madvise;
        string? pattern = null;
        foreach (string word in words.AsSpan(1))
        {
            int equals = word.IndexOf('=');
            if (equals < 0)
                throw new FormatException($"'{word}' in 'in': expected key=value");
            string key = word[..equals], value = word[(equals + 1)..];
            switch (key)
            {
                case "machine": break;
                case "o": orders = ParseOrders(value, geometry); break;
                case "always": always = ParseOrders(value, geometry); break;
                case "inherit": inherit = ParseOrders(value, geometry); break;
                case "om": sizes = ParseName<SizeEnabled>(key, value); break;
                case "g": input = input with { Settings = input.Settings with { Enabled = ParseName<GlobalEnabled>(key, value) } }; break;
                case "none": input = input with { Settings = input.Settings with { MaxPtesNone = Number(key, value) } }; break;
                case "swap": input = input with { Settings = input.Settings with { MaxPtesSwap = Number(key, value) } }; break;
                case "shared": input = input with { Settings = input.Settings with { MaxPtesShared = Number(key, value) } }; break;
                case "mode": input = input with { Kind = ParseKind(key, value) }; break;
                case "vma" when BareExtent.IsOne(value): input = input with { Bare = BareExtent.Parse(value, geometry) }; break;
                case "vma": input = input with { Shape = ParseName<VmaShape>(key, value) }; break;
                case "flags": input = input with { Flags = ParseFlags(value) }; break;
                case "ops": input = input with { Setup = ParseOperations(key, value, geometry) }; break;
                case "then": input = input with { Then = ParseOperations(key, value, geometry) }; break;
                case "fail": input = input with { Faults = [.. value.Split(',').Select(FaultInjection.Parse)] }; break;
                case "passes": input = input with { Passes = Number(key, value, MostPasses) }; break;
                case "shift": input = input with { Shift = Number(key, value, geometry.Pages) }; break;
                case "prog": input = input with { Program = ParseProgram(value, geometry) }; break;
                case "pat": pattern = value; break;
                default:
                    throw new FormatException(
                        $"unknown key '{key}' in 'in': expected machine, o, om, always, inherit, g, none, swap, shared, mode, passes, vma, "
                        + "flags, fail, shift, ops, then, prog or pat");
            }
        }
        if (input.Program.Length > 0 && !string.IsNullOrEmpty(pattern))
            throw new FormatException("pat= and prog= in 'in': expected one of them");
        if (pattern is null && input.Program.IsEmpty)
            throw new FormatException("no pat= in 'in': expected it, or prog=");
        pattern ??= "";
        if (input.Then.Any(operation => VectorOperation.IsSetup(operation.Verb)))
            throw new FormatException("then=H in 'in': nothing can be shared with a child that was forked before; expected one of "
                + Letters(' ', VectorOperation.Letters.Where(each => !VectorOperation.IsSetup(each.Verb))));
        var settings = input.Settings.WithSizes(orders, sizes);
        settings = settings with
        {
            Always = settings.Always | always,
            Inherit = settings.Inherit | inherit,
            UseZeroPage = input.Has("hugezero"),
        };
        input = input with { Settings = settings, Pattern = PatternLetters(pattern, geometry), PatternText = pattern };
        return input.Settings.FindError() is { } error ? throw new FormatException(error) : input;
    }

    /// <summary>The line that <see cref="Parse"/> reads; what has its default is left out.</summary>
    public static string Write(VectorInput input)
    {
        var settings = input.Settings;
        var defaults = DefaultSettings(settings.Geometry);
        var words = new List<string> { input.Id };
        Add("machine", input.Machine.Name, MachineType.X86.Name);
        var (orders, sizes) = settings.Madvise.IsEmpty && !settings.Always.IsEmpty ? (settings.Always, SizeEnabled.Always)
            : settings.Madvise.IsEmpty && !settings.Inherit.IsEmpty ? (settings.Inherit, SizeEnabled.Inherit)
            : (settings.Madvise, SizeEnabled.Madvise);
        words.Add($"o={string.Join(',', orders.Orders())}");
        Add("om", Name(sizes), Name(SizeEnabled.Madvise));
        AddOthers("always", settings.Always, SizeEnabled.Always);
        AddOthers("inherit", settings.Inherit, SizeEnabled.Inherit);
        Add("g", Name(settings.Enabled), Name(defaults.Enabled));
        Add("none", settings.MaxPtesNone, defaults.MaxPtesNone);
        Add("swap", settings.MaxPtesSwap, defaults.MaxPtesSwap);
        Add("shared", settings.MaxPtesShared, defaults.MaxPtesShared);
        Add("mode", input.Kind == CollapseKind.Madvise ? "c" : "k", "k");
        Add("passes", input.Passes, 3);
        Add("vma", input.Bare is { } bare ? BareExtent.Write(bare) : Name(input.Shape), Name(VmaShape.Exact));
        Add("flags", string.Join(',', input.Flags), "");
        Add("fail", string.Join(',', input.Faults), "");
        Add("shift", input.Shift, 0);
        Add("ops", Write(input.Setup), "");
        Add("then", Write(input.Then), "");
        if (input.Program.IsEmpty)
            words.Add($"pat={input.PatternText}");
        else
            words.Add($"prog={WriteProgram(input)}");
        return string.Join(' ', words);

        void AddOthers(string key, OrderSet some, SizeEnabled size)
        {
            if (size != sizes && !some.IsEmpty)
                words.Add($"{key}={string.Join(',', some.Orders())}");
        }

        void Add<T>(string key, T value, T usual)
        {
            if (!EqualityComparer<T>.Default.Equals(value, usual))
                words.Add($"{key}={value}");
        }

        static string Name<T>(T value)
            where T : struct, Enum => value.ToString().ToLowerInvariant();
    }

    /// <summary>Operations as <c>ops</c> and <c>then</c> have them.</summary>
    public static string Write(ImmutableArray<VectorOperation> operations) =>
        string.Join(',', operations);

    private static string Letters(char between, IEnumerable<(char Letter, ProgramVerb Verb)> some) =>
        string.Join(between, some.Select(each => each.Letter));

    private static ThpSettings DefaultSettings(Geometry geometry) =>
        ThpSettings.Defaults(geometry) with { MaxPtesSwap = geometry.Pages / 8, PagesToScan = 1_000_000_000, UseZeroPage = false };

    private static OrderSet ParseOrders(string value, Geometry geometry)
    {
        var orders = OrderSet.Empty;
        foreach (string order in value.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            int number = Number("o", order);
            if (!geometry.AnonOrders.Contains(number) || number > 31)
                throw Unknown("o", order, $"orders {Geometry.MinOrder} to {geometry.PmdOrder}");
            orders = orders.With(number);
        }
        return orders;
    }

    private static ImmutableArray<string> ParseFlags(string value)
    {
        var flags = value.Split(',').ToImmutableArray();
        foreach (string flag in flags)
            if (!KnownFlags.Contains(flag))
                throw Unknown("flags", flag, string.Join(", ", KnownFlags));
        return flags;
    }

    private static ImmutableArray<VectorOperation> ParseOperations(string key, string value, Geometry geometry)
    {
        var operations = ImmutableArray.CreateBuilder<VectorOperation>();
        foreach (string text in value.Split(','))
        {
            int plus = text.IndexOf('+');
            var (letter, verb) = VectorOperation.Letters.FirstOrDefault(each => text.StartsWith(each.Letter));
            if (plus < 2 || letter == default)
                throw Unknown(key, text, $"<{Letters('|', VectorOperation.Letters)}><offset>+<length>");
            int offset = Number(key, text[1..plus], geometry.Pages - 1);
            operations.Add(new VectorOperation(verb, offset, Number(key, text[(plus + 1)..], geometry.Pages - offset)));
        }
        return operations.ToImmutable();
    }

    private static ImmutableArray<ProgramStep> ParseProgram(string value, Geometry geometry) =>
        ProgramStep.Parse(value.Replace(':', ' '), geometry);

    private static string WriteProgram(VectorInput input) =>
        ProgramStep.Write(input.Program, input.Settings.Geometry).Replace(", ", ",", StringComparison.Ordinal).Replace(' ', ':');

    private static CollapseKind ParseKind(string key, string value) => value switch
    {
        "k" => CollapseKind.Khugepaged,
        "c" => CollapseKind.Madvise,
        _ => throw Unknown(key, value, "k or c"),
    };

    // The kinds only, one letter a PTE: what the snapshot before the first pass cannot tell is taken from here.
    private static string PatternLetters(string pattern, Geometry geometry)
    {
        var letters = new char[geometry.Pages];
        Array.Fill(letters, pattern == "mz" ? 'm' : '.');
        if (pattern == "mz")
            return new string(letters);
        int at = 0;
        foreach (string token in pattern.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!KnownKinds.Contains(token[0]))
                throw Unknown("pat", token, $"one of the kinds {KnownKinds} and a count");
            int star = token.IndexOf('*');
            int times = star < 0 ? 1 : Number("pat", token[(star + 1)..]);
            string body = token[1..(star < 0 ? token.Length : star)];
            bool isFolio = token[0] is 'm' or 'M' or 'f' || body.StartsWith('[');
            char kind = token[0];

            // Where it is makes no difference here.
            if (isFolio && body.IndexOf('@', StringComparison.Ordinal) is > 0 and var node)
                body = body[..node];

            // A snapshot tells what another process maps. What else is said of a folio's pages it does not tell.
            if (isFolio && body is [.., 'h'])
                body = body[..^1];
            if (isFolio && body is [.., 'o' or 'l' or 'L'])
                (kind, body) = (body[^1], body[..^1]);
            long count = (long)times * (isFolio ? FolioPages(body, token) : Number("pat", body));

            // A pattern may run past the table; the recorder made as much of it as fitted.
            int fitting = (int)Math.Min(count, letters.Length - at);
            letters.AsSpan(at, fitting).Fill(kind);
            at += fitting;
        }
        return new string(letters);
    }

    // <order>, or <order>[first+count].
    private static int FolioPages(string body, string token)
    {
        // s[slot], s[slot+count].
        if (body.StartsWith('[') && !body.Contains('+'))
            return 1;
        int bracket = body.IndexOf('[');
        if (bracket < 0)
            return 1 << Math.Min(Number("pat", body), 20);
        int plus = body.IndexOf('+');
        return plus > bracket && body[^1] == ']'
            ? Number("pat", body[(plus + 1)..^1])
            : throw Unknown("pat", token, "f<order>[first+count]");
    }

    private static T ParseName<T>(string key, string value)
        where T : struct, Enum =>
        Enum.TryParse(value, ignoreCase: true, out T parsed) && !char.IsAsciiDigit(value[0])
            ? parsed
            : throw Unknown(key, value, string.Join(", ", Enum.GetNames<T>()).ToLowerInvariant());

    private static int Number(string key, string value, int most = Most) =>
        WholeNumber.Read(value, 0, most) ?? throw Unknown(key, value, WholeNumber.Expected(value, 0, most));

    private static FormatException Unknown(string key, string value, string expected) =>
        new($"{key}={value} in 'in': expected {expected}");
}
