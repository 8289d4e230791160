using System.Globalization;
using System.Text;

namespace KhugepagedSpec.Recordings;

/// <summary>
/// Trace lines, comparable: every byte is as the kernel printed it but for two numbers that no two boots share. <c>mm=</c> is followed
/// by <c>#1</c>, <c>#2</c>, ... in the order in which a vector's lines first name a process. <c>scan_pfn=</c> is followed by <c>@144</c>:
/// the folio that holds the page at PTE 144 of the observed range, the first PTE if it holds several, as the range was before the pass;
/// a folio that was not there then, as it was after the pass; <c>@?</c> if it is in neither. PTEs below the range are negative.
/// <c>0xffffffffffffffff</c>, no folio, stays.
/// </summary>
public sealed class TraceNormalForm
{
    private const string Process = "mm=", Folio = "scan_pfn=0x", NoFolio = "ffffffffffffffff";

    private readonly Dictionary<string, int> _processes = new(StringComparer.Ordinal);

    /// <summary>One line.</summary>
    /// <param name="line">As a kernel, or the model of one, printed it.</param>
    /// <param name="places">Where each folio was, by its first frame: before the pass, then after it.</param>
    public string Of(string line, params ReadOnlySpan<IReadOnlyDictionary<ulong, int>> places)
    {
        var text = new StringBuilder(line);
        if (Find(line, Folio) is var (folio, end) && line[folio..end] != NoFolio)
        {
            ulong frame = ulong.Parse(line.AsSpan(folio, end - folio), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            text.Remove(folio - 2, end - folio + 2).Insert(folio - 2, PlaceOf(frame, places));
        }
        if (Find(line, Process) is var (process, processEnd))
            text.Remove(process, processEnd - process).Insert(process, $"#{NumberOf(line[process..processEnd])}");
        return text.ToString();
    }

    /// <summary>
    /// A kernel's line may be the model's. A folio that was there neither before the pass nor after it may lie in frames of one that was
    /// given back meanwhile, whose name it then has.
    /// </summary>
    /// <param name="kernel">The kernel's, in normal form.</param>
    /// <param name="model">The model's.</param>
    public static bool Agree(string kernel, string model)
    {
        const string unknown = "scan_pfn=@?", some = "scan_pfn=@";
        int at = model.IndexOf(unknown, StringComparison.Ordinal);
        if (kernel == model || at < 0)
            return kernel == model;
        int end = kernel.IndexOf(',', Math.Min(at, kernel.Length));
        return end > at && kernel.AsSpan(0, end).StartsWith(string.Concat(model.AsSpan(0, at), some), StringComparison.Ordinal)
            && kernel.AsSpan(end).SequenceEqual(model.AsSpan(at + unknown.Length));
    }

    /// <summary>The line, if it is one in normal form.</summary>
    /// <exception cref="FormatException">It is not; the message is one line.</exception>
    public static string Checked(string line)
    {
        bool isNormal = Find(line, Process) is not var (process, _) || line[process] == '#';
        return isNormal && (Find(line, Folio) is not var (folio, end) || line[folio..end] == NoFolio)
            ? line
            : throw new FormatException(
                $"trace line '{line}': expected mm=#1 and scan_pfn=@144 in the place of what differs from boot to boot");
    }

    private static string PlaceOf(ulong frame, ReadOnlySpan<IReadOnlyDictionary<ulong, int>> places)
    {
        foreach (var place in places)
            if (place.TryGetValue(frame, out int page))
                return string.Create(CultureInfo.InvariantCulture, $"@{page}");
        return "@?";
    }

    private int NumberOf(string process)
    {
        if (!_processes.TryGetValue(process, out int number))
            _processes.Add(process, number = _processes.Count + 1);
        return number;
    }

    // Where the value after a field's name begins and ends.
    private static (int Start, int End)? Find(string line, string field)
    {
        int at = line.IndexOf(field, StringComparison.Ordinal);
        if (at < 0)
            return null;
        int start = at + field.Length, end = line.IndexOf(',', start);
        return (start, end < 0 ? line.Length : end);
    }
}
