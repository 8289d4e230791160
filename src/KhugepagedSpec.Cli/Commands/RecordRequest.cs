using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;

namespace KhugepagedSpec.Cli.Commands;

/// <summary>One thing that kernel record was asked for.</summary>
/// <param name="Id">What messages call it.</param>
/// <param name="Input">The line for the recorder; null if there is none to be had.</param>
/// <param name="Refused">Why it is not recorded; null if it is.</param>
/// <param name="Recorded">The table that an earlier recording of it had, if there is one.</param>
/// <param name="IsExact">It is recorded as it was asked for, or not at all.</param>
internal sealed record RecordRequest(string Id, VectorInput? Input, string? Refused = null, PageTable? Recorded = null,
    bool IsExact = false)
{
    /// <summary>A scenario as somebody wrote it.</summary>
    /// <exception cref="UsageException">The kernel cannot be given it.</exception>
    public static RecordRequest Of(Scenario scenario, KernelAbilities kernel, int passes, bool beside)
    {
        if (LiveRefusal.Of(scenario, kernel, beside) is { } refused)
            throw new UsageException(refused);
        if (beside && !LiveInput.HasNeighbours(scenario.Vma, scenario.Table.Geometry.Pages))
            throw new UsageException(
                $"--neighbours: the VMA has pages {scenario.Vma.Start} to {scenario.Vma.End - 1}: "
                + $"expected --vma {LiveInput.ExtentsWithNeighbours(scenario.Table.Geometry.Pages)}");
        try
        {
            return Made(LiveInput.Of("recorded", scenario, passes, beside)) with { IsExact = true };
        }
        catch (FormatException lost)
        {
            throw new UsageException($"the scenario cannot be asked of a kernel: {lost.Message}");
        }
    }

    /// <summary>Recorded vectors anew. What this kernel lacks is left out, and said.</summary>
    /// <exception cref="UsageException">There is no such file.</exception>
    public static IEnumerable<RecordRequest> FromFile(string file, KernelAbilities kernel)
    {
        string path = Commands.Recorded.Find(file);
        if (!File.Exists(path))
            throw new UsageException($"{file}: no such file: expected recorded vectors, one JSON object a line");
        foreach (var line in VectorReader.Read(path, Geometry.X86))
        {
            if (line.Error is { } error)
                yield return new RecordRequest(file, null, $"line {line.Number}: {error}");
            if (line.Vector is { } vector)
                yield return Made(vector.Input) with
                {
                    Refused = LiveRefusal.OfKernel(LiveInput.ScenarioOf(vector.Input), kernel),
                    Recorded = vector.Before,
                };
        }
    }

    /// <summary>Fresh ones, made to fit the kernel.</summary>
    public static IEnumerable<RecordRequest> Fresh(KernelAbilities kernel, ulong seed, int count, int passes)
    {
        foreach (var lack in kernel.Lacks)
            Say($"never occurs on Linux {kernel.Release}: {lack}");
        return new LiveScenarios(seed, kernel).All().Take(count)
            .Select((scenario, i) => Made(LiveInput.Of($"s{seed}_{i + 1}", scenario, passes, beside: true)));
    }

    /// <summary>What there is to say of a vector that came of it; null if nothing.</summary>
    public string? Otherwise(RecordedVector vector) =>
        Recorded is not null ? BuiltOtherwise.Than(Recorded, vector) : BuiltOtherwise.Of(vector);

    /// <summary>What becomes of a vector that was built otherwise: it is none, or it is one and that is said.</summary>
    public (RecordedVector? Vector, string Error) TakenAs(RecordedVector vector, string otherwise)
    {
        if (IsExact)
            return (null, otherwise);
        Say($"{Id}: built otherwise than {(Recorded is null ? "asked for" : "recorded")}: {otherwise}");
        return (vector, "");
    }

    private static RecordRequest Made(VectorInput input) => new(input.Id, input);

    private static void Say(string line) => Console.Error.WriteLine($"khugepaged-spec: {line}");
}
