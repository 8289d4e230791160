using System.Globalization;
using KhugepagedSpec.Guests.Live;

namespace KhugepagedSpec.Guests.Reproducers;

/// <summary>The steps that the recorder's agent takes to build a table, as calls of C functions, with pages counted from the table's
/// first.</summary>
internal sealed class StepsInC
{
    /// <summary>Where the range begins in the program: the recorder's place, in the middle of a gigabyte.</summary>
    public const long Base = (1L << 44) + (1L << 29);

    /// <summary>What is written in the first page; the others count on from there.</summary>
    public const long Stamp = 1;

    private const long Page = 4096, Away = 1L << 18, Places = 1L << 12, Scratch = 3L << 18;

    private static readonly Dictionary<int, string> Advices = new()
    {
        [StepWriter.Cold] = "MADV_COLD",
        [StepWriter.Free] = "MADV_FREE",
        [StepWriter.DontNeed] = "MADV_DONTNEED",
        [StepWriter.HugePage] = "MADV_HUGEPAGE",
        [StepWriter.NoHugePage] = "MADV_NOHUGEPAGE",
        [StepWriter.PopulateRead] = "MADV_POPULATE_READ",
        [StepWriter.GuardInstall] = "MADV_GUARD_INSTALL",
    };

    private readonly List<Call> _calls = [];
    private readonly (int First, int End) _extent;
    private readonly int _pages;
    private readonly bool _drains;
    private long _place;

    /// <summary>Begins.</summary>
    /// <param name="extent">The VMA's pages, once all is built.</param>
    /// <param name="pages">PTEs of the table.</param>
    /// <param name="drains">The table has states that LRU batches hold back.</param>
    public StepsInC((int First, int End) extent, int pages, bool drains) => (_extent, _pages, _drains) = (extent, pages, drains);

    /// <summary>Helpers that the calls take.</summary>
    public SortedSet<string> Helpers { get; } = new(StringComparer.Ordinal);

    /// <summary>The calls for some steps, a line each.</summary>
    /// <exception cref="NotSupportedException">A step has no call.</exception>
    public IReadOnlyList<string> Take(string steps)
    {
        _calls.Clear();
        foreach (string line in steps.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            Add(line.Split(' '));
        MapAtOnce();
        foreach (var call in _calls)
            Helpers.UnionWith(call.Helpers);
        return [.. _calls.Select(call => call.Text)];
    }

    private void Add(string[] words)
    {
        long[] numbers = [.. words.Skip(1).Select(word => long.TryParse(word, CultureInfo.InvariantCulture, out long number) ? number : 0)];
        if (words[0] == "set")
            Set(words[1], words[2]);
        else if (words[0] == "prctl")
            Add("prctl", FormattableString.Invariant($"must(prctl(PR_SET_THP_DISABLE, {numbers[1]}, {numbers[2]}, 0, 0));"));
        else if (words[0] == "move")
            Move((numbers[2] - Base) / Page + _pages);
        else if (Relative(numbers[0]) + _place >= Scratch)
            Drain(words[0]);
        else
            OnPages(words[0], (int)Relative(numbers[0]), (int)numbers[1], numbers.Length > 2 ? numbers[2] : 0);
    }

    private long Relative(long address) => (address - Base) / Page - _place;

    private void OnPages(string step, int first, int pages, long argument)
    {
        switch (step)
        {
            case "map" or "unmap":
                OnPages(step, step, first, pages);
                break;
            case "write" when argument == 0:
                OnPages("clear", "clear", first, pages);
                break;
            case "write":
                OnPages("fill", "fill", first, pages);
                break;
            case "read":
                OnPages("touch", "touch", first, pages);
                break;
            case "advise" when argument == StepWriter.PageOut:
                PageOut(first, pages);
                break;
            case "advise" when Advices.TryGetValue((int)argument, out string? advice):
                Add(
                    FormattableString.Invariant($"advise({first}, {pages}, {advice});"), first, pages, "advise",
                    argument switch { StepWriter.PopulateRead => "old", StepWriter.GuardInstall => "guard", _ => "advise" });
                break;
            case "keep":
                break;
            case "share":
                Add("share", "share();", "prctl");
                break;
            case "pin":
                OnPages("pin", "pin", first, pages);
                break;
            case "userfault":
                string modes = (argument & 3) switch
                {
                    1 => "UFFDIO_REGISTER_MODE_MISSING",
                    2 => "UFFDIO_REGISTER_MODE_WP",
                    _ => "UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP",
                };
                Add(FormattableString.Invariant($"userfault({first}, {pages}, {modes});"), first, pages, "userfault");
                break;
            case "protect":
                OnPages("protect", "protect", first, pages);
                break;
            case "lock":
                Add(FormattableString.Invariant($"must(mlock2(range{Plus(first)}, {pages} * PAGE, MLOCK_ONFAULT));"), first, pages, "lock");
                break;
            case "readonly":
                Add(FormattableString.Invariant($"must(mprotect(range{Plus(first)}, {pages} * PAGE, PROT_READ));"), first, pages, "lock");
                break;
            default:
                throw new NotSupportedException($"step '{step}' of the recorder has no call in C");
        }
    }

    private static string Plus(int pages) => pages == 0 ? "" : FormattableString.Invariant($" + {pages} * (long)PAGE");

    private void OnPages(string function, string helper, int first, int pages) =>
        Add(FormattableString.Invariant($"{function}({first}, {pages});"), first, pages, helper);

    private void Add(string helper, string text, params string[] more) => _calls.Add(new Call(text, null, [helper, .. more]));

    private void Add(string text, int first, int pages, params string[] helpers) => _calls.Add(new Call(text, (first, pages), helpers));

    // Single pages, the last first.
    private void PageOut(int first, int pages)
    {
        if (_calls is [.., { Helpers: ["swap_out"], Pages: var (at, many) }] && at == first + pages)
        {
            _calls.RemoveAt(_calls.Count - 1);
            pages += many;
        }
        OnPages("swap_out", "swap_out", first, pages);
    }

    private void Set(string path, string value)
    {
        const string size = "/hugepages-", enabled = "kB/enabled";
        if (path.IndexOf(size, StringComparison.Ordinal) is var at and > 0 && path.EndsWith(enabled, StringComparison.Ordinal))
        {
            int kilobytes = int.Parse(path[(at + size.Length)..^enabled.Length], CultureInfo.InvariantCulture);
            Add("size", FormattableString.Invariant($"size({int.Log2(kilobytes) - 2}, \"{value}\");"));
            return;
        }
        string file = path[(path.IndexOf("transparent_hugepage/", StringComparison.Ordinal) + "transparent_hugepage/".Length)..];
        Add("set", $"must(set(THP \"{file}\", \"{value}\"));");
    }

    private void Move(long to)
    {
        _place = to;
        var (place, off) = to == 0 ? (0L, 0L) : ((to - Away) / Places, (to - Away) % Places);
        Add("move_range", FormattableString.Invariant($"move_range({place}, {off});"));
    }

    private void Drain(string step)
    {
        if (step == "advise" && _drains && _calls is not [.., { Text: "drain();" }])
            Add("drain", "drain();");
    }

    // Where nothing is moved, and nothing done beside the VMA, no more than the VMA need be mapped.
    private void MapAtOnce()
    {
        bool isMapped = _calls.Exists(call => call.Helpers.Contains("map"));
        bool needsRoom = _calls.Exists(call => call.Helpers.Contains("move_range")
            || (call.Pages is var (first, pages) && !call.Helpers.Contains("map") && !call.Helpers.Contains("unmap")
                && (first < _extent.First || first + pages > _extent.End)));
        if (!isMapped || needsRoom)
            return;
        _calls.RemoveAll(call => call.Helpers.Contains("map") || call.Helpers.Contains("unmap"));
        _calls.Insert(0, new Call(
            FormattableString.Invariant($"map({_extent.First}, {_extent.End - _extent.First});"), _extent, ["map"]));
    }

    private sealed record Call(string Text, (int First, int Pages)? Pages, string[] Helpers);
}
