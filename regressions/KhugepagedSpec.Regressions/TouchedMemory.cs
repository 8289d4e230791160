using System.Globalization;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.Processes;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Regressions;

/// <summary>A way in which a process of a guest touches memory.</summary>
/// <param name="Name">What to call it.</param>
/// <param name="IsHeap">It is the heap, and not a VMA of its own.</param>
/// <param name="Steps">The agent's steps, with MADV_HUGEPAGE before the first touch or without.</param>
internal sealed record TouchedMemory(string Name, bool IsHeap, Func<bool, string> Steps)
{
    // Far from all else; each of the VMAs that are mapped begins and ends in the middle of a PMD range.
    private const long FirstPlace = 1L << 44, NextPlace = 1L << 36, Before = 103, After = 297;

    private const long PageBytes = 4096, RangePages = 512;

    /// <summary>One page in so many.</summary>
    /// <param name="step">In how many.</param>
    /// <param name="ranges">In how many whole ranges; each end of the VMA lies in another.</param>
    /// <param name="place">Which of the places for a VMA.</param>
    public static TouchedMemory EachOf(int step, int ranges, int place = 0) => new(
        FormattableString.Invariant($"one page in {step}, {ranges} ranges"), IsHeap: false,
        isAdvised =>
        {
            var (start, pages) = (FirstPlace + place * NextPlace - Before * PageBytes, Before + ranges * RangePages + After);
            return Line($"map {start} {pages} 0") + (isAdvised ? Line($"advise {start} {pages} {StepWriter.HugePage}") : "")
                + Line($"touch {start} {pages} {step}");
        });

    /// <summary>A heap that grows by brk; nobody advises one.</summary>
    public static TouchedMemory Heap(int times, int pages, int touched) => new(
        FormattableString.Invariant($"a heap grown {times} times by {pages} pages, {touched} touched"), IsHeap: true,
        _ => Line($"grow {times} {pages} {touched}"));

    /// <summary>It alone, of a process that has it.</summary>
    public ProcessCapture Of(ProcessCapture process) => process with
    {
        Vmas = [.. process.Vmas.Where(vma => IsHeap ? vma.Name == "[heap]" : vma.Vma.Start == FirstPlace / PageBytes - Before)],
    };

    /// <summary>A process that begins anew and touches it.</summary>
    /// <param name="kernel">The guest.</param>
    /// <param name="settings">What is in force meanwhile.</param>
    /// <param name="isAdvised">With MADV_HUGEPAGE.</param>
    /// <param name="process">The agent's number for it.</param>
    /// <returns>Its number in the guest.</returns>
    public int Touch(LiveKernel kernel, ThpSettings settings, bool isAdvised, int process = 1)
    {
        kernel.EndProcesses(process);
        kernel.Enable(settings);
        kernel.Take(process, Steps(isAdvised));
        return GuestProc.PidOf(kernel, process);
    }

    /// <summary>Another memory as well, in the same process.</summary>
    public TouchedMemory And(TouchedMemory other) =>
        new($"{Name}; {other.Name}", IsHeap, isAdvised => Steps(isAdvised) + other.Steps(isAdvised));

    /// <summary>Puts a process onto khugepaged's list, where it stays whatever becomes of the VMA that was advised for it.</summary>
    public static void Register(LiveKernel kernel, int process = 1) => RebuiltMachine.Register(kernel, process, FirstPlace - NextPlace);

    private static string Line(FormattableString step) => step.ToString(CultureInfo.InvariantCulture) + "\n";
}
