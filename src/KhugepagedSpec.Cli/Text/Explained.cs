using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;
using KhugepagedSpec.UserSpace;

namespace KhugepagedSpec.Cli.Text;

/// <summary>A run to be shown.</summary>
/// <param name="Title">What it is a run of, if it has a name.</param>
/// <param name="Version">The khugepaged that ran.</param>
/// <param name="Kind">Who collapsed.</param>
/// <param name="Settings">The sysfs settings.</param>
/// <param name="Vma">The VMA.</param>
/// <param name="Before">The table before.</param>
/// <param name="Base">The table's first page.</param>
/// <param name="Passes">What each pass did.</param>
internal sealed record Explained(
    string Title, KhugepagedVersion Version, CollapseKind Kind, ThpSettings Settings, Vma Vma, PageTable Before, long Base,
        IReadOnlyList<ExplainedPass> Passes)
{
    /// <summary>What goes wrong.</summary>
    public IReadOnlyList<FaultInjection> Faults { get; init; } = [];

    /// <summary>What was run; null where it was no scenario of its own, as a recorded vector is none.</summary>
    public Scenario? Scenario { get; init; }

    /// <summary>What is explained is a part of what there was.</summary>
    public bool IsPartial { get; init; }

    /// <summary>The program that the scenario began as, if it did.</summary>
    public string Program { get; init; } = "";

    /// <summary>The process, if it was not khugepaged's from the start.</summary>
    public AddressSpace? Process { get; init; }

    /// <summary>Runs a scenario.</summary>
    public static Explained Of(Scenario scenario, KhugepagedVersion version, int passes)
    {
        UffdModes.Check(scenario.Vma, version);
        var running = new RunningScenario(scenario, version, traced: true);
        var (vma, before) = (running.Vma, running.Table);
        bool isProgram = !scenario.Program.IsEmpty;
        return new("", version, scenario.Kind, scenario.Settings, vma, before, 0,
            [.. Enumerable.Range(0, passes).Select(_ => Pass(running, scenario.Kind))])
        {
            Scenario = scenario,
            Faults = scenario.Faults,
            Program = ProgramStep.Write(scenario.Program, scenario.Settings.Geometry),
            Process = isProgram ? running.Process : null,
        };
    }

    private static ExplainedPass Pass(RunningScenario running, CollapseKind kind)
    {
        var run = running.Pass();
        bool scanned = run.Report.Tables.Count > 0;
        return new ExplainedPass(run) { WhyNotScanned = scanned ? null : NotScanned.Why(running.Machine, running.Process, 0, kind) };
    }
}

/// <summary>One pass to be shown.</summary>
/// <param name="Run">What it did.</param>
/// <param name="Recorded">For a recorded one: whether the kernel did the same.</param>
/// <param name="Then">The table after what the program did next, if it did something.</param>
/// <param name="ThenText">What that was.</param>
internal sealed record ExplainedPass(PassRun Run, string? Recorded = null, PageTable? Then = null, string ThenText = "")
{
    /// <summary>Why no range was scanned; null if one was.</summary>
    public string? WhyNotScanned { get; init; }
}
