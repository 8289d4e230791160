using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Collapse;

/// <summary>
/// Takes every page of a window off its LRU list, checking each again under the write lock: the scan may be long ago.
/// Source: Linux 7.2, <c>mm/khugepaged.c:__collapse_huge_page_isolate</c>, <c>release_pte_pages</c>.
/// </summary>
internal ref struct Isolation(Machine machine, Vma vma, CollapseKind kind, int offset, int order)
{
    private readonly CollapseLimits _limits = new(machine.Settings, kind, machine.Version.NoneLimit);
    private readonly IsolationRule _rule = machine.Version.Isolation;
    private List<int>? _largeFolios;
    private int _noneOrZero, _shared, _referenced, _lastPfn = -1, _ksmPage = -1;
    private bool _tookOne, _isWritable;

    private readonly bool IsKhugepaged => kind == CollapseKind.Khugepaged;

    private readonly bool IsPmdOrder => order == machine.Geometry.PmdOrder;

    /// <summary>Isolates the window. After a failure everything is put back.</summary>
    public ScanResult Run(Span<Pte> window, out IsolateReport report)
    {
        int maxNone = _limits.MaxNone(order, _rule.SeesVma ? vma : null);
        int maxShared = _limits.MaxShared(order, _rule.Shared);
        var result = ScanResult.Succeed;
        int index = 0;
        for (; index < window.Length && result == ScanResult.Succeed; index++)
            result = Take(window[index], maxNone, maxShared);
        int taken = result == ScanResult.Succeed ? index : index - 1;
        if (result == ScanResult.Succeed && machine.Version.NeedsWritablePte && !_isWritable)
            result = ScanResult.PageRo;
        if (result == ScanResult.Succeed && IsKhugepaged && _referenced == 0 && Minds(ScanResult.LackReferencedPage))
            result = ScanResult.LackReferencedPage;
        if (result != ScanResult.Succeed)
            PutBack(window[..taken]);
        machine.Trace?.Add(new TraceEvent.Isolate(_lastPfn, _noneOrZero, _referenced, result, order, _isWritable));
        report = new IsolateReport(_noneOrZero, _referenced);
        return result;
    }

    /// <summary>
    /// Puts the pages of <paramref name="taken"/> back on the LRU, small ones last to first, then large folios. They pass
    /// through the per-CPU batch, which holds on to the small ones.
    /// </summary>
    public readonly void PutBack(ReadOnlySpan<Pte> taken)
    {
        if (!machine.Version.LruPutbackIsBatched)
            return;
        for (int i = taken.Length - 1; i >= 0; i--)
            if (taken[i].Kind == PteKind.Page && machine.Memory.FolioOf(taken[i].Pfn).Order == 0)
                machine.LruBatch.Add(taken[i].Pfn, isLarge: false);
        foreach (int head in _largeFolios ?? [])
            machine.LruBatch.Add(head, isLarge: true);
    }

    private ScanResult Take(Pte pte, int maxNone, int maxShared)
    {
        if (pte.IsNoneOrZero)
            return ++_noneOrZero > maxNone && Minds(ScanResult.ExceedNonePte) ? Exceeded(ScanResult.ExceedNonePte) : ScanResult.Succeed;
        if (!pte.IsPresent)
            return ScanResult.PteNonPresent;
        if (pte.IsUffdWp && Minds(ScanResult.PteUffdWp))
            return ScanResult.PteUffdWp;
        if (pte.Kind != PteKind.Page)
            return ScanResult.PageNull;
        int head = machine.Memory.HeadOf(pte.Pfn);
        ref var folio = ref machine.Memory.FolioOf(pte.Pfn);
        _lastPfn = head;
        if (PageState.IsProtectedLazyFree(folio, pte, vma, kind) && Minds(ScanResult.PageLazyFree))
            return ScanResult.PageLazyFree;
        if (folio.MaybeMappedShared && ++_shared > maxShared && Minds(ScanResult.ExceedSharedPte))
            return Exceeded(ScanResult.ExceedSharedPte);
        if (!IsPmdOrder && folio.Order >= order && Minds(ScanResult.PteMappedHugepage))
            return ScanResult.PteMappedHugepage;
        if (folio.Order == 0 || _largeFolios is null || !_largeFolios.Contains(head))
        {
            var result = TakeFolio(folio, pte.Pfn, head);
            if (result != ScanResult.Succeed)
                return result;
        }
        _isWritable |= PageState.IsWritable(folio, pte, vma);
        if (IsKhugepaged && PageState.IsReferenced(folio, pte))
            _referenced++;
        return ScanResult.Succeed;
    }

    private ScanResult TakeFolio(in Folio folio, int pfn, int head)
    {
        bool isFirst = !_tookOne;
        _tookOne = true;
        if ((folio.Has(FolioFlags.Locked) || head == _ksmPage || (isFirst && Strikes(Mishap.PageLocked))) && Minds(ScanResult.PageLock))
            return ScanResult.PageLock;
        if (PageState.HasExtraReference(machine, pfn) && Minds(ScanResult.PageCount))
            return ScanResult.PageCount;
        if ((folio.Has(FolioFlags.OffLru) || (isFirst && Strikes(Mishap.PageOffLru))) && Minds(ScanResult.DelPageLru))
            return ScanResult.DelPageLru;
        if (folio.Order > 0)
            (_largeFolios ??= []).Add(head);

        // A small page that is mapped twice in the window is locked when it is met again: by this attempt.
        if (folio.Has(FolioFlags.Ksm))
            _ksmPage = head;
        return ScanResult.Succeed;
    }

    private readonly ScanResult Exceeded(ScanResult result)
    {
        ExceedStatistics.Count(machine, result, order);
        return result;
    }

    private readonly bool Minds(ScanResult result) => !_rule.Forgets.Contains(result);

    private readonly bool Strikes(Mishap what) => !machine.Script.IsEmpty && machine.Script.Strikes(what, order, offset);
}
