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
    private NoneRule _noneRule;
    private Refusal? _why;

    private readonly bool IsKhugepaged => kind == CollapseKind.Khugepaged;

    private readonly bool IsPmdOrder => order == machine.Geometry.PmdOrder;

    /// <summary>What ended it; null after success.</summary>
    public readonly Refusal? Why => _why;

    /// <summary>Isolates the window. After a failure everything is put back.</summary>
    public ScanResult Run(Span<Pte> window, out IsolateReport report)
    {
        int maxNone = _limits.MaxNone(order, _rule.SeesVma ? vma : null);
        _noneRule = _rule.SeesVma && vma.IsUffdArmed ? NoneRule.Uffd : IsPmdOrder ? NoneRule.Sysctl : NoneRule.BelowPmd;
        int maxShared = _limits.MaxShared(order, _rule.Shared);
        var result = ScanResult.Succeed;
        int index = 0;
        for (; index < window.Length && result == ScanResult.Succeed; index++)
            result = Take(window[index], offset + index, maxNone, maxShared);
        int taken = result == ScanResult.Succeed ? index : index - 1;
        if (result == ScanResult.Succeed && machine.Version.NeedsWritablePte && !_isWritable)
            result = Refused(
                ScanResult.PageRo, new Refusal(RefusalStep.Isolation, RefusalCause.NoneWritable, -1, window.Length - _noneOrZero, window.Length));
        if (result == ScanResult.Succeed && IsKhugepaged && _referenced == 0 && Minds(ScanResult.LackReferencedPage))
            result = Refused(
                ScanResult.LackReferencedPage, new Refusal(RefusalStep.Isolation, RefusalCause.TooFewReferenced, -1, _referenced, 1));
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

    private ScanResult Take(Pte pte, int index, int maxNone, int maxShared)
    {
        if (pte.IsNoneOrZero)
            return ++_noneOrZero > maxNone && Minds(ScanResult.ExceedNonePte)
                ? Exceeded(ScanResult.ExceedNonePte, pte, index, RefusalCause.TooManyNone, _noneOrZero, maxNone)
                : ScanResult.Succeed;
        if (!pte.IsPresent)
            return Refused(ScanResult.PteNonPresent, pte, index, RefusalCause.NotPresent);
        if (pte.IsUffdWp && Minds(ScanResult.PteUffdWp))
            return Refused(ScanResult.PteUffdWp, pte, index, RefusalCause.UffdWp);
        if (pte.Kind != PteKind.Page)
            return Refused(ScanResult.PageNull, pte, index, RefusalCause.NoPage);
        int head = machine.Memory.HeadOf(pte.Pfn);
        ref var folio = ref machine.Memory.FolioOf(pte.Pfn);
        _lastPfn = head;
        if (PageState.IsProtectedLazyFree(folio, pte, vma, kind) && Minds(ScanResult.PageLazyFree))
            return Refused(ScanResult.PageLazyFree, pte, index, RefusalCause.LazyFree);
        if (folio.MaybeMappedShared && ++_shared > maxShared && Minds(ScanResult.ExceedSharedPte))
            return Exceeded(ScanResult.ExceedSharedPte, pte, index, RefusalCause.TooManyShared, _shared, maxShared);
        if (!IsPmdOrder && folio.Order >= order && Minds(ScanResult.PteMappedHugepage))
            return Refused(ScanResult.PteMappedHugepage, pte, index, RefusalCause.LargeFolio, folio.Order, order);
        if (folio.Order == 0 || _largeFolios is null || !_largeFolios.Contains(head))
        {
            var result = TakeFolio(folio, pte, index, head);
            if (result != ScanResult.Succeed)
                return result;
        }
        _isWritable |= PageState.IsWritable(folio, pte, vma);
        if (IsKhugepaged && PageState.IsReferenced(folio, pte))
            _referenced++;
        return ScanResult.Succeed;
    }

    private ScanResult TakeFolio(in Folio folio, Pte pte, int index, int head)
    {
        bool isFirst = !_tookOne;
        _tookOne = true;
        if ((folio.Has(FolioFlags.Locked) || head == _ksmPage || (isFirst && Strikes(Mishap.PageLocked))) && Minds(ScanResult.PageLock))
            return Refused(ScanResult.PageLock, pte, index, head == _ksmPage ? RefusalCause.LockedByItself : RefusalCause.Locked);
        if (PageState.HasExtraReference(machine, pte.Pfn) && Minds(ScanResult.PageCount))
            return Refused(ScanResult.PageCount, PageState.ExtraReference(machine, pte.Pfn, RefusalStep.Isolation, index));
        if ((folio.Has(FolioFlags.OffLru) || (isFirst && Strikes(Mishap.PageOffLru))) && Minds(ScanResult.DelPageLru))
            return Refused(ScanResult.DelPageLru, pte, index, RefusalCause.OffLru);
        if (folio.Order > 0)
            (_largeFolios ??= []).Add(head);

        // A small page that is mapped twice in the window is locked when it is met again: by this attempt.
        if (folio.Has(FolioFlags.Ksm))
            _ksmPage = head;
        return ScanResult.Succeed;
    }

    private ScanResult Exceeded(ScanResult result, Pte pte, int index, RefusalCause cause, int found, int limit)
    {
        ExceedStatistics.Count(machine, result, order);
        return Refused(result, pte, index, cause, found, limit);
    }

    private ScanResult Refused(ScanResult result, Pte pte, int index, RefusalCause cause, int found = 0, int limit = 0) =>
        Refused(result, new Refusal(RefusalStep.Isolation, cause, index, found, limit) { Kind = pte.Kind, Rule = _noneRule });

    private ScanResult Refused(ScanResult result, Refusal why)
    {
        _why = why;
        return result;
    }

    private readonly bool Minds(ScanResult result) => !_rule.Forgets.Contains(result);

    private readonly bool Strikes(Mishap what) => !machine.Script.IsEmpty && machine.Script.Strikes(what, order, offset);
}
