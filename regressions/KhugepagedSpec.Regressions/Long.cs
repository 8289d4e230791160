namespace KhugepagedSpec;

/// <summary>Searches have a short form, and a long one if KHUGEPAGEDSPEC_LONG is set, as .ci/run does.</summary>
internal static class Long
{
    /// <summary>The long forms are asked for.</summary>
    public static bool IsAsked { get; } = !string.IsNullOrEmpty(Environment.GetEnvironmentVariable("KHUGEPAGEDSPEC_LONG"));

    /// <summary>How many: so many, or so many more.</summary>
    public static int Of(int usual, int many) => IsAsked ? many : usual;
}
