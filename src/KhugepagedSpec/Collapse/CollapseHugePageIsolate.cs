using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Results;
using KhugepagedSpec.Settings;

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
    private int _maxPtesNone, _maxPtesShared, _mappedOrder, _noneOrZero, _zeroFilled, _shared, _referenced, _lastPfn = -1, _ksmPage = -1;
    private bool _tookOne, _isWritable;
    private NoneRule _noneRule;
    private Refusal? _why;

    private readonly bool IsPmdOrder => order == machine.Geometry.PmdOrder;

    /// <summary>What ended it; null after success.</summary>
    public readonly Refusal? Why => _why;

    /// <summary>Isolates the window. After a failure everything is put back.</summary>
    /// <param name="table">The whole table.</param>
    /// <param name="report">What was counted.</param>
    public ScanResult Run(ReadOnlySpan<Pte> table, out IsolateReport report)
    {
        var window = table.Slice(offset, 1 << order);
        var limits = new CollapseMaxPtes(machine.Settings, kind, _version);
        _maxPtesNone = _sight.MostOf(Limits.MaxPtesNone, limits.None(order, _sight.Vma ? null : vma));
        _noneRule = !_sight.Vma && _version.KeepsHolesOf(vma) ? NoneRule.Uffd : IsPmdOrder ? NoneRule.Sysctl : NoneRule.BelowPmd;
        _maxPtesShared = _sight.MostOf(Limits.MaxPtesShared, limits.Shared(order, _version.SharedBelowPmd));
        _mappedOrder = _sight.MostOf(Limits.MappedOrder, order);
        var result = ScanResult.Succeed;
        int index = 0;
        for (; index < window.Length; index++)
        {
            result = Take(_sight.See(SharedBits.Get(machine, table, offset + index)), offset + index);
            if (result != ScanResult.Succeed)
                break;
        }
        if (result == ScanResult.Succeed && _version.NeedsWritablePte && !_isWritable)
            result = Refused(
                ScanResult.PageRo, new Refusal(RefusalStep.Isolation, RefusalCause.NoneWritable, -1, window.Length - _noneOrZero,
                    window.Length));
        if (result == ScanResult.Succeed && kind == CollapseKind.Khugepaged && _referenced < _sight.LeastOf(Limits.Referenced, 1))
            result = Refused(
                ScanResult.LackReferencedPage, new Refusal(RefusalStep.Isolation, RefusalCause.TooFewReferenced, -1, _referenced, 1));
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

    private ScanResult Take(Pte pte, int index)
    {
        if (pte.IsNoneOrZero)
            return ++_noneOrZero + _zeroFilled > _maxPtesNone ? TooManyNone(pte, index) : ScanResult.Succeed;
        if (!pte.IsPresent)
            return Refused(ScanResult.PteNonPresent, pte, index, RefusalCause.NotPresent);
        if (pte.IsUffdWp)
            return Refused(ScanResult.PteUffdWp, pte, index, RefusalCause.UffdWp);
        if (pte.Kind != PteKind.Page)
            return Refused(ScanResult.PageNull, pte, index, RefusalCause.NoPage);
        int head = machine.Memory.HeadOf(pte.Pfn);
        ref var folio = ref machine.Memory.FolioOf(pte.Pfn);
        _lastPfn = head;
        if (_version.HasLazyFreeRule && PageTests.IsLazyFree(_sight.See(folio.Flags), pte, vma, kind))
            return Refused(ScanResult.PageLazyFree, pte, index, RefusalCause.LazyFree);
        // A scan that goes on has let it pass.
        if (_version.Scan.LeavesOddPtesOut && folio.Has(FolioFlags.NotAnon))
            return Refused(ScanResult.PageAnon, pte, index, RefusalCause.NotAnon);
        KernelAssert.BugOn(folio.Has(FolioFlags.NotAnon));
        if (folio.MaybeMappedShared && ++_shared > _maxPtesShared)
            return Exceeded(ScanResult.ExceedSharedPte, pte, index, RefusalCause.TooManyShared, _shared, _maxPtesShared);
        if (_version.CountsZeroFilledAsNone && PageTests.IsZeroFilled(machine, pte) && _noneOrZero + ++_zeroFilled > _maxPtesNone)
            return TooManyNone(pte, index);
        if (!IsPmdOrder && folio.Order >= _mappedOrder)
            return Refused(ScanResult.PteMappedHugepage, pte, index, RefusalCause.LargeFolio, folio.Order, order);
        if (folio.Order == 0 || _compoundPagelist is null || !_compoundPagelist.Contains(head))
        {
            var result = LockAndIsolate(folio, pte, index, head);
            if (result != ScanResult.Succeed)
                return result;
        }
        _isWritable |= PageTests.IsWritable(folio, pte, vma);
        if (kind == CollapseKind.Khugepaged && PageTests.IsReferenced(folio, pte))
            _referenced++;
        return ScanResult.Succeed;
    }

    private ScanResult LockAndIsolate(in Folio folio, Pte pte, int index, int head)
    {
        var flags = folio.Flags;

        // A small page that is mapped twice in the window is locked when it is met again: by this attempt.
        bool isFirst = !_tookOne;
        _tookOne = true;
        if (head == _ksmPage || (isFirst && !folio.Has(FolioFlags.Locked)
            && machine.Script.Injects(InjectedFault.PageLocked, order, offset)))
            flags |= FolioFlags.Locked;
        if ((_sight.See(flags) & FolioFlags.Locked) != 0)
            return Refused(ScanResult.PageLock, pte, index, head == _ksmPage ? RefusalCause.LockedByItself : RefusalCause.Locked);
        if (!_sight.References && PageTests.HasUnexpectedReference(machine, pte.Pfn))
            return Refused(ScanResult.PageCount, PageTests.UnexpectedReference(machine, pte.Pfn, RefusalStep.Isolation, index));
        if (folio.Has(FolioFlags.OffLru) || (isFirst && machine.Script.Injects(InjectedFault.PageOffLru, order, offset)))
            return Refused(ScanResult.DelPageLru, pte, index, RefusalCause.OffLru);
        if (folio.Order > 0)
            (_compoundPagelist ??= []).Add(head);
        if (folio.Has(FolioFlags.Ksm))
            _ksmPage = head;
        return ScanResult.Succeed;
    }

    private ScanResult TooManyNone(Pte pte, int index) =>
        Exceeded(ScanResult.ExceedNonePte, pte, index, RefusalCause.TooManyNone, _noneOrZero + _zeroFilled, _maxPtesNone);

    private ScanResult Exceeded(ScanResult limit, Pte pte, int index, RefusalCause cause, int found, int most) =>
        Refused(CollapseCounters.Exceeded(machine, limit, order), pte, index, cause, found, most);

    private ScanResult Refused(ScanResult result, Pte pte, int index, RefusalCause cause, int found = 0, int limit = 0) =>
        Refused(result, new Refusal(RefusalStep.Isolation, cause, index, found, limit) { Kind = pte.Kind, Rule = _noneRule });

    private ScanResult Refused(ScanResult result, Refusal why)
    {
        _why = why;
        return result;
    }
}
