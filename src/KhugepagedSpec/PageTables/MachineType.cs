using System.Collections.Immutable;

namespace KhugepagedSpec.PageTables;

/// <summary>
/// What of collapse differs by machine, whatever the version: pages, page tables, and who shares accessed and dirty bits. Source:
/// Linux 7.2, <c>arch/arm64/mm/contpte.c:contpte_ptep_get</c>, <c>__contpte_try_fold</c>; arch/arm64/Kconfig (ARM64_CONT_PTE_SHIFT).
/// </summary>
public sealed record MachineType
{
    /// <summary>x86-64: what is meant where nothing is said. Each PTE has bits of its own.</summary>
    public static MachineType X86 { get; } = new() { Name = "x86-64", Processor = "x86_64", PageKilobytes = 4, Geometry = Geometry.X86 };

    /// <summary>arm64 with 4K pages: 16 PTEs share their bits.</summary>
    public static MachineType Arm64With4K { get; } = Arm64("arm64-4k", 4, new Geometry(9), 4);

    /// <summary>arm64 with 16K pages: 128 PTEs share their bits.</summary>
    public static MachineType Arm64With16K { get; } = Arm64("arm64-16k", 16, new Geometry(11), 7);

    /// <summary>arm64 with 64K pages: 32 PTEs share their bits.</summary>
    public static MachineType Arm64With64K { get; } = Arm64("arm64-64k", 64, new Geometry(13), 5);

    /// <summary>All of them.</summary>
    public static ImmutableArray<MachineType> All { get; } = [X86, Arm64With4K, Arm64With16K, Arm64With64K];

    /// <summary>What it is called.</summary>
    public required string Name { get; init; }

    /// <summary>What uname calls its processor.</summary>
    public required string Processor { get; init; }

    /// <summary>The size of a base page: 4, 16 or 64.</summary>
    public required int PageKilobytes { get; init; }

    /// <summary>The bytes of a base page.</summary>
    public long PageBytes => PageKilobytes * 1024L;

    /// <summary>Its page tables.</summary>
    public required Geometry Geometry { get; init; }

    /// <summary>
    /// The order of the aligned blocks of PTEs that share accessed and dirty bits where one folio maps all of the block in a row
    /// (contiguous PTEs); 0 if none do.
    /// </summary>
    public int SharedBitsOrder { get; init; }

    /// <summary>
    /// The highest order that swap-in may ask for: a cluster of swap slots holds no more. Where swap is not made for THP, that is all but
    /// 4K pages, a cluster has 256 slots, and a fault that finds more in a row fails: there is no smaller try. Source: Linux 7.2,
    /// <c>mm/swap.h:SWAPFILE_CLUSTER</c>, <c>mm/swap_state.c:swap_cache_alloc_folio</c>. Seen on 7.2.13 with 16K pages.
    /// </summary>
    public int SwapClusterOrder => PageKilobytes == 4 ? Geometry.PmdOrder : 8;

    /// <summary>The one of that name; null if there is none.</summary>
    public static MachineType? Find(string name) => All.FirstOrDefault(machine => machine.Name == name);

    /// <inheritdoc/>
    public override string ToString() => Name;

    private static MachineType Arm64(string name, int pageKilobytes, Geometry geometry, int sharedBitsOrder) => new()
    {
        Name = name,
        Processor = "aarch64",
        PageKilobytes = pageKilobytes,
        Geometry = geometry,
        SharedBitsOrder = sharedBitsOrder,
    };
}
