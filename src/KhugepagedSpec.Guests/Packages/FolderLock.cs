namespace KhugepagedSpec.Guests.Packages;

/// <summary>One process at a time in a folder; the lock ends with the process, however that ends.</summary>
internal static class FolderLock
{
    // EWOULDBLOCK of flock(2): somebody else has it.
    private const int Taken = 11;

    /// <summary>Waits until nobody else has the folder; disposing gives it back.</summary>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    /// <exception cref="OperationCanceledException">Waiting was interrupted.</exception>
    public static IDisposable Take(string folder, Action<string> progress, CancellationToken cancellation)
    {
        Directory.CreateDirectory(folder);
        for (bool waits = false; ; waits = true)
        {
            try
            {
                return new FileStream(Path.Combine(folder, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException error) when (error.HResult == Taken)
            {
                if (!waits)
                    progress("waiting for another khugepaged-spec");
                cancellation.WaitHandle.WaitOne(TimeSpan.FromMilliseconds(100));
                cancellation.ThrowIfCancellationRequested();
            }
        }
    }
}
