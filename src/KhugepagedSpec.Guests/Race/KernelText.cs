using System.Buffers.Binary;
using System.Globalization;

namespace KhugepagedSpec.Guests.Race;

/// <summary>A call instruction.</summary>
/// <param name="Offset">Its offset in the function.</param>
/// <param name="Callee">What it calls, without what gcc appended to the name.</param>
internal readonly record struct KernelCall(int Offset, string Callee);

/// <summary>The functions of a running kernel by address, and which calls stand in one. Source: /proc/kallsyms.</summary>
internal sealed class KernelText
{
    /// <summary>The length of a near call.</summary>
    public const int CallLength = 5;

    private const byte NearCall = 0xe8;

    private readonly ulong[] _addresses;
    private readonly Dictionary<ulong, string> _byAddress = [];
    private readonly Dictionary<string, (ulong Address, string Symbol)> _byName = new(StringComparer.Ordinal);

    /// <summary>Reads kallsyms; modules and data are left out. Of two functions of one name the first counts.</summary>
    public KernelText(IEnumerable<string> kallsyms)
    {
        foreach (string line in kallsyms)
        {
            string[] words = line.Split([' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries);
            if (words.Length != 3 || words[1] is not ("t" or "T" or "w" or "W")
                || !ulong.TryParse(words[0], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong address))
                continue;
            _byAddress.TryAdd(address, Plain(words[2]));
            _byName.TryAdd(words[2], (address, words[2]));
            if (!words[2].EndsWith(".cold", StringComparison.Ordinal))
                _byName.TryAdd(Plain(words[2]), (address, words[2]));
        }
        _addresses = [.. _byAddress.Keys.Order()];
    }

    /// <summary>The symbol of a function, with what gcc appended; null if there is none.</summary>
    public string? SymbolOf(string function) => _byName.TryGetValue(function, out var found) ? found.Symbol : null;

    /// <summary>Where a function lies, up to the next one; null if there is none.</summary>
    public (ulong Start, int Length)? Extent(string function)
    {
        if (!_byName.TryGetValue(function, out var found))
            return null;
        int next = Array.BinarySearch(_addresses, found.Address) + 1;
        return next < _addresses.Length ? (found.Address, (int)Math.Min(_addresses[next] - found.Address, int.MaxValue)) : null;
    }

    /// <summary>
    /// The near calls in a function: each byte that is a call's first, if what it would call is the first byte of a function. A kprobe
    /// is refused by the kernel where no instruction begins.
    /// </summary>
    /// <param name="start">Its address.</param>
    /// <param name="code">Its bytes.</param>
    public List<KernelCall> Calls(ulong start, ReadOnlySpan<byte> code)
    {
        var calls = new List<KernelCall>();
        for (int at = 0; at + CallLength <= code.Length; at++)
        {
            if (code[at] != NearCall)
                continue;
            long distance = BinaryPrimitives.ReadInt32LittleEndian(code[(at + 1)..]);
            if (!_byAddress.TryGetValue(start + (ulong)at + CallLength + (ulong)distance, out string? callee))
                continue;
            calls.Add(new KernelCall(at, callee));
            at += CallLength - 1;
        }
        return calls;
    }

    private static string Plain(string symbol) => symbol.IndexOf('.', 1) is var dot and > 0 ? symbol[..dot] : symbol;
}
