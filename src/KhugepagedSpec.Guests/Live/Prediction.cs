using System.Collections.Immutable;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Guests.Machine;
using KhugepagedSpec.Guests.Packages;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Processes;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Guests.Live;

/// <summary>A PMD range that became something else than what was predicted.</summary>
/// <param name="Address">Its first byte.</param>
/// <param name="Settings">The settings.</param>
/// <param name="Vma">Its VMA, the range at page 0.</param>
/// <param name="Before">The table before.</param>
/// <param name="Predicted">The table that was predicted.</param>
/// <param name="Seen">The table that the kernel made.</param>
public sealed record WrongPrediction(string Address, ThpSettings Settings, Vma Vma, PageTable Before, PageTable Predicted, PageTable Seen);

/// <summary>What predictions for one process came to.</summary>
/// <param name="Ranges">PMD ranges captured with a page table that stood still otherwise.</param>
/// <param name="Changed">Those that changed while they were read, and were left out.</param>
/// <param name="Made">Folios that khugepaged was predicted to make.</param>
/// <param name="AddedPredicted">Pages that were predicted to be added.</param>
/// <param name="AddedSeen">Pages that were.</param>
/// <param name="Disagreeing">VMAs whose figures were not those of smaps though nothing changed.</param>
/// <param name="Wrong">Ranges that became something else.</param>
public sealed record PredictionResult(int Ranges, int Changed, int Made, long AddedPredicted, long AddedSeen,
    ImmutableArray<CapturedVma> Disagreeing, ImmutableArray<WrongPrediction> Wrong)
{
    /// <summary>All was as predicted.</summary>
    public bool IsRight => Wrong.IsEmpty && Disagreeing.IsEmpty && AddedPredicted == AddedSeen;
}

/// <summary>
/// Captures a process of a guest, asks what khugepaged would make of it, lets khugepaged do it, and captures it again.
/// </summary>
public sealed class Prediction : IDisposable
{
    private const int Process = 1;

    private const CellFlags Unseen =
        CellFlags.Referenced | CellFlags.SecondaryYoung | CellFlags.Pinned | CellFlags.Locked | CellFlags.OffLru;

    private readonly LiveKernel _kernel;

    /// <summary>Boots a guest.</summary>
    /// <param name="image">The kernel.</param>
    /// <param name="model">The version to predict with; null for the one that models the kernel.</param>
    /// <exception cref="GuestException">It does not come up.</exception>
    /// <exception cref="GuestUnavailableException">QEMU or a compiler is missing.</exception>
    public Prediction(CachedKernel image, KhugepagedVersion? model)
    {
        _kernel = LiveKernel.Boot(image);
        Model = model ?? _kernel.Abilities.Model;
    }

    /// <summary>What the kernel can be asked for.</summary>
    public KernelAbilities Abilities => _kernel.Abilities;

    /// <summary>The version that predicts.</summary>
    public KhugepagedVersion Model { get; }

    /// <summary>One process with <see cref="LiveScenarios.Together"/> VMAs of generated pages.</summary>
    /// <param name="seed">The scenarios' seed.</param>
    /// <param name="number">Which of its batches.</param>
    /// <exception cref="GuestException">The guest hung or ended.</exception>
    public PredictionResult Run(ulong seed, int number)
    {
        var scenarios = new LiveScenarios(seed, Abilities).Batch(number).Select(Visible).ToList();
        var settings = scenarios[0].Settings;
        var inputs = scenarios.Select((scenario, i) => LiveInput.Of($"p_{i}", scenario with { Settings = settings }, 1, beside: true))
            .ToList();
        int pid = Build(inputs);
        var before = new GuestProc(_kernel).Capture(pid);
        var predicting = new WhatIfMachine(before, Model, before.Head.Settings, Abilities.Machine);
        long swappedOut = predicting.SwappedOut;
        var scan = predicting.Scan();
        _kernel.Observe("scan\n");
        var after = new GuestProc(_kernel).Capture(pid);
        _kernel.EndProcesses(Process);
        _kernel.ResetSizes();
        var splat = _kernel.TakeSplat();
        return splat is not null ? throw new GuestException($"the kernel logged: {splat.Lines[0]}", splat.Lines)
            : Compare(before, predicting, [scan], swappedOut - predicting.SwappedOut, after);
    }

    /// <summary>Ends the guest.</summary>
    public void Dispose() => _kernel.Dispose();

    // Only what can be seen from outside, of one process that shares with nobody but, by its first range, with a child: a fork
    // shares all that is there already.
    private Scenario Visible(Scenario scenario, int index)
    {
        var cells = scenario.Table.Cells.Select(cell => index == 0 || !cell.Has(CellFlags.Shared) ? AsSeen(cell) : Cell.Plain);
        return LiveInput.Fit(
            scenario with
            {
                Table = new PageTable(scenario.Table.Geometry, [.. cells], scenario.Table.Pmd),
                Kind = CollapseKind.Khugepaged,
                ThpDisable = ThpDisable.No,
                Faults = [],
                Program = []
            },
            Abilities);
    }

    // What no capture tells is as a capture takes it to be: a page that nobody has given up was used, and has no reference but its own.
    internal static Cell AsSeen(Cell cell) => cell.Kind != PteKind.Page ? cell
        : cell.Order == 0 ? TableNotation.LetterOf(cell) is 'x' or 'Z' or 'h' or 'l' or 'w' ? cell : Cell.Plain
        : cell.Has(CellFlags.LazyFree) ? cell with { Flags = cell.Flags & ~Unseen }
        : cell with { Flags = cell.Flags & ~Unseen | CellFlags.Young };

    // The same order as the recorder's, in one process.
    private int Build(List<VectorInput> inputs)
    {
        var builders = inputs.Select((input, i) =>
            new TableBuilder(input, GuestRange.AddressOf(i, input.Machine), (i + 1L) << 32)).ToList();
        _kernel.ResetSizes();
        builders.ForEach(builder => _kernel.Take(Process, builder.Introduce()));
        builders.ForEach(builder => _kernel.Take(Process, builder.Build()));
        _kernel.Enable(inputs[0].Settings);
        builders.ForEach(builder => _kernel.Take(Process, builder.Register()));
        return GuestProc.PidOf(_kernel, Process);
    }

    /// <summary>What was predicted of a process, and what became of it.</summary>
    /// <param name="before">The process before.</param>
    /// <param name="predicting">It in the model, after the scans.</param>
    /// <param name="scans">The scans.</param>
    /// <param name="swappedIn">Pages that they brought back from swap.</param>
    /// <param name="after">The process after as many of the kernel's.</param>
    /// <param name="process">Which of the model's processes it is, from 0.</param>
    internal static PredictionResult Compare(ProcessCapture before, WhatIfMachine predicting, IReadOnlyList<FullScan> scans,
        long swappedIn, ProcessCapture after, int process = 0)
    {
        var seen = Ranges(after).ToDictionary(range => range.Start);
        var known = Ranges(before).Where(range => range.Table.Pmd != PmdState.None).ToList();
        var made = scans.SelectMany(scan => scan.Made).Where(made => made.Table.Mm == process + 1).Select(made => made.Attempt).ToList();
        var wrong = ImmutableArray.CreateBuilder<WrongPrediction>();
        int changed = 0;
        foreach (var range in known)
        {
            var became = seen[range.Start];
            if (range.Changed || became.Changed)
            {
                changed++;
                continue;
            }
            var predicted = predicting.Table(range.Start, process);
            if (SeenTable.IsSame(predicted, became.Table))
                continue;
            var vma = before.VmaAt(range.Start).Vma;
            wrong.Add(new WrongPrediction(
                before.Head.Address(range.Start), before.Head.Settings,
                    vma with { Start = vma.Start - range.Start, End = vma.End - range.Start }, range.Table, predicted, became.Table));
        }
        return new PredictionResult(
            known.Count - changed, changed, made.Count, made.Sum(VmaReport.Filled),
            after.Pages.Anonymous - before.Pages.Anonymous - swappedIn,
            [.. before.Disagreeing, .. after.Disagreeing], wrong.ToImmutable());
    }

    /// <summary>Each PMD range of a process for itself.</summary>
    internal static IEnumerable<CapturedRange> Ranges(ProcessCapture capture)
    {
        int pages = capture.Head.Geometry.Pages;
        foreach (var range in capture.Vmas.SelectMany(vma => vma.Ranges))
            for (long i = 0; i < range.Count; i++)
                yield return range with { Start = range.Start + i * pages, Count = 1 };
    }
}
