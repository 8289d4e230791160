using System.Diagnostics;
using System.Text;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.Guests.Packages;
using KhugepagedSpec.Guests.Reproducers;
using KhugepagedSpec.Machines;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Regressions;

/// <summary>The C programs in a guest: each says of the kernel what the recorder saw it do, and leaves its settings as they were.</summary>
[Collection("console")]
public sealed class LiveReproducerTests
{
    private const int AsExpected = 32, NotAsExpected = 6, Seed = 5;

    private const string Thp = "/sys/kernel/mm/transparent_hugepage/";

    private static readonly string[] Settings =
    [
        $"{Thp}enabled", $"{Thp}use_zero_page", $"{Thp}hugepages-2048kB/shmem_enabled", $"{Thp}khugepaged/pages_to_scan",
        $"{Thp}khugepaged/scan_sleep_millisecs", $"{Thp}khugepaged/alloc_sleep_millisecs", $"{Thp}khugepaged/defrag",
        $"{Thp}khugepaged/max_ptes_none", $"{Thp}khugepaged/max_ptes_swap", $"{Thp}khugepaged/max_ptes_shared",
        .. Geometry.X86.AnonOrders.Orders().Select(order => $"{Thp}hugepages-{4 << order}kB/enabled"),
    ];

    [LiveFact]
    public void On_7_2_each_says_what_the_recorder_saw() => SaysWhatTheRecorderSaw("7.2");

    [LiveFact]
    public void On_7_3_each_says_what_the_recorder_saw() => SaysWhatTheRecorderSaw("7.3");

    // Killed at any moment, from its first step on until after it is done.
    [LiveFact]
    public void On_7_2_settings_are_restored_whenever_it_is_killed()
    {
        using var folder = new ProgramFolder();
        string program = folder.Add(ReproducerTests.Of(Scenario.Of(PageTable.Parse("x*100 f4*2 .*380", Geometry.X86)) with
        {
            Settings = ThpSettings.Defaults(Geometry.X86).WithSizes(OrderSet.Of(4), SizeEnabled.Madvise) with { MaxPtesNone = 0 },
        }, Catalogue.Linux72, 3));
        using var kernel = Boot("7.2", [program]);

        // Not what the program sets, so that each is to be restored.
        kernel.Take(0, $"set {Thp}khugepaged/max_ptes_none 77\nset {Thp}khugepaged/max_ptes_swap 7\n"
            + $"set {Thp}khugepaged/alloc_sleep_millisecs 5\nset {Thp}hugepages-64kB/enabled inherit\n"
            + $"set {Thp}hugepages-32kB/enabled madvise\nset {Thp}use_zero_page 1\n");
        string before = Read(kernel);
        var clock = Stopwatch.StartNew();
        var whole = Run(kernel, program, 0);
        int duration = (int)clock.ElapsedMilliseconds, cutShort = 0, finished = 0;
        Assert.Equal(0, whole.Code);
        Assert.Contains("sets      /sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_none, which is 77", whole.Output,
            StringComparison.Ordinal);
        Assert.Equal(before, Read(kernel));
        var random = new Random(Seed);
        for (int i = 0; i < 40; i++)
        {
            var (code, output) = Run(kernel, program, random.Next(1, duration * 5 / 4));
            Assert.True(Read(kernel) == before, $"{output}\nbefore\n{before}\nafter\n{Read(kernel)}");
            (cutShort, finished) = code == 128 + 9 ? (cutShort + 1, finished) : (cutShort, finished + 1);
        }
        Assert.True(cutShort >= 10 && finished >= 1, $"{cutShort} were killed, {finished} came to an end");
    }

    private static void SaysWhatTheRecorderSaw(string release)
    {
        var image = KernelCache.Find(release)!;
        var abilities = KernelAbilities.BeforeBoot(image);
        var model = abilities.Model;
        var scenarios = new LiveScenarios(Seed, abilities).All().Select(WithoutSlots)
            .Where(scenario => Reproducer.Refusal(scenario, model) is null).Take(20 * AsExpected).ToList();

        // The kernel's own version, with each kind of entry in one scenario at least, and one that expects something else.
        const string kinds = ".xzhplwsgf";
        var ofEachKind = kinds.Select(kind => scenarios.First(scenario => KindsOf(scenario).Contains(kind)));
        var asExpected = ofEachKind.Concat(scenarios).Distinct().Take(AsExpected);
        var cases = asExpected.Select(scenario => (Scenario: scenario, Version: model)).Concat(scenarios
            .Where(scenario => After(scenario, model) != After(scenario, Catalogue.Linux71)).Take(NotAsExpected)
            .Select(scenario => (Scenario: scenario, Version: Catalogue.Linux71))).ToList();
        using var folder = new ProgramFolder();
        string[] programs = [.. cases.Select(one => folder.Add(ReproducerTests.Of(one.Scenario, one.Version, 1)))];
        using var kernel = Boot(release, programs);
        var recorder = new Recorder(kernel);
        int yes = 0, no = 0;
        for (int i = 0; i < cases.Count; i++)
        {
            var (scenario, version) = cases[i];
            var (vector, error) = recorder.Record([LiveInput.Of("a", scenario, 1, beside: false)])[0];
            Assert.True(vector is not null, $"{scenario}: {error}");
            int expected = IsAsExpected(vector, scenario, version) ? 0 : 1;
            var (code, output) = Run(kernel, programs[i], 0);
            Assert.True(code == expected, $"{scenario}: the recorder saw {expected}, the program says {code}\n{output}");
            (yes, no) = code == 0 ? (yes + 1, no) : (yes, no + 1);
        }
        Assert.Equal((AsExpected, NotAsExpected), (yes, no));
        string seen = string.Concat(cases.Select(one => KindsOf(one.Scenario)));
        Assert.All(kinds, letter => Assert.Contains(letter, seen));
    }

    // As a program sees them, to whom a pinned page is any, and as they were asked for.
    private static string KindsOf(Scenario scenario) => TableInC.Of(scenario.Table) + TableNotation.Write(scenario.Table);

    private static bool IsAsExpected(RecordedVector vector, Scenario scenario, KhugepagedVersion version)
    {
        var expected = scenario.Run(version, 1)[^1];
        var seen = vector.Passes[^1];
        return TableInC.Of(expected.After) == TableInC.Of(seen.After) && vector.WrongPages == 0
            && (seen.Errno ?? 0) == (int)(expected.Madvise?.Errno ?? default);
    }

    private static string After(Scenario scenario, KhugepagedVersion version) => TableInC.Of(scenario.Run(version, 1)[^1].After);

    private static Scenario WithoutSlots(Scenario scenario) =>
        scenario with { Table = TableNotation.WithSlots(scenario.Table, _ => 0) };

    private static LiveKernel Boot(string release, string[] programs)
    {
        var image = KernelCache.Find(release) ?? throw new InvalidOperationException($"khugepaged-spec kernel fetch {release}");
        return LiveKernel.Boot(image with { Machine = image.Machine with { Programs = [.. programs] } });
    }

    private static (int Code, string Output) Run(LiveKernel kernel, string program, int killedAfter)
    {
        var parts = kernel.Take(0, $"run /programs/{Path.GetFileName(program)} {killedAfter}\n");
        return ((int)parts[1].Number, Encoding.UTF8.GetString(parts[0].Data));
    }

    private static string Read(LiveKernel kernel) => string.Concat(Settings.Select(file =>
        $"{file} {Encoding.ASCII.GetString(kernel.Take(0, $"file {file}\n").Single(part => part.Kind == 'f').Data)}"));

    private sealed class ProgramFolder : IDisposable
    {
        private readonly string _path = Directory.CreateTempSubdirectory("khugepaged-spec").FullName;
        private int _count;

        public string Add(string source)
        {
            string program = Path.Combine(_path, $"p{_count++}");
            Assert.Equal("", Compiler.Complaints(source, program));
            return program;
        }

        public void Dispose() => Directory.Delete(_path, recursive: true);
    }
}
