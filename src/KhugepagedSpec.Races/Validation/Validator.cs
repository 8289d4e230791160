using System.Collections.Immutable;
using KhugepagedSpec.Races.Trace;
using KhugepagedSpec.Results;
using ModelChecker.Guarded;

namespace KhugepagedSpec.Races.Validation;

/// <summary>
/// Holds a recorded attempt against the interleaving model: it keeps the set of all states that agree with the observations so far.
/// Steps that the trace does not show may be taken at any time.
/// </summary>
public sealed class Validator
{
    /// <summary>States at once, beyond which an attempt is not judged.</summary>
    public const int MostStates = 20_000;

    private readonly RaceTrace _trace;
    private readonly TraceModel _model;
    private readonly HashSet<Mark> _shown;

    /// <summary>Prepares the judging of a trace.</summary>
    /// <param name="trace">The trace.</param>
    /// <param name="protocol">What collapse is held against.</param>
    public Validator(RaceTrace trace, CollapseProtocol protocol) =>
        (_trace, _model, _shown) = (trace, new TraceModel(protocol), Marks.ShownBy(trace.Probes));

    /// <summary>Judges one attempt of the trace.</summary>
    public Judgement Judge(CollapseAttempt attempt)
    {
        var projection = new Projection(_trace, attempt);
        string? reason = _trace.NotJudged ?? (_model.Collapser is null ? "the model has no such order" : projection.CannotBe);
        return reason is not null ? new Judgement(attempt, Verdict.NotJudged) { Reason = reason }
            : new Run(_trace, _model, _shown, attempt, projection).Judge();
    }

    private sealed class Run(RaceTrace trace, TraceModel model, HashSet<Mark> shown, CollapseAttempt attempt, Projection projection)
    {
        private readonly SharedState _s = model.State;
        private readonly string? _status = attempt.Status(trace);
        private readonly Tasks _tasks = new(trace, model, attempt, projection);
        private long? _firstPtep;

        /// <summary>Goes through the observations, all or up to one of them, where it tells what could follow.</summary>
        public Judgement Judge(int? until = null)
        {
            var set = new StateSet(_s, model.Collapser!, shown, projection.Begin(_s, model.Collapser!), MostStates);
            var observed = ImmutableArray.CreateBuilder<int>();
            foreach (int i in projection.Events)
            {
                var one = trace.All[i];
                int process = 0;
                if (one.Pid != attempt.Pid)
                {
                    if (_tasks.Process(set, i) is not { } found)
                        return NotJudged($"more than {TraceModel.Slots} tasks with a lock at once", set);
                    process = found;
                }
                if (i == until)
                    return new Judgement(attempt, Verdict.Refused) { Had = [.. set.StepsOf(process)] };
                if (process == 0)
                    OfCollapser(set, one);
                else
                    _tasks.Observe(set, process, one);
                if (set.IsTooLarge)
                    return NotJudged($"more than {MostStates} states at once", set);
                if (set.IsEmpty)
                    return new Judgement(attempt, Verdict.Refused)
                    {
                        At = i,
                        Before = observed.Count > 0 ? observed[^1] : null,
                        Had = new Run(trace, model, shown, attempt, projection).Judge(i).Had,
                        Observed = observed.ToImmutable(),
                        States = set.Most,
                        Actors = Actors(),
                    };
                observed.Add(i);
            }
            return new Judgement(attempt, Verdict.Path) { Observed = observed.ToImmutable(), States = set.Most, Actors = Actors() };
        }

        private Judgement NotJudged(string why, StateSet set) =>
            new(attempt, Verdict.NotJudged) { Reason = why, States = set.Most, Actors = Actors() };

        private Dictionary<string, int> Actors()
        {
            var actors = projection.Operations.Where(one => attempt.Company.Contains(one)).GroupBy(one => one.Actor ?? "look")
                .ToDictionary(group => group.Key, group => group.Count(), StringComparer.Ordinal);
            if (UnlessTold.IsOfSettings(_status))
                actors["settings"] = 1;
            return actors;
        }

        private int Get(PackedState state, Variable variable) => _s.Layout.Get(state, variable);

        private bool Succeeds(PackedState state) => Get(state, _s.Khugepaged.Result) == (int)ScanResult.Succeed;

        private string ResultOf(PackedState state) => ((ScanResult)Get(state, _s.Khugepaged.Result)).TraceName();

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
                    set.Open(0, Mark.MmapWriteUnlock);
                    break;
                case "reval":
                    if (UnlessTold.IsOfSettings(_status))
                        set.Allow(_s.SmallEnabled, 0);
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
                    break;
                case "iso":
                    Isolate(set, one);
                    break;
                case "isol":
                    set.Open(0, Mark.Take);
                    break;
                case "mm_collapse_huge_page_isolate":
                    set.DemandIfOpen(0, Mark.Take);
                    set.Keep(state => ResultOf(state) == one.Value("status")
                        && (!Succeeds(state) || Get(state, _s.Khugepaged.NoneCount) == one.Number("none_or_zero")));
                    break;
                case "copy":
                    set.Take(0, Mark.Copy);
                    break;
                case "relsrc":
                    set.Open(0, Mark.Source);
                    break;
                case "pmdpop" or "pmdback":
                    set.Open(0, Mark.PmdFill);
                    break;
                case "mappte":
                    set.DemandIfOpen(0, Mark.PmdFill);
                    set.Open(0, Mark.PtesSet);
                    break;
                case "chp_r":
                    var collapser = model.Collapser!;
                    set.Keep(state =>
                        StateSet.LocationOf(state, collapser) == model.End && ResultOf(state) == (_status ?? ResultOf(state)));
                    break;
            }
        }

        private void Isolate(StateSet set, TraceEvent one)
        {
            set.DemandIfOpen(0, Mark.Take);
            _firstPtep ??= one.Number("ptep");
            int entry = (int)((one.Number("ptep") - _firstPtep.Value) / sizeof(ulong));
            var seen = PteValue.Of(one.Number("pte"));
            var collapser = model.Collapser!;
            string looks = FormattableString.Invariant($"looks at entry {entry}");
            set.Keep(state => collapser.Source.Steps[StateSet.LocationOf(state, collapser)].Any(step => step.Says == looks)
                && Tasks.Agrees(Get(state, _s[entry].Pte), seen));
            set.Take(0, Mark.Isolate);
        }
    }
}
