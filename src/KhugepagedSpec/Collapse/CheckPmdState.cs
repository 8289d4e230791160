using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;

namespace KhugepagedSpec.Collapse;

/// <summary>
/// What a PMD entry means for collapse. Source: Linux 7.2, <c>mm/khugepaged.c:check_pmd_state</c>, <c>find_pmd_or_thp_or_none</c>,
/// <c>check_pmd_still_valid</c>.
/// </summary>
internal static class CheckPmdState
{
    /// <summary>One that migrates will map a huge page again; any other that is not present is no table.</summary>
    public static ScanResult Of(PmdState pmd) => pmd switch
    {
        PmdState.Table => ScanResult.Succeed,
        PmdState.None or PmdState.DevicePrivate => ScanResult.NoPteTable,
        _ => ScanResult.PmdMapped,
    };

    /// <summary>The entry again, once a lock was dropped: the table must be there, and be the one that was scanned.</summary>
    /// <param name="machine">The machine; an injected fault puts another table there.</param>
    /// <param name="mm">The process.</param>
    /// <param name="start">The PMD range's first page.</param>
    /// <param name="order">The window's order.</param>
    /// <param name="offset">The window's first PTE.</param>
    public static ScanResult IsStillValid(Machine machine, AddressSpace mm, long start, int order, int offset)
    {
        var result = Of(mm.TableAt(start).Pmd);
        if (result != ScanResult.Succeed)
            return result;
        return machine.Script.Injects(InjectedFault.TableReplaced, order, offset, Gap.BeforeWrite) ? ScanResult.Fail : ScanResult.Succeed;
    }
}
