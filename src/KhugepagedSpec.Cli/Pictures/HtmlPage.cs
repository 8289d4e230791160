using System.Net;
using System.Reflection;
using System.Text;

namespace KhugepagedSpec.Cli.Pictures;

/// <summary>A page that needs nothing but itself: its title, its data as JSON, and the scripts that show them.</summary>
/// <param name="Title">The title.</param>
/// <param name="View">Which script shows it, and its name without <c>.js</c>.</param>
/// <param name="Parts">The scripts that this one builds on.</param>
/// <param name="Json">The data.</param>
internal sealed record HtmlPage(string Title, string View, IReadOnlyList<string> Parts, string Json)
{
    private static readonly Encoding Utf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);

    /// <summary>Writes a page, whole or not at all.</summary>
    /// <param name="path">The file; one that is there is replaced.</param>
    /// <param name="page">The page.</param>
    /// <exception cref="UsageException">It cannot be written there.</exception>
    public static void Write(string path, HtmlPage page)
    {
        // What a link names is replaced, not the link; a device is no file that could be put in place of another.
        string target = (File.Exists(path) ? File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName : null) ?? Path.GetFullPath(path);
        bool isDevice = target.StartsWith("/dev/", StringComparison.Ordinal);
        string beside = isDevice ? target : FormattableString.Invariant($"{target}.{Environment.ProcessId}.part");
        try
        {
            try
            {
                File.WriteAllText(beside, page.ToString(), Utf8);
                if (!isDevice)
                    File.Move(beside, target, overwrite: true);
            }
            finally
            {
                if (!isDevice)
                    File.Delete(beside);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"--html {path}: {error.Message.Replace(beside, path, StringComparison.Ordinal)}");
        }
    }

    /// <summary>The page's text.</summary>
    public override string ToString()
    {
        var scripts = new StringBuilder();
        foreach (string name in (string[])["core", .. Parts, View])
            scripts.Append(Resource($"{name}.js"));
        // In JSON '<' stands in strings only. Written so, no data can end the script it lies in.
        string json = Json.Replace("<", "\\u003c", StringComparison.Ordinal);
        return Filled(Resource("page.html"), new Dictionary<string, string>
        {
            ["title"] = WebUtility.HtmlEncode(Title),
            ["view"] = View,
            ["style"] = Resource("page.css"),
            ["data"] = json,
            ["script"] = scripts.ToString(),
        });
    }

    // One pass over the template: what is filled in is not looked at again.
    private static string Filled(string template, Dictionary<string, string> values)
    {
        var text = new StringBuilder();
        string[] parts = template.Split("{{");
        text.Append(parts[0]);
        foreach (string part in parts.Skip(1))
        {
            string[] halves = part.Split("}}", 2);
            text.Append(values[halves[0]]).Append(halves[1]);
        }
        return text.ToString();
    }

    private static string Resource(string name)
    {
        using var reader = new StreamReader(Assembly.GetExecutingAssembly().GetManifestResourceStream(name) ?? throw new InvalidOperationException($"{name} is not part of the program"));
        return reader.ReadToEnd();
    }
}
