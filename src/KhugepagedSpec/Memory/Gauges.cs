using System.Collections.Immutable;

namespace KhugepagedSpec.Memory;

/// <summary>
/// The per-size files of <c>hugepages-*kB/stats</c> that say how many folios there are now, and so fall again. Source: Linux 7.2,
/// <c>mm/rmap.c:folio_add_new_anon_rmap</c>, <c>mm/page_alloc.c:__free_pages_prepare</c>, <c>mm/huge_memory.c</c> (split and deferred
/// split).
/// </summary>
public enum MthpGauge
{
    /// <summary>nr_anon: anonymous folios of this size, from their first mapping until they are freed or split.</summary>
    NrAnon,

    /// <summary>nr_anon_partially_mapped: those on the deferred split list because only a part of them is mapped.</summary>
    NrAnonPartiallyMapped,
}

/// <summary>How many folios of each size there are.</summary>
public sealed class Gauges
{
    private const int Orders = 16;

    private static readonly ImmutableArray<string> Names = ["nr_anon", "nr_anon_partially_mapped"];

    private readonly long[] _values = new long[Names.Length * Orders];

    /// <summary>One gauge.</summary>
    public long this[MthpGauge gauge, int order] => _values[(int)gauge * Orders + order];

    /// <summary>The name of a gauge's file.</summary>
    public static string NameOf(MthpGauge gauge) => Names[(int)gauge];

    /// <summary>Reads the name of a gauge's file.</summary>
    /// <returns>False if it is none of this model.</returns>
    public static bool TryParse(string name, out MthpGauge gauge)
    {
        int index = Names.IndexOf(name);
        gauge = (MthpGauge)Math.Max(index, 0);
        return index >= 0;
    }

    /// <summary>Adds to a gauge, or takes off.</summary>
    public void Add(MthpGauge gauge, int order, long by) => _values[(int)gauge * Orders + order] += by;

    /// <summary>By how much each moved since <paramref name="earlier"/>.</summary>
    public Gauges Since(Gauges earlier)
    {
        var moved = new Gauges();
        for (int i = 0; i < _values.Length; i++)
            moved._values[i] = _values[i] - earlier._values[i];
        return moved;
    }

    /// <summary>Those that are not zero, by size then name, as <c>nr_anon.4=2</c>.</summary>
    public override string ToString() => string.Join(' ',
        from order in Enumerable.Range(0, Orders)
        from gauge in Enum.GetValues<MthpGauge>()
        where this[gauge, order] != 0
        select FormattableString.Invariant($"{NameOf(gauge)}.{order}={this[gauge, order]}"));
}
