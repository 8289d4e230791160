using KhugepagedSpec.Races.Trace;

namespace KhugepagedSpec.Races.Validation;

/// <summary>The tasks beside: each takes its next operation from the trace, and a process of the model that is free.</summary>
internal sealed class Tasks(RaceTrace trace, TraceModel model, CollapseAttempt attempt, Projection projection)
{
    private sealed record Running(Operation Operation, bool IsElsewhere, bool IsWhole)
    {
        public bool IsOver { get; set; }
    }

    private readonly Running?[] _running = new Running?[1 + TraceModel.Slots];

    private readonly Dictionary<int, Operation> _operationOf =
        projection.Operations.SelectMany(one => one.Events.Select(i => (i, one))).ToDictionary(pair => pair.i, pair => pair.one);

    /// <summary>An entry of the model holds what a PTE showed.</summary>
    public static bool Agrees(int holds, PteSeen seen) => seen switch
    {
        PteSeen.None => holds == Holds.None,
        PteSeen.Zero => holds == Holds.Zero,
        PteSeen.Page => holds is Holds.Source or Holds.Fresh or Holds.New,
        _ => holds is not (Holds.None or Holds.Zero or Holds.Source or Holds.Fresh or Holds.New),
    };

    /// <summary>The process that runs the operation of an event, begun if the event begins it; null if none is free.</summary>
    public int? Process(StateSet set, int i)
    {
        var operation = _operationOf[i];
        int running = Array.FindIndex(_running, each => ReferenceEquals(each?.Operation, operation));
        if (running > 0)
            return running;
        int free = Array.FindIndex(_running, 1, each => each is null || each.Operation.Pid == operation.Pid);
        if (free < 0)
            free = Array.FindIndex(_running, 1, each => each!.IsOver);
        if (free < 0)
            return null;
        if (_running[free] is { IsOver: false })
            set.Finish(free);
        var (kind, isElsewhere, entry) = projection.Told(operation);
        set.Begin(free, model.Of(kind, isElsewhere, free - 1, entry), entry ?? 0);
        _running[free] = new Running(operation with { Kind = kind }, isElsewhere, entry is null);
        foreach (int each in operation.Events)
            _operationOf[each] = _running[free]!.Operation;
        return free;
    }

    /// <summary>One event of a task.</summary>
    public void Observe(StateSet set, int process, TraceEvent one)
    {
        var running = _running[process]!;
        var operation = running.Operation;
        if (operation.Held is { } held && trace.All[held] == one)
        {
            set.Take(process, one.Name == "lvma_r" ? Mark.LockVma : Mark.LockMmap);
            if (operation.Kind == OperationKind.Look)
                Unlock(set, process, running);
            return;
        }
        if (operation.Kind == OperationKind.Look)
            return;
        switch (one.Name)
        {
            case "dap" or "dwp":
                set.HasLooked(process);
                break;
            case "pmdinst":
                set.Open(process, Mark.Fill);
                break;
            case "poml_r" when operation.Kind != OperationKind.DontNeed && one.Number("ptep") != 0:
                Touches(set, process, running, one);
                break;
            case "newrm":
                // The table's lock is held until behind it, so nobody sees whether it is set a little earlier.
                set.Demand(process, Mark.Map);
                break;
            case "hmf_r":
                End(set, process, running);
                break;
            case "zap":
                set.Open(process, Mark.Flush);
                set.Open(process, Mark.Clear);
                if (operation.FreesTable)
                    set.Open(process, Mark.Out);
                break;
            case "ptefree":
                set.Demand(process, Mark.Out);
                break;
            case "zap_r":
                set.Demand(process, Mark.Flush);
                End(set, process, running);
                break;
            case "mmap_lock_released":
                Unlock(set, process, running);
                break;
        }
    }

    private static void End(StateSet set, int process, Running running)
    {
        // The mmap lock says when it is dropped; a VMA's does not.
        if (running.Operation.Vma != 0)
            Unlock(set, process, running);
    }

    // States in which it keeps its lock a while longer allow others nothing more.
    private static void Unlock(StateSet set, int process, Running running)
    {
        if (!running.IsOver)
            set.Finish(process);
        running.IsOver = true;
    }

    // The table's lock is held from here on: the entry is what the event shows.
    private void Touches(StateSet set, int process, Running running, TraceEvent one)
    {
        var seen = PteValue.Of(one.Number("pte"));
        if (!running.IsElsewhere && attempt.PageOf(one.Number("addr")) is { } page)
        {
            var pte = model.State[page].Pte;
            set.Keep(state => Agrees(model.State.Layout.Get(state, pte), seen));
        }
        bool isNoMatter = running.IsElsewhere && running.Operation.Kind == OperationKind.ReadFault;
        if ((seen is PteSeen.None or PteSeen.Zero) && !isNoMatter)
            set.Open(process, Mark.Map);
    }
}
