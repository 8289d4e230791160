using System.Collections.Immutable;
using KhugepagedSpec.Races.Trace;
using KhugepagedSpec.Results;
using ModelChecker.Guarded;

namespace KhugepagedSpec.Races.Validation;

/// <summary>An attempt held against the model, some pages of its window told.</summary>
internal sealed class AttemptRun(RaceTrace trace, TraceModel model, TraceCollapser collapser, HashSet<Mark> shown, CollapseAttempt attempt,
    Projection projection, ImmutableArray<int> pages, CancellationToken stop)
{
    private readonly SharedState _s = model.State;
    private readonly Collapser _c = collapser.Own;
    private readonly string? _status = attempt.Status(trace);
    private readonly Group _group = new(trace, attempt, projection, pages);
    private readonly bool _mayBeArmed = trace.HasRole(Roles.Userfaultfd);
    private Tasks? _tasks;
    private long? _firstPtep;
    private int _page, _copied, _emptyElsewhere;

    /// <summary>Goes through the observations, all or up to one of them, where it tells what could follow.</summary>
    public Judgement Judge(int? until = null)
    {
        _tasks = new Tasks(trace, model, attempt, projection, _group);
        var set = new StateSet(_s, collapser.Program, shown, _group.Begin(_s, collapser), _group.Window, Validator.MostStates);
        _tasks.BeginChild(set);
        var observed = ImmutableArray.CreateBuilder<int>();
        foreach (int i in projection.Events)
        {
            stop.ThrowIfCancellationRequested();
            var one = trace.All[i];
            if (i == until)
            {
                set.Close();
                int process = one.Pid == attempt.Pid ? 0 : _tasks.ProcessOf(i);
                return new Judgement(attempt, Verdict.Refused) { Had = [.. set.StepsOf(process)] };
            }
            if (one.Pid == attempt.Pid)
                OfCollapser(set, one);
            else if (!_tasks.Observe(set, i))
                return NotJudged($"more than {TraceModel.Slots} tasks in the middle of something at once", set);
            if (set.IsTooLarge)
                return NotJudged($"more than {Validator.MostStates} states at once", set);
            if (set.IsEmpty)
                return new Judgement(attempt, Verdict.Refused)
                {
                    At = i,
                    Before = observed.Count > 0 ? observed[^1] : null,
                    Had = new AttemptRun(trace, model, collapser, shown, attempt, projection, pages, stop).Judge(i).Had,
                    Observed = observed.ToImmutable(),
                    States = set.Most,
                    Pages = _group.IsAll ? [] : _group.Pages,
                };
            observed.Add(i);
        }
        return new Judgement(attempt, Verdict.Path) { Observed = observed.ToImmutable(), States = set.Most };
    }

    private Judgement NotJudged(string why, StateSet set) => new(attempt, Verdict.NotJudged) { Reason = why, States = set.Most };

    private int Get(PackedState state, Variable variable) => _s.Layout.Get(state, variable);

    private bool Succeeds(PackedState state) => Get(state, _c.Result) == (int)ScanResult.Succeed;

    private string ResultOf(PackedState state) => ((ScanResult)Get(state, _c.Result)).TraceName();

    // An event of entry opens a step, that of return demands it; what is logged with the lock held is taken at once.
    private void OfCollapser(StateSet set, TraceEvent one)
    {
        switch (one.Name)
        {
            case "mmap_lock_acquire_returned" when one.Is("success"):
                set.Take(0, one.Is("write") ? Mark.MmapWrite : Mark.MmapRead);
                break;
            case "mmap_lock_released" when !one.Is("write"):
                set.Open(0, Mark.MmapReadUnlock);
                break;
            case "mmap_lock_released":
                set.DemandIfOpen(0, Mark.PmdFill);
                set.DemandIfOpen(0, Mark.PtesSet);
                set.DemandIfOpen(0, Mark.PmdMap);
                set.Open(0, Mark.MmapWriteUnlock);
                break;
            case "reval":
                if (UnlessTold.OfVma(_s, _status, _mayBeArmed) is { Length: > 0 } found)
                    set.Allow(found.AsSpan());
                set.Open(0, Mark.Reval);
                break;
            case "reval_r":
                set.Demand(0, Mark.Reval);
                set.Keep(state => Succeeds(state) == (one.Number("result") == 1));
                break;
            case "vsw":
                set.Open(0, Mark.VmaKeep, Mark.VmaWait);
                break;
            case "vsw_r":
                set.Demand(0, Mark.VmaWait);
                break;
            case "pmdchk":
                set.Take(0, Mark.PmdCheck);
                set.Keep(state => Succeeds(state) == (one.Number("result") == 1));
                break;
            case "anonw":
                set.Open(0, Mark.AnonLock);
                break;
            case "anonw_r":
                set.Demand(0, Mark.AnonLock);
                break;
            case "pcf":
                set.Keep(state => Get(state, _s.Pmd) == PmdHolds.Table);
                set.Open(0, Mark.PmdClear, Mark.PmdFlush);
                break;
            case "pcf_r":
                set.Demand(0, Mark.PmdClear);
                set.Demand(0, Mark.PmdFlush);
                break;
            case "sync":
                set.Open(0, Mark.Sync);
                break;
            case "sync_r":
                set.Demand(0, Mark.Sync);
                break;
            case "isoptl":
                set.Take(0, Mark.TableLock);
                AllowReferences(set);
                break;
            case "iso":
                Isolate(set, one);
                break;
            case "isol" when _group.EntryOf(_page) is not null:
                set.Open(0, Mark.Take);
                break;
            case "mm_collapse_huge_page_isolate":
                set.DemandIfOpen(0, Mark.Take);
                set.Keep(state => ResultOf(state) == one.Value("status")
                    && (!Succeeds(state) || Get(state, _c.NoneCount) + _emptyElsewhere == one.Number("none_or_zero")));
                if (_group.EntryOf(projection.Failing) is { } failing
                    && UnlessTold.OfPageLater(_s[failing], _status) is { Length: > 0 } later)
                    set.Allow(later.AsSpan());
                if (UnlessTold.OfVmaLater(_s, _status) is { Length: > 0 } disarmed)
                    set.Allow(disarmed.AsSpan());
                break;
            default:
                OfInstall(set, one);
                break;
        }
    }

    private void OfInstall(StateSet set, TraceEvent one)
    {
        switch (one.Name)
        {
            case "copy":
                if (_group.EntryOf(_copied++) is not null)
                    set.Take(0, Mark.Copy);
                if (_copied == 1 << attempt.Order)
                    set.Open(0, Mark.Source);
                break;
            case "relsrc":
                set.Open(0, Mark.Source);
                break;
            case "pmdpop" or "pmdback":
                set.Open(0, Mark.PmdFill);
                break;
            case "mappmd":
                set.Open(0, Mark.PmdMap);
                break;
            case "mappte":
                set.DemandIfOpen(0, Mark.PmdFill);
                set.Open(0, Mark.PtesSet);
                break;
            case "chp_r":
                set.Keep(state => StateSet.LocationOf(state, collapser.Program) == collapser.End
                    && ResultOf(state) == (_status ?? ResultOf(state)));
                break;
        }
    }

    // Who used a page when is hidden, and so are pages that are left out.
    private void AllowReferences(StateSet set)
    {
        if (UnlessTold.IsOfReferences(_status))
            set.Allow([.. _s.Entries.Select(entry => (entry.Young, 0))]);
        else if (!_group.IsAll)
            set.Allow((_c.Referenced, 1));
    }

    private void Isolate(StateSet set, TraceEvent one)
    {
        set.DemandIfOpen(0, Mark.Take);
        _firstPtep ??= one.Number("ptep");
        _page = (int)((one.Number("ptep") - _firstPtep.Value) / sizeof(ulong));
        var seen = PteValue.Of(one.Number("pte"));
        if (_group.EntryOf(_page) is not { } entry)
        {
            _emptyElsewhere += seen is PteSeen.None or PteSeen.Zero ? 1 : 0;
            return;
        }
        var source = collapser.Program.Source;
        set.Keep(state => Tasks.Agrees(Get(state, _s[entry].Pte), seen) && source.Steps[StateSet.LocationOf(state, collapser.Program)]
            .Any(step => step.Meaning is Means { Mark: Mark.Isolate } looks && looks.Entry == entry));
        if (_page == projection.Failing && seen == PteSeen.Page && UnlessTold.OfPage(_s, _s[entry], _status) is { Length: > 0 } may)
            set.Allow(may.AsSpan());
        // Of a limit that all of a table counts for, what is told is a part.
        if (_page == projection.Failing && projection.IsPmd && UnlessTold.IsOfNone(_status))
            set.Allow((_s.MaxPtesNone, _group.Pages.Count(page => page < _page && projection.Seen.TryGetValue(page, out var before)
                && before is PteSeen.None or PteSeen.Zero)));
        set.Take(0, Mark.Isolate);
        if (seen == PteSeen.Page && projection.IsOfTakenFolio(_page))
            set.Open(0, Mark.Take);
    }
}
