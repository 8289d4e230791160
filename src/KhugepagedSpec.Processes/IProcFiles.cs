namespace KhugepagedSpec.Processes;

/// <summary>Neighbouring words of a file of words: <c>pagemap</c>, <c>kpageflags</c>, <c>kpagecount</c>.</summary>
/// <param name="First">The first word's number.</param>
/// <param name="Count">How many words.</param>
internal readonly record struct WordRun(long First, int Count);

/// <summary>Neighbouring pages that are not empty.</summary>
/// <param name="Start">The first byte.</param>
/// <param name="End">One past the last byte.</param>
/// <param name="IsHuge">They are mapped by PMD entries.</param>
internal readonly record struct PageRegion(ulong Start, ulong End, bool IsHuge);

/// <summary>A machine's <c>/proc</c> and <c>/sys</c>: this one's, or a guest's.</summary>
internal interface IProcFiles
{
    /// <summary>A file that tells one number or a few lines.</summary>
    /// <returns>Its text; null if there is no such file, or the process it is about has ended.</returns>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    string? Text(string path);

    /// <summary>The names of the folders in a folder; none if there is no such folder, or nobody asks.</summary>
    IReadOnlyList<string> Folders(string path) => [];

    /// <summary>Words of a file of 64-bit words.</summary>
    /// <param name="path">The file.</param>
    /// <param name="runs">Which.</param>
    /// <returns>The words, in the order asked for; null if there is no such file, or the process it is about has ended.</returns>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    ulong[]? Words(string path, IReadOnlyList<WordRun> runs);

    /// <summary>The pages of a process that are not empty (<c>PAGEMAP_SCAN</c>, Linux 6.7).</summary>
    /// <param name="pagemap">Its pagemap file.</param>
    /// <param name="start">The first byte to look at.</param>
    /// <param name="end">One past the last byte.</param>
    /// <param name="most">Regions to return at most, 1 or more; the next call goes on after the last of them.</param>
    /// <exception cref="CaptureException">The kernel cannot tell.</exception>
    IReadOnlyList<PageRegion> Regions(string pagemap, ulong start, ulong end, int most);
}

/// <summary>A process cannot be captured. The message is one line: what is wrong and what was expected.</summary>
public sealed class CaptureException : Exception
{
    /// <summary>Makes the error.</summary>
    public CaptureException(string message)
        : base(message)
    {
    }
}
