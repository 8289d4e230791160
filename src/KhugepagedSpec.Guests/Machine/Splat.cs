using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace KhugepagedSpec.Guests.Machine;

/// <summary>
/// What a kernel logs of itself when something is wrong: a BUG, a WARNING, an oops, a sanitizer's or lockdep's report, a stall. Source:
/// Linux 7.2, <c>lib/bug.c</c>, <c>kernel/panic.c</c>, <c>kernel/fork.c:check_mm</c>, <c>mm/page_alloc.c:bad_page</c>,
/// <c>kernel/rcu/tree_stall.h</c>, <c>kernel/locking/lockdep.c</c>, <c>mm/kasan/report.c</c>, <c>lib/ubsan.c</c>, <c>lib/list_debug.c</c>,
/// <c>mm/vmstat.c:vmstat_refresh</c> (a count below zero).
/// </summary>
/// <param name="Kind">Its first line without what no two boots share: two of a kind are the same one.</param>
/// <param name="Lines">The log from its first line on, the beginning of it.</param>
public sealed partial record Splat(string Kind, ImmutableArray<string> Lines)
{
    /// <summary>Lines that are kept of one.</summary>
    public const int MostLines = 40;

    /// <summary>It says that something took long, which on a busy host is no fault of the kernel's.</summary>
    public bool IsOfTime => Stalls().IsMatch(Kind);

    /// <summary>It met a breakpoint that nobody handles: code that is being changed looks like that meanwhile.</summary>
    public bool IsOfBreakpoint => Lines[0].Contains("int3: ", StringComparison.Ordinal);

    /// <summary>A WARN of the source: the kernel goes on, and warns of the same once, unless it is told to forget.</summary>
    public bool IsOfPlace => Place().IsMatch(Kind);

    /// <summary>The first in a log; null if there is none.</summary>
    /// <param name="log">The log's lines, oldest first.</param>
    public static Splat? First(IEnumerable<string> log)
    {
        ImmutableArray<string> lines = [.. log.Select(WithoutTime).SkipWhile(line => !IsFirst(line)).Take(MostLines)];
        return lines.IsEmpty ? null : new Splat(KindOf(lines[0]), lines);
    }

    /// <summary>The line is the first of one.</summary>
    public static bool IsFirst(string line) => !IsAdvice(line) && Marks().IsMatch(line);

    /// <summary>A console's line without the time that stands before it.</summary>
    internal static string WithoutTime(string line) => Time().Replace(line.TrimEnd('\r', '\n'), "");

    // Of the lines of a boot: what to do about the machine's processor.
    private static bool IsAdvice(string line) => line.Contains("Spectre", StringComparison.Ordinal);

    // WARNING: mm/khugepaged.c:700 at ..., CPU#0: khugepaged/33; BUG: Bad rss-counter state mm:00000000a2b type:MM_ANONPAGES val:5
    private static string KindOf(string line) =>
        Place().Match(line) is { Success: true } place ? $"WARNING: {place.Groups[1].Value}" : Changing().Replace(line.Trim(), "#");

    [GeneratedRegex(@"\bBUG\b|\bWARNING: |\bOops\b|\bint3: |[Gg]eneral protection fault|[Dd]ouble fault|\bUBSAN: |Kernel panic|KASAN: |\bKCSAN: |list_(add|del) corruption|"
        + @"refcount_t: |ODEBUG: |kmemleak: .*suspected|detected( expedited)? stalls?\b|self-detected stall|INFO: task .* blocked for more|"
        + @"page dumped because|possible (circular|recursive) locking|suspicious RCU usage|inconsistent lock state|"
        + @"vmstat_refresh: ")]
    private static partial Regex Marks();

    [GeneratedRegex(@"stall|soft lockup|hard LOCKUP|workqueue lockup|blocked for more", RegexOptions.IgnoreCase)]
    private static partial Regex Stalls();

    [GeneratedRegex(@"WARNING: .*?([\w./-]+\.[ch]:\d+)")]
    private static partial Regex Place();

    [GeneratedRegex(@"-?\b(0x)?[0-9a-f]*\d[0-9a-f]*\b|-?\d+")]
    private static partial Regex Changing();

    [GeneratedRegex(@"^(<\d+>)?\[ *\d+\.\d+\](\[ *[TC]\d+\])? ?")]
    private static partial Regex Time();
}
