using System.Collections.Immutable;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Processes;

/// <summary>One thing that could be: a khugepaged, and settings for it.</summary>
/// <param name="Name">What to call the settings.</param>
/// <param name="Version">The khugepaged.</param>
/// <param name="Settings">The settings.</param>
public sealed record WhatIfCase(string Name, KhugepagedVersion Version, ThpSettings Settings)
{
    /// <summary>The machine that it would be.</summary>
    public MachineType Machine { get; init; } = MachineType.X86;

    /// <summary>
    /// What one may want to know of every machine: each size alone, for every VMA, and all of them together, with no empty PTE
    /// allowed and with as many as can be.
    /// </summary>
    /// <param name="version">The khugepaged.</param>
    /// <param name="present">The machine's settings; those of swap, sharing and speed stay.</param>
    /// <param name="nameOf">What to call a size.</param>
    public static ImmutableArray<WhatIfCase> Usual(KhugepagedVersion version, ThpSettings present, Func<int, string> nameOf)
    {
        var cases = ImmutableArray.CreateBuilder<WhatIfCase>();
        var all = version.IsPmdOnly ? OrderSet.Of(present.Geometry.PmdOrder) : present.Geometry.AnonOrders;
        foreach (int none in new[] { 0, present.Geometry.MaxPtesLimit })
        {
            foreach (int order in all.Orders())
                Add(nameOf(order), OrderSet.Of(order));
            if (!version.IsPmdOnly)
                Add("all sizes", all);

            void Add(string name, OrderSet orders) =>
                cases.Add(new WhatIfCase(FormattableString.Invariant($"{name}, none {none}"), version,
                    present.WithSizes(orders, SizeEnabled.Always) with { MaxPtesNone = none }));
        }
        return cases.ToImmutable();
    }
}
