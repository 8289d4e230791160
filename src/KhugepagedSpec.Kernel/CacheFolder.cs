namespace KhugepagedSpec.Kernel;

/// <summary>Where what can be fetched or made again is kept: <c>khugepaged-spec</c> in the user's cache folder.</summary>
internal static class CacheFolder
{
    /// <summary>A folder below it; it need not exist yet.</summary>
    public static string Of(string name)
    {
        string root = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } set
            ? set
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        return Path.Combine(root, "khugepaged-spec", name);
    }
}
