using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Collapse;

/// <summary>What khugepaged does with a PMD range that it comes to.</summary>
public interface IRangeVisitor
{
    /// <summary>Scans the range, and collapses what it can.</summary>
    /// <param name="mm">The process.</param>
    /// <param name="vma">The VMA that holds the range.</param>
    /// <param name="start">The range's first page.</param>
    /// <param name="kind">Who collapses.</param>
    /// <param name="progress">Grows by what counts towards pages_to_scan.</param>
    TableRun Run(AddressSpace mm, Vma vma, long start, CollapseKind kind, ref long progress);
}
