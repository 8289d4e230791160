namespace KhugepagedSpec.Guests;

/// <summary>Texts that come with this library.</summary>
internal static class EmbeddedText
{
    /// <summary>One of them, by where it lies in the project: <c>Machine.agent.c</c>.</summary>
    public static string Of(string name)
    {
        using var stream = typeof(EmbeddedText).Assembly.GetManifestResourceStream($"KhugepagedSpec.Guests.{name}")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
