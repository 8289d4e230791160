using KhugepagedSpec.Races.Trace;

namespace KhugepagedSpec.Races.Validation;

/// <summary>The tasks beside: each takes its next operation from the trace, and processes of the model that are free.</summary>
internal sealed class Tasks
{
    private sealed record Running(Operation? Operation, Part Part)
    {
        public bool IsOver { get; set; }

        /// <summary>What it gives up just now is none of the pages told.</summary>
        public bool IsBeside { get; set; }
    }

    private readonly RaceTrace _trace;
    private readonly TraceModel _model;
    private readonly CollapseAttempt _attempt;
    private readonly Projection _projection;
    private readonly Group _group;
    private readonly Running?[] _running = new Running?[1 + TraceModel.Slots];
    private readonly Dictionary<int, Operation> _operationOf;
    private readonly HashSet<Operation> _begun = new(ReferenceEqualityComparer.Instance);

    public Tasks(RaceTrace trace, TraceModel model, CollapseAttempt attempt, Projection projection, Group group)
    {
        (_trace, _model, _attempt, _projection, _group) = (trace, model, attempt, projection, group);
        _operationOf = projection.Operations.SelectMany(one => one.Events.Select(i => (i, one)))
            .ToDictionary(pair => pair.i, pair => pair.one);
    }

    /// <summary>An entry of the model holds what a PTE showed.</summary>
    public static bool Agrees(int holds, PteSeen seen) => seen switch
    {
        PteSeen.None => holds == Holds.None,
        PteSeen.Zero => holds == Holds.Zero,
        PteSeen.Page => holds is Holds.Source or Holds.Fresh or Holds.New,
        _ => holds is not (Holds.None or Holds.Zero or Holds.Source or Holds.Fresh or Holds.New),
    };

    /// <summary>Children that share pages from now on let them go when they like.</summary>
    public void BeginChild(StateSet set)
    {
        if (_projection.IsForked)
            Begin(set, TraceModel.Slots, null, new Part(PartKind.Child, 0, (1 << _group.Window) - 1));
    }

    /// <summary>One event of a task: its operation begins with it, or goes on.</summary>
    /// <returns>False if no process of the model is free for it.</returns>
    public bool Observe(StateSet set, int i)
    {
        if (!_operationOf.TryGetValue(i, out var operation))
        {
            set.Open(TraceModel.Slots, Mark.Unmap);
            return true;
        }
        if (_begun.Add(operation) && !Begin(set, operation))
            return false;
        var one = _trace.All[i];
        for (int process = 1; process < _running.Length; process++)
            if (_running[process] is { } running && ReferenceEquals(running.Operation, operation))
                Observe(set, process, running, one, i);
        return true;
    }

    /// <summary>The process that tells most of an event's task; 0 if none runs for it.</summary>
    public int ProcessOf(int i) => _operationOf.TryGetValue(i, out var operation)
        ? Math.Max(0, Array.FindIndex(_running, each => ReferenceEquals(each?.Operation, operation))) : 0;

    private bool Begin(StateSet set, Operation operation)
    {
        for (int process = 1; process < _running.Length; process++)
            if (_running[process] is { IsOver: false } before && before.Operation?.Pid == operation.Pid)
                End(set, process, before);
        foreach (var part in _group.Parts(operation))
        {
            int free = Array.FindIndex(_running, 1, each => each is null);
            if (free < 0)
                free = Array.FindIndex(_running, 1, each => each is { IsOver: true } && !IsOfPage(each.Part));
            if (free < 0)
                free = Array.FindIndex(_running, 1, each => each!.IsOver);
            if (free < 0)
                return false;
            if (_running[free] is { } old && IsOfPage(old.Part))
                set.Finish(free);
            Begin(set, free, operation, part);
            if (_projection.IsUnderOtherVma(operation) && !IsOfPage(part))
                set.BeginUnderOtherVma(free);
        }
        return true;
    }

    private void Begin(StateSet set, int process, Operation? operation, Part part)
    {
        set.Begin(process, _model.Of(part, process - 1), part.Entry);
        _running[process] = new Running(operation, part);
    }

    private static bool IsOfPage(Part part) => part.Kind is PartKind.Rmap or PartKind.Split or PartKind.GupRead or PartKind.GupWrite;

    private void Observe(StateSet set, int process, Running running, TraceEvent one, int i)
    {
        var operation = running.Operation!;
        if (one.Name == "pmdinst")
            set.Open(process, Mark.Fill);
        if (running.Part.Kind == PartKind.Rmap)
            OfPage(set, process, running, one);
        else if (IsOfPage(running.Part))
            OfWalk(set, process, running, one);
        else if (operation.Held == i)
            Held(set, process, running, one, _projection.IsUnderOtherVma(operation));
        else if (operation.Released == i)
            Unlock(set, process, running);
        else if (running.Part.Kind is PartKind.Fault or PartKind.Touch)
            OfFault(set, process, running, one);
        else if (running.Part.Kind == PartKind.DontNeed)
            OfZap(set, process, running, one);
        if (operation.Last == i)
            End(set, process, running);
    }

    private static void Held(StateSet set, int process, Running running, TraceEvent one, bool isOther)
    {
        if (one.Name != "lvma_r")
            set.Take(process, Mark.LockMmap);
        else if (!isOther)
            set.Take(process, Mark.LockVma);
        var operation = running.Operation!;
        if (running.Part.Kind == PartKind.Look)
            Unlock(set, process, running);
        if (operation.FreesTable)
            set.Open(process, Mark.Out);
        // When a VMA's lock is dropped nothing says, unless a fault returns with it.
        if (operation.Vma != 0 && !operation.ReturnsWithLock)
            set.Open(process, Mark.Unlock);
        if (operation.MovesTables || operation.Kind == OperationKind.Collapse)
            set.Open(process, Mark.Move);
    }

    private void OfFault(StateSet set, int process, Running running, TraceEvent one)
    {
        switch (one.Name)
        {
            case "dap" or "dwp":
                set.HasLooked(process);
                break;
            case "dsp" or "mappmd":
                set.Open(process, Mark.Map);
                break;
            case "poml_r" when one.Number("ptep") != 0:
                Touches(set, process, one);
                break;
            case "newrm":
                // The table's lock is held until behind it, so nobody sees whether it is set a little earlier.
                set.DemandIfOpen(process, Mark.Map);
                break;
            case "hmf_r":
                if (running.Operation!.Vma != 0)
                    Unlock(set, process, running);
                break;
        }
    }

    private void OfZap(StateSet set, int process, Running running, TraceEvent one)
    {
        if (one.Name == "zap")
            running.IsBeside = !running.Part.IsWhole && _group.Zapped(Operations.Zap(one)) == 0;
        if (running.IsBeside)
            return;
        switch (one.Name)
        {
            case "zap":
                set.Open(process, Mark.Flush, Mark.Clear);
                if (running.Operation!.FreesTable)
                    set.Open(process, Mark.Out);
                break;
            case "ptefree":
                set.Demand(process, Mark.Out);
                break;
            case "zap_r":
                set.Demand(process, Mark.Flush);
                // The mmap lock says when it is dropped; a VMA's does not.
                if (running.Operation!.Vma != 0)
                    Unlock(set, process, running);
                break;
        }
    }

    private void OfPage(StateSet set, int process, Running running, TraceEvent one)
    {
        if (one.Name is not ("ttu1" or "ttm1" or "rmp"))
            return;
        long at = one.Number("addr"), address = _attempt.AddressOf(_group.PageOf(running.Part.Entry));
        if (!running.Operation!.ByMappings.Any(page => page.Address == at && page.Range.Contains(address)))
            return;
        // The walk has the anon_vma lock.
        set.Take(process, Mark.RmapLock);
        set.Open(process, one.Name == "rmp" ? Mark.Remap : Mark.Unmap);
    }

    private static void OfWalk(StateSet set, int process, Running running, TraceEvent one)
    {
        if (one.Name == "grab")
            set.Open(process, Mark.Grab);
        else if (one.Name == "grab_r" && running.Operation!.Size == CollapseAttempt.PageSize && one.Number("folio") != 0)
            set.Demand(process, Mark.Grab);
    }

    // What is by page keeps the page as long as it likes; whose lock it is under has dropped it.
    private static void End(StateSet set, int process, Running running)
    {
        if (IsOfPage(running.Part))
            running.IsOver = true;
        else
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
    private void Touches(StateSet set, int process, TraceEvent one)
    {
        var seen = PteValue.Of(one.Number("pte"));
        if (_group.EntryAt(one.Number("addr")) is { } entry)
        {
            var pte = _model.State[entry].Pte;
            set.Keep(state => Agrees(_model.State.Layout.Get(state, pte), seen));
        }
        if (seen is PteSeen.None or PteSeen.Zero || one.IsIn("do_wp_page"))
            set.Open(process, Mark.Map);
    }
}
