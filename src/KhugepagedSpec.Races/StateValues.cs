namespace KhugepagedSpec.Races;

/// <summary>What an entry of the table holds.</summary>
internal static class Holds
{
    public const int None = 0, Zero = 1, Source = 2, Fresh = 3, New = 4, Swap = 5, Migration = 6, HwPoison = 7, Guard = 8, WpMarker = 9,
        Special = 10;

    public static readonly string[] Names =
        ["none", "zero page", "source", "fresh", "collapsed", "swap", "migration", "hwpoison", "guard", "uffd-wp marker", "special"];
}

/// <summary>What the PMD entry holds.</summary>
internal static class PmdHolds
{
    public const int None = 0, Table = 1, Huge = 2, OtherTable = 3, Migration = 4;

    public static readonly string[] Names = ["none", "table", "huge", "another table", "migration"];
}

/// <summary>What a CPU's paging-structure cache remembers of the PMD entry.</summary>
internal static class CachedIs
{
    public const int Nothing = 0, Table = 1, LostTable = 2;

    public static readonly string[] Names = ["nothing", "the table", "a table that was taken out"];
}

/// <summary>The page table that a process has taken out of the PMD entry, and is to free.</summary>
internal static class Taken
{
    public const int No = 0, Out = 1, OutAndFlushed = 2;

    public static readonly string[] Names = ["no", "taken out", "taken out, and CPUs have forgotten it"];
}

/// <summary>Which VMA covers the range.</summary>
internal static class VmaIs
{
    public const int Gone = 0, First = 1, Merged = 2, Anonymous = 3, File = 4;

    public static readonly string[] Names = ["gone", "first", "merged", "new anonymous", "file"];
}

/// <summary>What a page holds.</summary>
internal static class Contents
{
    public const int Zero = 0, Old = 1, Written = 2;

    public static readonly string[] Names = ["zero", "old", "written"];
}
