using System.Collections.Immutable;
using KhugepagedSpec.Guests.Machine;
using KhugepagedSpec.Guests.Packages;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Processes;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Guests.Live;

/// <summary>What became of a captured process in a guest.</summary>
/// <param name="Asked">The process, as far as it was rebuilt.</param>
/// <param name="NotAsCaptured">PMD ranges that came to look otherwise than the capture has them, before khugepaged ran.</param>
/// <param name="Result">What was predicted of it, and what khugepaged did.</param>
/// <param name="LargeSeen">Pages that large folios map in the end.</param>
/// <param name="LargePredicted">The same, predicted.</param>
public sealed record RebuiltProcess(
    RebuildableProcess Asked, int NotAsCaptured, PredictionResult Result, long LargeSeen, long LargePredicted);

/// <summary>What became of captured processes in a guest.</summary>
/// <param name="Processes">Each of them.</param>
/// <param name="ScansPredicted">Full scans until one makes nothing, that one included.</param>
/// <param name="ScansSeen">The same of the kernel.</param>
public sealed record RebuiltResult(ImmutableArray<RebuiltProcess> Processes, int ScansPredicted, int ScansSeen)
{
    /// <summary>All was as captured, and as predicted.</summary>
    public bool IsRight => ScansPredicted == ScansSeen
        && Processes.All(process => process.NotAsCaptured == 0 && process.Result.IsRight && process.LargeSeen == process.LargePredicted);
}

/// <summary>
/// A guest whose processes have the memory that captured ones had, at the same addresses: khugepaged works on it under settings that
/// were advised, and what it makes is held against what was predicted of the captures.
/// </summary>
public sealed class RebuiltMachine : IDisposable
{
    private readonly LiveKernel _kernel;
    private readonly GuestProc _proc;

    /// <summary>Boots a guest.</summary>
    /// <param name="image">The kernel, and its machine.</param>
    /// <param name="model">The version to predict with; null for the one that models the kernel.</param>
    /// <exception cref="GuestException">It does not come up.</exception>
    /// <exception cref="GuestUnavailableException">QEMU or a compiler is missing.</exception>
    public RebuiltMachine(CachedKernel image, KhugepagedVersion? model)
    {
        _kernel = LiveKernel.Boot(image, isTimed: true);
        _proc = new(_kernel);
        Model = model ?? _kernel.Abilities.Model;
    }

    /// <summary>What the kernel can be asked for.</summary>
    public KernelAbilities Abilities => _kernel.Abilities;

    /// <summary>The version that predicts.</summary>
    public KhugepagedVersion Model { get; }

    /// <summary>Processes that a guest can have.</summary>
    public static int MostProcesses => LiveKernel.LastProcess - 1;

    /// <summary>The memory, in MB, that a guest needs for pages of its processes beside its own.</summary>
    /// <param name="pages">The pages, those included that are added.</param>
    /// <param name="pageBytes">Their size.</param>
    public static int MegabytesFor(long pages, int pageBytes) => (int)Math.Min(int.MaxValue, 768 + pages * pageBytes / (1 << 20) * 5 / 4);

    /// <summary>Builds them, has khugepaged scan until it makes nothing more, and compares.</summary>
    /// <param name="processes">What to build.</param>
    /// <param name="settings">The settings to run under.</param>
    /// <param name="advance">Called once for each process that is built, and for each scan.</param>
    /// <exception cref="GuestException">The guest hung or ended, or logged that something is wrong.</exception>
    public RebuiltResult Run(IReadOnlyList<RebuildableProcess> processes, ThpSettings settings, Action advance)
    {
        _kernel.EndProcesses(MostProcesses);
        int[] pids = [.. processes.Select((process, i) =>
        {
            int pid = Build(_kernel, i + 1, process.Process);
            advance();
            return pid;
        })];
        var before = processes.Zip(pids, (process, pid) => Only(process.Process, _proc.Capture(pid))).ToList();
        _kernel.Enable(settings);
        int seen = ScansToItsEnd(_kernel, advance);
        var after = processes.Zip(pids, (process, pid) => Only(process.Process, _proc.Capture(pid))).ToList();
        var splat = _kernel.TakeSplat();
        if (splat is not null)
            throw new GuestException($"the kernel logged: {splat.Lines[0]}", splat.Lines);

        var predicting = new WhatIfMachine([.. processes.Select(process => process.Process)], Model, settings, Abilities.Machine);
        var scans = predicting.ScansToItsEnd(WhatIfRun.MostScans);
        var large = predicting.LargePagesByProcess;
        return new([.. processes.Select(Became)], scans.Count, seen);

        RebuiltProcess Became(RebuildableProcess process, int i) => new(
            process, Prediction.Ranges(process.Process).Count(range => !IsAt(before[i], range)),
            Prediction.Compare(before[i], predicting, scans, swappedIn: 0, after[i], i), after[i].Pages.Large, large[i]);
    }

    /// <summary>Ends the guest.</summary>
    public void Dispose() => _kernel.Dispose();

    /// <summary>Full scans until one makes nothing, that one included, as whatif counts them.</summary>
    internal static int ScansToItsEnd(LiveKernel kernel, Action? advance = null)
    {
        var last = kernel.Observe("");
        for (int scans = 1; ; scans++)
        {
            var now = kernel.Observe("scan\n");
            advance?.Invoke();
            if (kernel.Added(last, now).PagesCollapsed == 0 || scans == WhatIfRun.MostScans)
                return scans;
            last = now;
        }
    }

    /// <summary>Puts a process onto khugepaged's list, where it stays whatever becomes of the VMA that was advised for it.</summary>
    /// <param name="kernel">The guest.</param>
    /// <param name="process">The agent's number for it.</param>
    /// <param name="start">An address below which nothing lies for two PMD ranges.</param>
    internal static void Register(LiveKernel kernel, int process, long start)
    {
        kernel.ResetSizes();
        var steps = new StepWriter(kernel.Abilities.Machine);
        steps.MakeKnown(start, 2 * kernel.Abilities.Machine.Geometry.Pages);
        kernel.Take(process, steps.Take());
    }

    private static int Build(LiveKernel kernel, int number, ProcessCapture process)
    {
        const int atOnce = 4000;
        long bytes = process.Head.PageBytes;
        kernel.Enable(ThpSettings.Defaults(process.Head.Geometry).WithSizes(OrderSet.Empty, SizeEnabled.Always));
        var (steps, lines) = (new StepWriter(kernel.Abilities.Machine), 0);

        // What was not referenced is there first, and then forgotten.
        foreach (var vma in process.Vmas)
            Add(() => steps.Range("map", vma.Vma.Start * bytes, vma.Vma.End - vma.Vma.Start, 0));
        foreach (bool isUsed in new[] { false, true })
        {
            foreach (var vma in process.Vmas.Where(vma => vma.Used == UsedPages.None != isUsed))
                foreach (var (start, pages, kind) in Runs(vma))
                    if (kind == PteKind.Page)
                        Add(() => steps.Range("touch", start * bytes, pages, 1));
                    else
                        Add(() => steps.Range("read", start * bytes, pages));
            if (!isUsed)
                Add(() => steps.Set("/proc/self/clear_refs", 1));
        }
        foreach (var vma in process.Vmas)
        {
            var (start, pages, flags) = (vma.Vma.Start * bytes, vma.Vma.End - vma.Vma.Start, vma.Vma.Flags);
            if ((flags & (VmaFlags.HugePage | VmaFlags.NoHugePage)) is var advice and not 0)
                Add(() => steps.Advise(start, pages, (advice & VmaFlags.HugePage) != 0 ? StepWriter.HugePage : StepWriter.NoHugePage));
            if ((flags & VmaFlags.Write) == 0)
                Add(() => steps.Range("readonly", start, pages));
        }
        kernel.Take(number, steps.Take());
        Register(kernel, number, FreePlace(process));
        return GuestProc.PidOf(kernel, number);

        void Add(Action step)
        {
            step();
            if (++lines % atOnce == 0)
                kernel.Take(number, steps.Take());
        }
    }

    // Runs of pages that are there, in the order of addresses.
    private static IEnumerable<(long Start, long Pages, PteKind Kind)> Runs(CapturedVma vma)
    {
        var (start, pages, kind) = (0L, 0L, PteKind.None);
        foreach (var range in vma.Ranges)
            for (long i = 0, first = range.Start; i < range.Count; i++, first += range.Table.Cells.Length)
                for (int at = 0; at < range.Table.Cells.Length; at++)
                {
                    var next = range.Table.Pmd == PmdState.None ? PteKind.None : range.Table.Cells[at].Kind;
                    if (next != kind || start + pages != first + at)
                    {
                        if (kind != PteKind.None)
                            yield return (start, pages, kind);
                        (start, pages, kind) = (first + at, 0, next);
                    }
                    pages++;
                }
        if (kind != PteKind.None)
            yield return (start, pages, kind);
    }

    // Two PMD ranges and more of no VMA, in a place that programs leave alone.
    private static long FreePlace(ProcessCapture process)
    {
        const long place = 1L << 44, next = 1L << 36;
        long start = place, bytes = process.Head.PageBytes;
        while (process.Vmas.Any(vma => vma.Vma.Start * bytes < start + next && start < vma.Vma.End * bytes))
            start += next;
        return start;
    }

    // Without what is the agent's own.
    private static ProcessCapture Only(ProcessCapture asked, ProcessCapture seen) => seen with
    {
        Vmas = [.. seen.Vmas.Where(vma => asked.Vmas.Any(one => one.Vma.Start < vma.Vma.End && vma.Vma.Start < one.Vma.End))],
    };

    private static bool IsAt(ProcessCapture seen, CapturedRange range) =>
        seen.RangeAt(range.Start) is { } built && SeenTable.IsSame(built.Table, range.Table);
}
