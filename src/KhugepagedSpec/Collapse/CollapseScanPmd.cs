using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Policies;
using KhugepagedSpec.Results;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Walk;

namespace KhugepagedSpec.Collapse;

/// <summary>
/// One look at every PTE of a PMD range, under the mmap read lock. The first odd PTE ends it, for every order.
/// Source: Linux 7.2, <c>mm/khugepaged.c:collapse_scan_pmd</c>.
/// </summary>
internal static class CollapseScanPmd
{
    /// <summary>Scans a range.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="mm">The process.</param>
    /// <param name="vma">The VMA that holds the whole range.</param>
    /// <param name="start">The range's first page.</param>
    /// <param name="kind">Who asks.</param>
    /// <param name="occupancy">Filled in: the PTEs that collapse could use.</param>
    /// <param name="progress">Grows by one per PTE looked at, or by one if there was no table.</param>
    public static ScanReport Run(Machine machine, AddressSpace mm, Vma vma, long start, CollapseKind kind, Occupancy occupancy,
        ref long progress)
    {
        KernelAssert.BugOn(start != machine.Geometry.RangeStart(start));
        var table = mm.TableAt(start);
        if (table.Pmd != PmdState.Table)
        {
            progress++;
            return new ScanReport(CheckPmdState.Of(table.Pmd)) { Why = new(RefusalStep.Scan, RefusalCause.NoTable, Found: (int)table.Pmd) };
        }
        occupancy.Clear();
        // Sysfs may have changed since the VMA was looked at; up to 7.1 the scan does not ask again.
        var enabled = machine.Version.IsPmdOnly ? OrderSet.Of(machine.Geometry.PmdOrder)
            : Eligibility.PossibleOrders(machine, mm, vma, kind);
        long covered = Math.Min(vma.End, start + machine.Geometry.Pages) - Math.Max(vma.Start, start);
        KernelAssert.BugOn(covered < machine.Geometry.Pages && !machine.Version.TakesSmallerExtents);
        var scan = new Ptes(machine, vma, kind, enabled, covered, stackalloc int[machine.Numa.Nodes]);
        var ptes = table.Ptes;
        int first = (int)Math.Max(vma.Start - start, 0), end = (int)Math.Min(vma.End - start, ptes.Length);
        for (int i = first; i < end; i++)
        {
            progress++;
            if (machine.Version.Scan.OccupancyIsByChunk)
                scan.EndChunk(i, occupancy);
            var result = scan.Look(SharedBits.Get(machine, ptes, i), i, occupancy);
            if (result != ScanResult.Succeed && !scan.GoesOn(result, i, occupancy))
                return scan.Report(result) with { EndedAt = i };
        }
        var verdict = scan.Verdict(ptes);
        return scan.Report(scan.GoesOn(verdict, -1, occupancy) ? scan.WithoutPmd() : verdict);
    }

    private ref struct Ptes
    {
        private readonly Machine _machine;
        private readonly Vma _vma;
        private readonly CollapseKind _kind;
        private readonly OrderSet _enabled;
        private readonly int _maxNone, _maxSwap, _maxShared;
        private ScanResult? _pmdRefused;
        private readonly Span<int> _nodeLoad;
        private readonly ScanRule _rule;
        private readonly Blindness _sight;
        private readonly NoneRule _noneRule;
        private bool _isWritable;
        private int _noneOrZero, _zeroFilled, _unmapped, _shared, _referenced, _noneAtChunkStart;
        private int _lastPfn = -1;
        private Refusal? _why;

        public Ptes(Machine machine, Vma vma, CollapseKind kind, OrderSet enabled, long covered, Span<int> nodeLoad)
        {
            _machine = machine;
            _vma = vma;
            _kind = kind;
            _enabled = enabled;
            int pmdOrder = machine.Geometry.PmdOrder;
            var limits = new CollapseMaxPtes(machine.Settings, kind, machine.Version);
            _rule = machine.Version.Scan;
            _sight = machine.Version.BlindAtScan;
            bool isRelaxed = _rule.RelaxesNoneLimit && enabled != OrderSet.Of(pmdOrder);
            bool isKept = (!isRelaxed || _rule.EndsAtUffdHoles) && machine.Version.KeepsHolesOf(vma);
            _noneRule = isKept ? NoneRule.Uffd : isRelaxed ? NoneRule.Relaxed : NoneRule.Sysctl;
            _maxNone = !isRelaxed ? limits.None(pmdOrder, vma)
                : isKept ? 0
                : machine.Geometry.MaxPtesLimit;
            // Of a range that is looked at in part the limits are that part's.
            _maxSwap = _sight.MostOf(Limits.MaxPtesSwap, (int)(limits.Swap(pmdOrder) * covered / machine.Geometry.Pages));
            _maxShared = _sight.MostOf(Limits.MaxPtesShared, (int)(limits.Shared(pmdOrder) * covered / machine.Geometry.Pages));
            if (covered < machine.Geometry.Pages)
                _pmdRefused = ScanResult.AddressRange;
            _nodeLoad = nodeLoad;
            _nodeLoad.Clear();
        }

        private readonly bool IsKhugepaged => _kind == CollapseKind.Khugepaged;

        // v5 judges a chunk when the next one starts, and notes the verdict on the next one.
        public void EndChunk(int index, Occupancy occupancy)
        {
            const int chunkOrder = Geometry.MinOrder;
            if ((index & ((1 << chunkOrder) - 1)) != 0)
                return;
            if (_noneOrZero - _noneAtChunkStart <= _machine.Settings.MaxPtesNone >> (_machine.Geometry.PmdOrder - chunkOrder))
                occupancy.Set(index >> chunkOrder);
            _noneAtChunkStart = _noneOrZero;
        }

        public ScanResult Look(Pte pte, int index, Occupancy occupancy)
        {
            pte = _sight.See(pte);
            if (pte.IsNoneOrZero)
            {
                _noneOrZero++;
                return OrTooManyNone(pte, index);
            }
            if (!pte.IsPresent)
            {
                if (_rule.EndsAtNonSwapEntries && _machine.Version.IsRefusedNonSwap(pte.Kind))
                    return Refused(ScanResult.PteNonPresent, pte, index, RefusalCause.NoSwapEntry);
                if (++_unmapped > _maxSwap)
                    return Exceeded(ScanResult.ExceedSwapPte, pte, index, RefusalCause.TooManySwap, _unmapped, _maxSwap);
                return pte.Kind == PteKind.UffdWpMarker || pte.IsUffdWp
                    ? Refused(ScanResult.PteUffdWp, pte, index, RefusalCause.UffdWp)
                    : ScanResult.Succeed;
            }
            if (pte.IsUffdWp)
                return Refused(ScanResult.PteUffdWp, pte, index, RefusalCause.UffdWp);
            if (pte.Kind != PteKind.Page)
                return Refused(ScanResult.PageNull, pte, index, RefusalCause.NoPage);
            ref var folio = ref _machine.Memory.FolioOf(pte.Pfn);
            _lastPfn = _machine.Memory.HeadOf(pte.Pfn);
            _isWritable |= PageTests.IsWritable(folio, pte, _vma);
            var flags = _sight.See(folio.Flags);
            if (_machine.Version.HasLazyFreeRule && PageTests.IsLazyFree(flags, pte, _vma, _kind))
                return Refused(ScanResult.PageLazyFree, pte, index, RefusalCause.LazyFree);
            if (folio.Has(FolioFlags.NotAnon))
                return Refused(ScanResult.PageAnon, pte, index, RefusalCause.NotAnon);
            if (folio.MaybeMappedShared && ++_shared > _maxShared)
                return Exceeded(ScanResult.ExceedSharedPte, pte, index, RefusalCause.TooManyShared, _shared, _maxShared);
            if (_machine.Version.CountsZeroFilledAsNone && PageTests.IsZeroFilled(_machine, pte))
            {
                _zeroFilled++;
                if (OrTooManyNone(pte, index) is var result and not ScanResult.Succeed)
                    return result;
            }
            else if (!_rule.OccupancyIsByChunk)
                occupancy.Set(index);
            if (TooFarFrom(folio.Node) is { } other)
                return Refused(ScanResult.ScanAbort, pte, index, RefusalCause.TooFar, folio.Node, other);
            _nodeLoad[folio.Node]++;
            if ((flags & FolioFlags.OffLru) != 0)
                return Refused(ScanResult.PageLru, pte, index, RefusalCause.OffLru);
            if ((flags & FolioFlags.Locked) != 0)
                return Refused(ScanResult.PageLock, pte, index, RefusalCause.Locked);
            if (!_sight.References && !_rule.LeavesReferencesToTheAttempt && PageTests.HasUnexpectedReference(_machine, pte.Pfn))
                return Refused(ScanResult.PageCount, PageTests.UnexpectedReference(_machine, pte.Pfn, RefusalStep.Scan, index));
            if (IsKhugepaged && PageTests.IsReferenced(folio, pte))
                _referenced++;
            return ScanResult.Succeed;
        }

        private ScanResult OrTooManyNone(Pte pte, int index) =>
            _noneOrZero + _zeroFilled is var none && none > _maxNone && !(_rule.LeavesOddPtesOut && _pmdRefused is not null)
                ? Exceeded(ScanResult.ExceedNonePte, pte, index, RefusalCause.TooManyNone, none, _maxNone)
                : ScanResult.Succeed;

        // What refuses the whole table: what no single PTE is the cause of, and what would have to be done to it first.
        private static readonly ResultSet RefusesAll = ResultSet.Of(ScanResult.ExceedSwapPte, ScanResult.ExceedSharedPte,
            ScanResult.ScanAbort);

        // rounds: the PTE is left out, and the PMD's order goes; the first reason is remembered.
        public bool GoesOn(ScanResult result, int index, Occupancy occupancy)
        {
            if (!_rule.LeavesOddPtesOut || RefusesAll.Contains(result))
                return false;
            if (result == ScanResult.Succeed)
                return true;
            _pmdRefused ??= result;
            if (index >= 0)
                occupancy.Clear(index);
            return true;
        }

        // With no other order left the reason is the scan's.
        public readonly ScanResult WithoutPmd() => _pmdRefused is { } reason && Enabled.IsEmpty ? reason : ScanResult.Succeed;

        private readonly OrderSet Enabled =>
            _pmdRefused is null ? _enabled : _enabled.Without(_machine.Geometry.PmdOrder);

        // A range that is hardly used is left alone; one that would need swap-in must be used by half.
        public ScanResult Verdict(ReadOnlySpan<Pte> ptes)
        {
            if (_machine.Version.NeedsWritablePte && !_isWritable)
                return Refused(
                    ScanResult.PageRo, new Refusal(RefusalStep.Scan, RefusalCause.NoneWritable, -1, ptes.Length - _noneOrZero - _unmapped,
                        ptes.Length));
            int needed = _unmapped > 0 ? _machine.Geometry.Pages / 2 : 1;
            if (!IsKhugepaged || _referenced >= needed)
                return ScanResult.Succeed;
            int entry = _unmapped > 0 ? FirstUnmapped(ptes) : -1;
            return Refused(ScanResult.LackReferencedPage,
                new Refusal(RefusalStep.Scan, RefusalCause.TooFewReferenced, entry, _referenced, needed)
                {
                    Kind = entry < 0 ? PteKind.None : ptes[entry].Kind,
                });
        }

        private static int FirstUnmapped(ReadOnlySpan<Pte> ptes)
        {
            for (int i = 0; i < ptes.Length; i++)
                if (!ptes[i].IsNoneOrZero && !ptes[i].IsPresent)
                    return i;
            return -1;
        }

        public readonly ScanReport Report(ScanResult result)
        {
            // collapse_find_target_node
            int node = 0;
            for (int i = 1; i < _nodeLoad.Length; i++)
                if (_nodeLoad[i] > _nodeLoad[node])
                    node = i;
            return new ScanReport(result, Enabled, _noneOrZero, _unmapped, _shared, _referenced, _lastPfn, node)
            {
                IsWritable = _isWritable,
                PmdRefused = _pmdRefused,
                Why = _why,
            };
        }

        private ScanResult Exceeded(ScanResult limit, Pte pte, int index, RefusalCause cause, int found, int most) =>
            Refused(CollapseCounters.Exceeded(_machine, limit, _machine.Geometry.PmdOrder), pte, index, cause, found, most);

        private ScanResult Refused(ScanResult result, Pte pte, int index, RefusalCause cause, int found = 0, int limit = 0) =>
            Refused(result, new Refusal(RefusalStep.Scan, cause, index, found, limit) { Kind = pte.Kind, Rule = _noneRule });

        private ScanResult Refused(ScanResult result, Refusal why)
        {
            _why = why;
            return result;
        }

        // collapse_scan_abort: nodes already met are fine; a new one must not be too far from any met so far.
        private readonly int? TooFarFrom(int node)
        {
            if (!_machine.Numa.NodeReclaim || _nodeLoad[node] > 0)
                return null;
            for (int other = 0; other < _nodeLoad.Length; other++)
                if (_nodeLoad[other] > 0 && _machine.Numa.TooFar(node, other))
                    return other;
            return null;
        }
    }
}
