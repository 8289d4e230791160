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
        using var reader = new StreamReader(Assembly.GetExecutingAssembly()
            .GetManifestResourceStream(name) ?? throw new InvalidOperationException($"{name} is not part of the program"));
        return reader.ReadToEnd();
    }
}
