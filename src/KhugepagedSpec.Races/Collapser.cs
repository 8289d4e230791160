using System.Collections.Immutable;
using KhugepagedSpec.Results;
using ModelChecker.Guarded;

namespace KhugepagedSpec.Races;

/// <summary>What one run of the collapse code keeps to itself: khugepaged's, or that of MADV_COLLAPSE beside it.</summary>
internal sealed class Collapser
{
    private static readonly string[] ResultNames = [.. Enumerable.Range(0, 32).Select(number => ((ScanResult)number).KernelName())];

    private readonly SharedState _s;
    private readonly ImmutableArray<Variable> _isolated, _occupied, _copy;

    public Collapser(SharedState s, Variable? counter, string prefix, bool isMadvise)
    {
        (_s, Counter, IsMadvise) = (s, counter, isMadvise);
        int pages = s.Shape.Pages;
        CapturedPmd = Add("walk_pmd_order");
        CapturedSmall = Add("walk_small_order");
        Unmapped = Add("unmapped", pages);
        Result = Add("result", 31, ResultNames);
        Last = Add("last", 31, ResultNames);
        Collapsed = Add("collapsed");
        NoneCount = Add("none_or_zero", pages);
        SharedCount = Add("shared", pages);
        Referenced = Add("referenced");
        SwappedIn = Add("swapped_in");
        HasTable = Add("has_table");
        LocksAnonVma = Add("locks_anon_vma");
        _isolated = [.. Enumerable.Range(0, pages).Select(i => Add(FormattableString.Invariant($"isolated_{i}")))];
        _occupied = [.. Enumerable.Range(0, pages).Select(i => Add(FormattableString.Invariant($"occupied_{i}")))];
        _copy = [.. Enumerable.Range(0, pages).Select(i => Add(FormattableString.Invariant($"copy_{i}"), 2, Contents.Names))];

        Variable Add(string name, int max = 1, string[]? values = null) => s.Add(prefix + name, max, 0, values);
    }

    /// <summary>Where it is; null if the process that runs it knows.</summary>
    public Variable? Counter { get; }

    /// <summary>It is MADV_COLLAPSE: the PMD order alone, and no limits.</summary>
    public bool IsMadvise { get; }

    public Variable CapturedPmd { get; }

    public Variable CapturedSmall { get; }

    public Variable Unmapped { get; }

    public Variable Result { get; }

    public Variable Last { get; }

    public Variable Collapsed { get; }

    public Variable NoneCount { get; }

    public Variable SharedCount { get; }

    public Variable Referenced { get; }

    public Variable SwappedIn { get; }

    /// <summary>What it took from the PMD entry was a table.</summary>
    public Variable HasTable { get; }

    /// <summary>The VMA had an anon_vma, so its lock is taken; told only where none is turned away.</summary>
    public Variable LocksAnonVma { get; }

    /// <summary>It has isolated the page of an entry.</summary>
    public Variable Isolated(EntryState entry) => _isolated[entry.Index];

    /// <summary>The entry is the second page of a folio that it has isolated with the first.</summary>
    public Term IsTaken(EntryState entry)
    {
        if (!_s.HasFolios || entry.Index % 2 == 0)
            return Term.False;
        var first = _s.Partner(entry.Index);
        return entry.IsInFolio & entry.Pte.Is(Holds.Source) & Isolated(first) & first.Pte.Is(Holds.Source);
    }

    /// <summary>The scan found a page there.</summary>
    public Variable Occupied(EntryState entry) => _occupied[entry.Index];

    /// <summary>What its new folio holds for an entry, while nobody else can see it.</summary>
    public Variable Copy(EntryState entry) => _copy[entry.Index];

    /// <summary>The new folio's page becomes what the entry's mapping shows.</summary>
    public IEnumerable<Effect> Publish(EntryState entry) => [entry.New.Set(Copy(entry)), Copy(entry).Set(Contents.Zero)];

    /// <summary>Takes the anon_vma lock, if there is one to take.</summary>
    public Act LockAnonVma(CollapseProtocol protocol) => protocol.WithoutAnonVma == AnonVmaNeed.TurnedAway ? _s.AnonVma.Write
        : new(!(Term)LocksAnonVma | _s.AnonVma.IsFree, [Effect.When(LocksAnonVma, _s.AnonVma.Writer.Set(1))]);

    /// <summary>Drops it, if it was taken.</summary>
    public Act UnlockAnonVma(CollapseProtocol protocol) => protocol.WithoutAnonVma == AnonVmaNeed.TurnedAway ? _s.AnonVma.WriteUnlock
        : new(Term.True, [Effect.When(LocksAnonVma, _s.AnonVma.Writer.Set(0), LocksAnonVma.Set(0))]);

    /// <summary>An order is enabled for it.</summary>
    public Term Enables(Window window) => IsMadvise ? Term.True : window.IsPmd ? _s.PmdEnabled : _s.SmallEnabled;

    /// <summary>Empty entries allowed in a window: as the setting says at the PMD order, all or none below, none if userfaultfd is
    /// seen.</summary>
    public Term MaxNone(Window window, bool seesUffd)
    {
        int pages = _s.Shape.Pages;
        Term limit = IsMadvise ? pages : window.IsPmd ? _s.MaxPtesNone : Term.Choose(_s.MaxPtesNone.Is(pages - 1), window.Pages - 1, 0);
        return seesUffd ? Term.Choose(_s.IsArmed, 0, limit) : limit;
    }

    /// <summary>Absent entries allowed.</summary>
    public Term MaxSwap => IsMadvise ? _s.Shape.Pages : _s.MaxPtesSwap;

    /// <summary>Shared pages allowed at the PMD order.</summary>
    public Term MaxShared => IsMadvise ? _s.Shape.Pages : _s.MaxPtesShared;
}
