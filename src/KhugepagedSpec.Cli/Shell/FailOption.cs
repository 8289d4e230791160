using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Cli.Shell;

/// <summary><c>--fail WHAT</c>: an injected fault that can befall something.</summary>
internal static class FailOption
{
    /// <summary>Reads an injected fault.</summary>
    /// <exception cref="UsageException">It can never strike in tables of that geometry.</exception>
    /// <exception cref="FormatException">It is none.</exception>
    public static FaultInjection Parse(string text, Geometry geometry)
    {
        var fault = FaultInjection.Parse(text);

        // Attempts have the orders of large folios; outside of them a window may be a single page.
        int least = fault.When is Gap.BeforeRead or Gap.BeforeWrite ? Geometry.MinOrder : 0;
        if (fault.Order is { } order && (order < least || order > geometry.PmdOrder))
            throw new UsageException($"--fail {text}: order {order}: expected {least} to {geometry.PmdOrder}");
        if (fault.Offset is { } offset && (offset >= geometry.Pages || offset % (1 << (fault.Order ?? 0)) != 0))
            throw new UsageException(
                $"--fail {text}: offset {offset}: expected 0 to {geometry.Pages - 1}, a multiple of {1 << (fault.Order ?? 0)}");
        return fault.Times is < 1 ? throw new UsageException($"--fail {text}: {fault.Times} times: expected 1 or more") : fault;
    }
}
