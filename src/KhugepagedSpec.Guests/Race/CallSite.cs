using System.Collections.Immutable;

namespace KhugepagedSpec.Guests.Race;

/// <summary>
/// A place inside a function that a probe goes on: a call, told from others of the same callee by what is called between it and the
/// one before, and between it and the one after. Source: the calls of collapse_huge_page, its inlined functions included, in
/// mm/khugepaged.c.
/// </summary>
/// <param name="Name">The probe's name.</param>
/// <param name="Callee">What is called there.</param>
/// <param name="Arguments">What the probe reads, as kprobe_events has it; {source} is the register that held the address of what is
/// passed as the first argument.</param>
internal sealed record CallSite(string Name, string Callee, string Arguments)
{
    /// <summary>The function.</summary>
    public const string Function = "collapse_huge_page";

    // REX.W mov rdi <- reg, and REX.W mov reg <- (base).
    private const byte Store = 0x89, Load = 0x8b, Wide = 0x48;

    private static readonly string[] Registers =
        ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];

    /// <summary>All that a recording has.</summary>
    public static ImmutableArray<CallSite> All { get; } =
    [
        new("pmdchk", "check_pmd_state", "result=%ax:s32") { After = "__vma_start_write", IsReturn = true },
        new("anonw", "down_write", "sem=%di:x64") { After = "__vma_start_write" },
        new("anonw_r", "down_write", "") { After = "__vma_start_write", IsReturn = true },
        new("isoptl", "pte_offset_map_lock", "ptep=%ax:x64") { IsReturn = true },
        new("iso", "pte_none_or_zero", "ptep={source}:x64 pte=%di:x64") { Before = "folio_isolate_lru" },
        new("isolru", "folio_isolate_lru", "folio=%di:x64 ref=+0x34(%di):s32 map=+0x30(%di):s32"),
        new("pmdback", "pmd_populate", "pmd=%si:x64") { After = "release_pte_pages", Before = "folio_isolate_lru" },
        new("copy", "pte_none_or_zero", "pte=%di:x64") { After = "folio_isolate_lru" },
        new("relsrc", "release_pte_folio", "folio=%di:x64"),
        new("pmdpop", "pmd_populate", "pmd=%si:x64") { Before = "map_anon_folio_pte_nopf" },
    ];

    /// <summary>Called since the last call of the same; null for anything.</summary>
    public string? After { get; init; }

    /// <summary>Called before the next call of the same; null for anything.</summary>
    public string? Before { get; init; }

    /// <summary>The probe goes behind the call.</summary>
    public bool IsReturn { get; init; }

    /// <summary>The line for kprobe_events.</summary>
    /// <param name="calls">The calls of the function, in order.</param>
    /// <param name="code">Its bytes.</param>
    /// <param name="why">Why there is none.</param>
    /// <returns>Null if not exactly one call is meant, or the register is not to be told.</returns>
    public string? Probe(IReadOnlyList<KernelCall> calls, ReadOnlySpan<byte> code, out string why)
    {
        why = "";
        var same = calls.Where(call => call.Callee == Callee).ToList();
        var meant = Enumerable.Range(0, same.Count).Where(number =>
            IsBetween(After, number == 0 ? -1 : same[number - 1].Offset, same[number].Offset)
            && IsBetween(Before, same[number].Offset, number == same.Count - 1 ? int.MaxValue : same[number + 1].Offset)).ToList();
        if (meant is not [var only])
        {
            why = $"{Function} has {meant.Count} such calls of {Callee}: expected 1";
            return null;
        }
        int offset = same[only].Offset;
        string arguments = Arguments;
        if (arguments.Contains("{source}", StringComparison.Ordinal))
        {
            if (Source(code[..offset]) is not { } register)
            {
                why = $"{Function}+0x{offset:x}: no register holds the address of what {Callee} is given";
                return null;
            }
            arguments = arguments.Replace("{source}", $"%{register}", StringComparison.Ordinal);
        }
        return $"p:k/{Name} {Function}+0x{(IsReturn ? offset + KernelText.CallLength : offset):x} {arguments}".TrimEnd();

        bool IsBetween(string? callee, int from, int to) =>
            callee is null || calls.Any(call => call.Callee == callee && call.Offset > from && call.Offset < to);
    }

    // The last two instructions before the call: what lies at (base) is loaded, and passed on in rdi.
    private static string? Source(ReadOnlySpan<byte> before)
    {
        if (before.Length < 7 || (before[^3] & 0xfb) != Wide || before[^2] != Store || (before[^1] & 0xc7) != 0xc7)
            return null;
        int value = ((before[^1] >> 3) & 7) + ((before[^3] & 4) << 1);
        return Base(before[..^3], 3, value) ?? Base(before[..^3], 4, value);
    }

    // Four bytes where the base needs one more: r12 and sp a SIB byte, r13 and bp a distance of 0.
    private static string? Base(ReadOnlySpan<byte> before, int length, int value)
    {
        var load = before[^length..];
        if ((load[0] & 0xfa) != Wide || load[1] != Load || ((load[2] >> 3) & 7) + ((load[0] & 4) << 1) != value)
            return null;
        int mode = load[2] >> 6, low = load[2] & 7;
        bool isWhole = length == 3 ? mode == 0 && low is not (4 or 5)
            : (mode == 0 && low == 4 && load[3] == 0x24) || (mode == 1 && low != 4 && load[3] == 0);
        return isWhole ? Registers[low + ((load[0] & 1) << 3)] : null;
    }
}
