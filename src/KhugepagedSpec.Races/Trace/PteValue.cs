namespace KhugepagedSpec.Races.Trace;

/// <summary>What the value of a PTE shows.</summary>
public enum PteSeen
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>The zero page.</summary>
    Zero,

    /// <summary>A page.</summary>
    Page,

    /// <summary>Something that is not present: swapped out, migrating, a marker.</summary>
    Absent,
}

/// <summary>PTE values of x86-64. Source: the layout of x86-64 page table entries.</summary>
internal static class PteValue
{
    private const long Present = 1 << 0, Write = 1 << 1, Special = 1 << 9, ProtNone = 1 << 8, UffdWp = 1 << 10;

    /// <summary>A value that shows this.</summary>
    public static long Of(PteSeen seen) => seen == PteSeen.Page ? Present | Write : 0;

    /// <summary>A page may be written.</summary>
    public static bool IsWritable(long value) => (value & Write) != 0;

    /// <summary>A page is write-protected by userfaultfd.</summary>
    public static bool IsUffdWp(long value) => (value & UffdWp) != 0;

    /// <summary>What a value shows. Of anonymous memory the zero page alone is mapped as special.</summary>
    public static PteSeen Of(long value) =>
        value == 0 ? PteSeen.None
        : (value & (Present | ProtNone)) == 0 ? PteSeen.Absent
        : (value & Special) != 0 ? PteSeen.Zero : PteSeen.Page;
}
