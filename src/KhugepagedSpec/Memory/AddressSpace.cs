using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Memory;

/// <summary>How a process refuses THP (<c>prctl(PR_SET_THP_DISABLE)</c>).</summary>
public enum ThpDisable
{
    /// <summary>It does not.</summary>
    No,

    /// <summary>All THP.</summary>
    Completely,

    /// <summary>All THP but in VMAs that asked for it.</summary>
    ExceptAdvised,
}

/// <summary>One process: its VMAs, sorted and disjoint, and the page tables below its PMD entries (<c>struct mm_struct</c>).</summary>
public sealed class AddressSpace
{
    private readonly Geometry _geometry;
    private readonly List<Vma> _vmas = [];
    private readonly Dictionary<long, PteTable> _tables = [];
    private (long Pmd, PteTable? Table) _lastTable;
    private long[]? _pmds;

    /// <summary>Makes a process without memory.</summary>
    /// <param name="geometry">The geometry of its tables.</param>
    /// <param name="id">A number that tells it from others, 1 or more.</param>
    public AddressSpace(Geometry geometry, int id)
    {
        _geometry = geometry;
        Id = id;
    }

    /// <summary>Tells the process from others, 1 or more.</summary>
    public int Id { get; }

    /// <summary>khugepaged knows it and visits it (<c>MMF_VM_HUGEPAGE</c>).</summary>
    public bool IsRegistered { get; internal set; }

    /// <summary>Each time the kernel asked whether to register it.</summary>
    public List<RegistrationCall> RegistrationCalls { get; } = [];

    /// <summary>How it refuses THP.</summary>
    public ThpDisable ThpDisable { get; set; }

    /// <summary>It is exiting: no user is left (<c>mm_users</c> is 0).</summary>
    public bool IsExiting { get; set; }

    /// <summary>A writer holds its mmap lock: a trylock fails.</summary>
    public bool IsMmapLocked { get; set; }

    /// <summary>How collapse holds its mmap lock.</summary>
    internal MmapLock MmapLock { get; } = new();

    /// <summary>Its VMAs, ascending.</summary>
    public IReadOnlyList<Vma> Vmas => _vmas;

    /// <summary>The PMD entries looked at so far.</summary>
    public IEnumerable<PteTable> Tables => _tables.Values;

    /// <summary>Adds a VMA above all others.</summary>
    /// <exception cref="ArgumentException">It is empty or begins below the end of the last one.</exception>
    public void Add(Vma vma)
    {
        if (vma.Start >= vma.End || (_vmas.Count > 0 && vma.Start < _vmas[^1].End))
            throw new ArgumentException($"VMA [{vma.Start}, {vma.End}) is empty or begins below the end of the last one", nameof(vma));
        _vmas.Add(vma);
    }

    /// <summary>Puts VMAs, or none, in the place of <paramref name="vma"/>.</summary>
    public void Replace(Vma vma, params ReadOnlySpan<Vma> parts)
    {
        int index = _vmas.IndexOf(vma);
        _vmas.RemoveAt(index);
        _vmas.InsertRange(index, parts);
    }

    /// <summary>The first VMA that ends after <paramref name="page"/> (<c>find_vma()</c>), or null.</summary>
    public Vma? FindVma(long page)
    {
        foreach (var vma in _vmas)
            if (vma.End > page)
                return vma;
        return null;
    }

    /// <summary>The PMD entry over <paramref name="page"/>; made, empty, on first sight.</summary>
    public PteTable TableAt(long page)
    {
        long pmd = page >> _geometry.PmdOrder;
        if (_lastTable.Table is { } last && _lastTable.Pmd == pmd)
            return last;
        if (!_tables.TryGetValue(pmd, out var table))
        {
            _tables.Add(pmd, table = new PteTable(_geometry));
            _pmds = null;
        }
        _lastTable = (pmd, table);
        return table;
    }

    /// <summary>The first page at or above a given one whose PMD entry was looked at or filled; null if there is none.</summary>
    public long? NextEntry(long page)
    {
        _pmds ??= [.. _tables.Keys.Order()];
        int at = Array.BinarySearch(_pmds, page >> _geometry.PmdOrder);
        at = at < 0 ? ~at : at;
        return at < _pmds.Length ? Math.Max(page, _pmds[at] << _geometry.PmdOrder) : null;
    }
}
