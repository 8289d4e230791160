using KhugepagedSpec.Recordings;
using KhugepagedSpec.UserSpace;

namespace KhugepagedSpec.Guests.Live;

/// <summary>The steps that do what a scenario's process does: the program it begins as, and what comes before and between passes.</summary>
internal static class ProgramSteps
{
    /// <summary>The program that a scenario begins as, with nothing before it that would make the process known to khugepaged.</summary>
    public static void Begin(GuestRange range, VectorInput input)
    {
        if (input.Settings.UseZeroPage)
            range.Steps.SetThp("use_zero_page", 1);
        foreach (var (verb, first, pages) in input.Program)
        {
            long address = range.Address((int)first);
            Do(range, verb, address, pages, range.Stamp + first);

            // Which slots they went to is told now: what comes next may bring them back.
            if (verb == ProgramVerb.PageOut)
                range.Steps.Line("words", "/proc/self/pagemap", range.Base / range.PageBytes, range.Pages);
        }

        if (input.Settings.UseZeroPage)
            range.Steps.SetThp("use_zero_page", 0);

        // What MADV_FREE marked is seen once the LRU batches are empty.
        range.Drain();
    }

    /// <summary>What is done before the first pass or between two, but for sharing.</summary>
    public static void Do(GuestRange range, VectorOperation operation) =>
        Do(range, operation.Verb, range.Address(operation.Offset), operation.Length, range.Stamp + 8 * range.Pages + operation.Offset);

    private static void Do(GuestRange range, ProgramVerb verb, long address, long pages, long stamp)
    {
        switch (verb)
        {
            case ProgramVerb.Mmap: range.Steps.Range("map", address, pages, 0); break;
            case ProgramVerb.Touch: range.Steps.Range("write", address, pages, stamp); break;
            case ProgramVerb.Read: range.Steps.Range("read", address, pages); break;
            case ProgramVerb.Pin: range.Steps.Range("pin", address, pages); break;
            default: range.Steps.Advise(address, pages, Advice(verb)); break;
        }
    }

    private static int Advice(ProgramVerb verb) => verb switch
    {
        ProgramVerb.HugePage => StepWriter.HugePage,
        ProgramVerb.NoHugePage => StepWriter.NoHugePage,
        ProgramVerb.Cold => StepWriter.Cold,
        ProgramVerb.PageOut => StepWriter.PageOut,
        ProgramVerb.Free => StepWriter.Free,
        ProgramVerb.DontNeed => StepWriter.DontNeed,
        ProgramVerb.Guard => StepWriter.GuardInstall,
        _ => throw new InvalidOperationException($"{verb} is no advice"),
    };
}
