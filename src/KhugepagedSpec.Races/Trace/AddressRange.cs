namespace KhugepagedSpec.Races.Trace;

/// <summary>A range of addresses of one process.</summary>
/// <param name="Start">Its first byte.</param>
/// <param name="Size">In bytes.</param>
public readonly record struct AddressRange(long Start, long Size)
{
    /// <summary>The first byte after it.</summary>
    public long End => Start + Size;

    /// <summary>An address is in it.</summary>
    public bool Contains(long address) => Start <= address && address < End;

    /// <summary>All of another range is in it.</summary>
    public bool Contains(AddressRange other) => Start <= other.Start && other.End <= End;

    /// <summary>They have a byte in common.</summary>
    public bool Overlaps(AddressRange other) => Start < other.End && other.Start < End;
}
