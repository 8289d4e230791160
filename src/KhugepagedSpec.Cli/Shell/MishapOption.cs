using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Cli.Shell;

/// <summary><c>--fail WHAT</c>: a mishap that can befall something.</summary>
internal static class MishapOption
{
    /// <summary>Reads a mishap.</summary>
    /// <exception cref="UsageException">It can never strike in tables of that geometry.</exception>
    /// <exception cref="FormatException">It is none.</exception>
    public static ScriptedMishap Parse(string text, Geometry geometry)
    {
        var mishap = ScriptedMishap.Parse(text);

        // Attempts have the orders of large folios; outside of them a window may be a single page.
        int least = mishap.When is Gap.BeforeRead or Gap.BeforeWrite ? Geometry.MinOrder : 0;
        if (mishap.Order is { } order && (order < least || order > geometry.PmdOrder))
            throw new UsageException($"--fail {text}: order {order}: expected {least} to {geometry.PmdOrder}");
        if (mishap.Offset is { } offset && (offset >= geometry.Pages || offset % (1 << (mishap.Order ?? 0)) != 0))
            throw new UsageException($"--fail {text}: offset {offset}: expected 0 to {geometry.Pages - 1}, a multiple of {1 << (mishap.Order ?? 0)}");
        return mishap.Times is < 1 ? throw new UsageException($"--fail {text}: {mishap.Times} times: expected 1 or more") : mishap;
    }
}
