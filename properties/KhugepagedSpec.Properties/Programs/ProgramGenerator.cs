using System.Collections.Immutable;
using FsCheck;
using FsCheck.Fluent;
using KhugepagedSpec.Scenarios;

namespace KhugepagedSpec.Properties.Programs;

/// <summary>Programs at random, and simpler ones.</summary>
public static class ProgramGenerator
{
    private const int MostSteps = 20;

    public static Arbitrary<ProgramRun> Any() => Arb.From(
        from seed in Gen.Choose(0, int.MaxValue)
        select Next(new RandomChoices((ulong)seed)),
        Simpler);

    /// <summary>A program.</summary>
    public static ProgramRun Next(Choices choices)
    {
        int pmdOrder = choices.Between(3, 5);
        int pages = 2 << pmdOrder;
        var steps = ImmutableArray.CreateBuilder<Step>();
        for (int left = choices.Between(1, MostSteps); left > 0; left--)
            steps.Add(AStep(choices, pages));
        return new ProgramRun(pmdOrder, steps.ToImmutable());
    }

    /// <summary>Every simplification of one step or of one number, the largest first.</summary>
    public static IEnumerable<ProgramRun> Simpler(ProgramRun program)
    {
        var steps = program.Steps;
        for (int size = steps.Length / 2; size > 0; size /= 2)
            for (int at = 0; at + size <= steps.Length; at += size)
                yield return program with { Steps = steps.RemoveRange(at, size) };
        if (program.PmdOrder > 3)
            yield return program with { PmdOrder = program.PmdOrder - 1 };
        for (int i = 0; i < steps.Length; i++)
            foreach (var simpler in Simpler(steps[i]))
                yield return program with { Steps = steps.SetItem(i, simpler) };
    }

    private static Step AStep(Choices choices, int pages)
    {
        int process = choices.OneIn(4) ? 2 : 1;
        int page = choices.OneIn(3) ? choices.Below(pages / 4) * 4 : choices.Below(pages);
        int count = Math.Min(pages - page, choices.OneIn(2) ? 1 << choices.Below(6) : choices.Between(1, pages));
        return choices.Below(24) switch
        {
            <= 5 => new Write(process, page, count),
            6 => new Read(process, page, count),
            7 => new Zap(process, page, count),
            8 => new Cold(process, page, count),
            9 => new SwapOut(process, page, count),
            10 => new Free(process, page, count),
            11 => new Guard(process, page, count),
            12 => new Pin(process, page, 1),
            13 => new WriteProtect(process, page, count),
            14 => new Move(process, page, choices.Below(pages), count),
            15 => new Fork(),
            16 => choices.OneIn(2) ? new RegisterUffd(process) : new Mlock(process),
            17 or 18 => new Sysfs((uint)choices.Below(1 << 6) & ~3u, choices.OneIn(2) ? 0 : int.MaxValue),
            19 => new MadviseCollapse(process),
            _ => new Khugepaged(),
        };
    }

    private static IEnumerable<Step> Simpler(Step step)
    {
        if (step is not PagesStep pages)
            yield break;
        if (pages.Process > 1)
            yield return pages with { Process = 1 };
        foreach (int count in new[] { 1, pages.Count / 2, pages.Count - 1 })
            if (count > 0 && count < pages.Count)
                yield return pages with { Count = count };
        foreach (int page in new[] { 0, pages.Page / 2, pages.Page - 1 })
            if (page >= 0 && page < pages.Page)
                yield return pages with { Page = page };
    }
}
