using KhugepagedSpec.Memory;
using KhugepagedSpec.Mistakes;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Collapse;

/// <summary>
/// Takes every page of a window off its LRU list, checking each again under the write lock: the scan may be long ago.
/// Source: Linux 7.2, <c>mm/khugepaged.c:__collapse_huge_page_isolate</c>, <c>release_pte_pages</c>.
/// </summary>
/// <param name="machine">The machine.</param>
/// <param name="vma">The VMA.</param>
/// <param name="kind">Who collapses.</param>
/// <param name="offset">The window's first PTE.</param>
/// <param name="order">The window's order.</param>
internal ref struct CollapseHugePageIsolate(Machine machine, Vma vma, CollapseKind kind, int offset, int order)
{
    private readonly KhugepagedVersion _version = machine.Version;
    private readonly Blindness _sight = machine.Version.BlindAtIsolation;
    private List<int>? _compoundPagelist;
    private int _maxPtesNone, _maxPtesShared, _mappedOrder, _noneOrZero, _shared, _referenced, _lastPfn = -1, _ksmPage = -1;
    private bool _tookOne, _isWritable;

    private readonly bool IsPmdOrder => order == machine.Geometry.PmdOrder;

    /// <summary>Isolates the window. After a failure everything is put back.</summary>
    /// <param name="window">The window.</param>
    /// <param name="report">What was counted.</param>
    public ScanResult Run(ReadOnlySpan<Pte> window, out IsolateReport report)
    {
        var limits = new CollapseMaxPtes(machine.Settings, kind, _version.NoneLimit);
        _maxPtesNone = _sight.MostOf(Limits.MaxPtesNone, limits.None(order, _sight.Vma ? null : vma));
        _maxPtesShared = _sight.MostOf(Limits.MaxPtesShared, limits.Shared(order, _version.SharedBelowPmd));
        _mappedOrder = _sight.MostOf(Limits.MappedOrder, order);
        var result = ScanResult.Succeed;
        int index = 0;
        for (; index < window.Length; index++)
        {
            result = Take(_sight.See(window[index]));
            if (result != ScanResult.Succeed)
                break;
        }
        if (result == ScanResult.Succeed && _version.NeedsWritablePte && !_isWritable)
            result = ScanResult.PageRo;
        if (result == ScanResult.Succeed && kind == CollapseKind.Khugepaged && _referenced < _sight.LeastOf(Limits.Referenced, 1))
            result = ScanResult.LackReferencedPage;
        if (result != ScanResult.Succeed)
            ReleasePtePages(window[..index]);
        machine.Trace?.Add(new TraceEvent.Isolate(_lastPfn, _noneOrZero, _referenced, result, order, _isWritable));
        report = new IsolateReport(_noneOrZero, _referenced);
        return result;
    }

    /// <summary>
    /// Puts the pages of <paramref name="taken"/> back on the LRU, small ones last to first, then large folios. They pass
    /// through the per-CPU batch, which holds on to the small ones.
    /// </summary>
    public readonly void ReleasePtePages(ReadOnlySpan<Pte> taken)
    {
        if (!_version.LruPutbackIsBatched)
            return;
        for (int i = taken.Length - 1; i >= 0; i--)
        {
            if (taken[i].IsNoneOrZero)
                continue;
            KernelAssert.BugOn(!taken[i].IsPresent);
            if (machine.Memory.FolioOf(taken[i].Pfn).Order == 0)
                machine.LruBatch.Add(taken[i].Pfn, isLarge: false);
        }
        foreach (int head in _compoundPagelist ?? [])
            machine.LruBatch.Add(head, isLarge: true);
    }

    private ScanResult Take(Pte pte)
    {
        if (pte.IsNoneOrZero)
            return ++_noneOrZero > _maxPtesNone ? CollapseCounters.Exceeded(machine, ScanResult.ExceedNonePte, order) : ScanResult.Succeed;
        if (!pte.IsPresent)
            return ScanResult.PteNonPresent;
        if (pte.IsUffdWp)
            return ScanResult.PteUffdWp;
        if (pte.Kind != PteKind.Page)
            return ScanResult.PageNull;
        int head = machine.Memory.HeadOf(pte.Pfn);
        ref var folio = ref machine.Memory.FolioOf(pte.Pfn);
        _lastPfn = head;
        if (_version.HasLazyFreeRule && PageTests.IsLazyFree(_sight.See(folio.Flags), pte, vma, kind))
            return ScanResult.PageLazyFree;
        KernelAssert.BugOn(folio.Has(FolioFlags.NotAnon));
        if (folio.MaybeMappedShared && ++_shared > _maxPtesShared)
            return CollapseCounters.Exceeded(machine, ScanResult.ExceedSharedPte, order);
        if (!IsPmdOrder && folio.Order >= _mappedOrder)
            return ScanResult.PteMappedHugepage;
        if (folio.Order == 0 || _compoundPagelist is null || !_compoundPagelist.Contains(head))
        {
            var result = LockAndIsolate(folio, pte.Pfn, head);
            if (result != ScanResult.Succeed)
                return result;
        }
        _isWritable |= PageTests.IsWritable(folio, pte, vma);
        if (kind == CollapseKind.Khugepaged && PageTests.IsReferenced(folio, pte))
            _referenced++;
        return ScanResult.Succeed;
    }

    private ScanResult LockAndIsolate(in Folio folio, int pfn, int head)
    {
        var flags = folio.Flags;

        // A small page that is mapped twice in the window is locked when it is met again: by this attempt.
        bool isFirst = !_tookOne;
        _tookOne = true;
        if (head == _ksmPage || (isFirst && !folio.Has(FolioFlags.Locked) && machine.Script.Strikes(Mishap.PageLocked, order, offset)))
            flags |= FolioFlags.Locked;
        if ((_sight.See(flags) & FolioFlags.Locked) != 0)
            return ScanResult.PageLock;
        if (!_sight.References && PageTests.HasUnexpectedReference(machine, pfn))
            return ScanResult.PageCount;
        if (folio.Has(FolioFlags.OffLru) || (isFirst && machine.Script.Strikes(Mishap.PageOffLru, order, offset)))
            return ScanResult.DelPageLru;
        if (folio.Order > 0)
            (_compoundPagelist ??= []).Add(head);
        if (folio.Has(FolioFlags.Ksm))
            _ksmPage = head;
        return ScanResult.Succeed;
    }
}
