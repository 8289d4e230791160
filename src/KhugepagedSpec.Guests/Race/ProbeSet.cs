using System.Collections.Immutable;

namespace KhugepagedSpec.Guests.Race;

/// <summary>The probes that a kernel took.</summary>
/// <param name="Set">The lines that it took.</param>
/// <param name="Missing">What it did not take, or has no place for, and why.</param>
public sealed record ProbeSet(ImmutableArray<string> Set, ImmutableArray<(string Name, string Why)> Missing)
{
    /// <summary>Sets each by itself.</summary>
    /// <param name="kernel">The kernel's functions.</param>
    /// <param name="code">Where collapse_huge_page's bytes come from; null if they cannot be had.</param>
    /// <param name="set">Sets one; what went wrong, or an empty text.</param>
    internal static ProbeSet On(KernelText kernel, Func<(ulong Start, int Length), byte[]?> code, Func<string, string> set)
    {
        var taken = ImmutableArray.CreateBuilder<string>();
        var missing = ImmutableArray.CreateBuilder<(string, string)>();
        foreach (var (name, line) in FunctionProbe.All.SelectMany(probe => probe.Probes(kernel)))
            Add(name, line, "no such function");
        if (kernel.Extent(CallSite.Function) is not { } extent)
            missing.AddRange(CallSite.All.Select(site => (site.Name, $"no function {CallSite.Function}")));
        else if (code(extent) is not { } bytes)
            missing.AddRange(CallSite.All.Select(site => (site.Name, "the kernel's text cannot be read: /proc/kcore")));
        else
        {
            var calls = kernel.Calls(extent.Start, bytes);
            foreach (var site in CallSite.All)
                Add(site.Name, site.Probe(calls, bytes, out string why), why);
        }
        return new ProbeSet(taken.ToImmutable(), missing.ToImmutable());

        void Add(string name, string? line, string why)
        {
            if (line is not null)
                why = set(line);
            if (line is not null && why.Length == 0)
                taken.Add(line);
            else
                missing.Add((name, why));
        }
    }
}
