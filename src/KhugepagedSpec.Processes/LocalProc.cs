using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace KhugepagedSpec.Processes;

/// <summary>This machine's <c>/proc</c> and <c>/sys</c>. Files of words stay open: they go on telling of the same process.</summary>
internal sealed class LocalProc : IProcFiles, IDisposable
{
    private readonly Dictionary<string, SafeFileHandle> _open = [];

    public string? Text(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception error) when (IsGone(error))
        {
            return null;
        }
    }

    public IReadOnlyList<string> Folders(string path)
    {
        try
        {
            return [.. Directory.EnumerateDirectories(path).Select(folder => Path.GetFileName(folder))];
        }
        catch (Exception error) when (IsGone(error))
        {
            return [];
        }
    }

    public ulong[]? Words(string path, IReadOnlyList<WordRun> runs)
    {
        var words = new ulong[runs.Sum(run => run.Count)];
        try
        {
            var file = Open(path);
            int filled = 0;
            foreach (var run in runs)
            {
                var wanted = MemoryMarshal.AsBytes(words.AsSpan(filled, run.Count));
                for (int got = 0; got < wanted.Length;)
                {
                    int read = RandomAccess.Read(file, wanted[got..], run.First * sizeof(ulong) + got);
                    if (read == 0)
                        return null;
                    got += read;
                }
                filled += run.Count;
            }
        }
        catch (Exception error) when (IsGone(error))
        {
            return null;
        }
        return words;
    }

    public IReadOnlyList<PageRegion> Regions(string pagemap, ulong start, ulong end, int most)
    {
        try
        {
            return PageMapScan.Run(Open(pagemap), start, end, most);
        }
        catch (Exception error) when (IsGone(error))
        {
            return [];
        }
    }

    public void Dispose()
    {
        foreach (var file in _open.Values)
            file.Dispose();
    }

    private SafeFileHandle Open(string path)
    {
        if (_open.TryGetValue(path, out var file))
            return file;
        if (IsOfProcess(path))
            foreach (string other in _open.Keys.Where(IsOfProcess).ToList())
                if (_open.Remove(other, out var old))
                    old.Dispose();
        _open.Add(path, file = File.OpenHandle(path, share: FileShare.ReadWrite));
        return file;
    }

    // Processes are read one after the other: the file of the one before is not asked for again.
    private static bool IsOfProcess(string path) => path.StartsWith("/proc/", StringComparison.Ordinal) && char.IsAsciiDigit(path[6]);

    // ESRCH, which reads of a process that has ended may give, is a plain IOException.
    private static bool IsGone(Exception error) => error is IOException;
}
