using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Processes;

/// <summary>Page tables, each kept once however often it is met: a large process is mostly alike.</summary>
internal sealed class AlikeTables
{
    private readonly HashSet<PageTable> _tables = [];

    /// <summary>The one that was met first.</summary>
    public PageTable First(PageTable table)
    {
        if (_tables.TryGetValue(table, out var known))
            return known;
        _tables.Add(table);
        return table;
    }
}
