using System.Collections.Immutable;
using System.Text;

namespace KhugepagedSpec.Guests.Packages;

/// <summary>What a module says of itself.</summary>
internal static class ModuleInfo
{
    private static ReadOnlySpan<byte> Depends => "\0depends="u8;

    /// <summary>The names of the modules that <paramref name="module"/>, a .ko that is not compressed, needs.</summary>
    /// <exception cref="FormatException">It is no module.</exception>
    public static ImmutableArray<string> Needs(ReadOnlySpan<byte> module)
    {
        int at = module.IndexOf(Depends);
        if (at < 0)
            throw new FormatException("no depends= in it: expected a kernel module");
        var rest = module[(at + Depends.Length)..];
        int end = rest.IndexOf((byte)0);
        return [.. Encoding.ASCII.GetString(end < 0 ? rest : rest[..end]).Split(',', StringSplitOptions.RemoveEmptyEntries).Select(Name)];
    }

    /// <summary>A module's name by its file's or as another module writes it: '-' and '_' are the same.</summary>
    public static string Name(string fileOrName)
    {
        string file = Path.GetFileName(fileOrName);
        int end = file.IndexOf(".ko", StringComparison.Ordinal);
        return (end < 0 ? file : file[..end]).Replace('-', '_');
    }

    /// <summary>Whether a guest with swap in memory wants it: zram, and what compresses for it.</summary>
    public static bool IsForZram(string name) =>
        name == "zram" || name.StartsWith("lz4", StringComparison.Ordinal) || name.StartsWith("lzo", StringComparison.Ordinal);

    /// <summary><paramref name="wanted"/> and all they need, each after what it needs.</summary>
    /// <param name="wanted">Names of modules.</param>
    /// <param name="needs">What a module needs; null if there is no such module, as with what is built in.</param>
    public static ImmutableArray<string> InsertionOrder(IEnumerable<string> wanted, Func<string, IEnumerable<string>?> needs)
    {
        var order = ImmutableArray.CreateBuilder<string>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (string name in wanted.Order(StringComparer.Ordinal))
            Add(name);
        return order.ToImmutable();

        void Add(string name)
        {
            if (!seen.Add(name) || needs(name) is not { } first)
                return;
            foreach (string one in first)
                Add(one);
            order.Add(name);
        }
    }
}
