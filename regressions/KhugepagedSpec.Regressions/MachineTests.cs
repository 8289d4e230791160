using System.CommandLine;
using System.Text.RegularExpressions;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.Guests.Machine;
using KhugepagedSpec.Guests.Packages;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Results;
using KhugepagedSpec.Settings;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Regressions;

/// <summary>What differs by machine, held against kernels on these machines; and that nothing else has a machine written into it.</summary>
public sealed partial class MachineTests
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "machines");

    public static TheoryData<string> Files => [.. Directory.GetFiles(Folder, "*.jsonl").Select(path => Path.GetFileName(path)).Order()];

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_vector_is_the_models_of_its_machine(string file)
    {
        var vectors = Read(file);
        Assert.NotEmpty(vectors);
        Assert.All(vectors, vector => Assert.Null(Replay.Run(vector, Catalogue.Linux72)));
        Assert.All(vectors, vector => Assert.Equal(vector.Input.ToString(),
            VectorInput.Parse(vector.Input.ToString(), Geometry.X86).ToString()));
    }

    // f4*16 s .*255, cold, one page of each folio read.
    [Fact]
    public void One_table_is_left_alone_on_one_machine_and_made_huge_on_the_other()
    {
        var (x86, arm64) = (Cold("linux-7.2.13-x86-64.jsonl"), Cold("linux-7.2.13-arm64-4k.jsonl"));
        Assert.Equal(x86.Before.Cells.Select(cell => cell with { Slot = 0 }), arm64.Before.Cells.Select(cell => cell with { Slot = 0 }));
        Assert.Equal(new ScanLine(ScanResult.LackReferencedPage, 16, 255, 1), x86.Passes[0].Scans[0] with { NoneOrZero = 255 });
        Assert.Equal(new ScanLine(ScanResult.Succeed, 256, 255, 1), arm64.Passes[0].Scans[0]);
        Assert.Equal(PmdState.Huge, arm64.Passes[0].After.Pmd);

        static RecordedVector Cold(string file) => Read(file).Single(vector => vector.Id == "cold-folios");
    }

    // Each is what tells the machines apart, so none agrees on another.
    [Theory]
    [InlineData("linux-7.2.13-x86-64.jsonl", "arm64-4k")]
    [InlineData("linux-7.2.13-arm64-4k.jsonl", "x86-64")]
    [InlineData("linux-7.2.13-arm64-16k.jsonl", "x86-64")]
    [InlineData("linux-7.2.13-arm64-16k.jsonl", "arm64-4k")]
    public void Without_its_machines_bits_a_vector_differs(string file, string other)
    {
        var vector = Read(file).Single(one => one.Id == "cold-folios");
        var mismatch = Replay.Run(vector with { Input = vector.Input with { Machine = MachineType.Find(other)! } }, Catalogue.Linux72);
        Assert.Equal("scan 1", mismatch?.What);
    }

    // 512 slots in a row: khugepaged's swap-in fails where a cluster has 256.
    [Fact]
    public void With_16K_pages_more_slots_in_a_row_than_a_cluster_has_fail_and_do_not_where_it_has_more()
    {
        var vector = Read("linux-7.2.13-arm64-16k.jsonl").Single(one => one.Id == "slots-beyond-a-cluster");
        Assert.Equal("0/11:failed:sw0/0", Assert.Single(vector.Passes[0].Attempts).ToString());
        var elsewhere = Replay.Run(vector with { Input = vector.Input with { Machine = MachineType.X86 } }, Catalogue.Linux72);
        Assert.Equal("scan 1", elsewhere?.What);
    }

    [Theory]
    [InlineData("x86_64", 4096, 9, "x86-64")]
    [InlineData("aarch64", 4096, 9, "arm64-4k")]
    [InlineData("aarch64", 16384, 11, "arm64-16k")]
    [InlineData("aarch64", 65536, 13, "arm64-64k")]
    public void A_greeting_says_which_machine_a_guest_is(string processor, int page, int order, string machine) =>
        Assert.Equal(machine, KernelAbilities.FromGreeting($"7.2.13 #1\nmachine {processor}\npagesize {page}\npmdorder {order}\n").Machine.Name);

    [Fact]
    public void A_machine_that_is_not_known_is_refused() => Assert.Equal(
        "the guest is s390x with pages of 4096 bytes and a PMD of order 8: expected one of x86-64, arm64-4k, arm64-16k, arm64-64k",
        Assert.Throws<GuestException>(() => KernelAbilities.FromGreeting("7.2.13 #1\nmachine s390x\npagesize 4096\npmdorder 8\n")).Message);

    [Theory]
    [InlineData("7.2.13+deb14-cloud-arm64", "arm64 with 4K pages")]
    [InlineData("7.2.13+deb14-arm64-16k", "arm64 with 16K pages")]
    [InlineData("7.2.13+deb14-cloud-amd64", null)]
    [InlineData("7.2", null)]
    public void A_name_says_what_a_kernel_is_built_for(string release, string? flavour) =>
        Assert.Equal(flavour, KernelFlavour.Named(release)?.ToString());

    [Fact]
    public void A_path_says_nothing_of_what_an_Image_is_built_for()
    {
        var (option, command) = (new FlavourOption(), new Command("kernel"));
        option.AddTo(command);
        Assert.Null(option.Get(command.Parse([]), "/tree/arch/arm64/boot/Image"));
        Assert.Equal("arm64 with 16K pages", option.Get(command.Parse([]), "7.2.13+deb14-arm64-16k")?.ToString());
    }

    // Documentation/arch/arm64/booting.rst: the magic, and the page size in the flags.
    [Theory]
    [InlineData(0x0a, "arm64 with 4K pages")]
    [InlineData(0x0c, "arm64 with 16K pages")]
    [InlineData(0x0e, "arm64 with 64K pages")]
    public void An_Image_says_it_by_its_header(byte flags, string flavour)
    {
        string path = Path.GetTempFileName();
        try
        {
            byte[] header = new byte[64];
            header[24] = flags;
            "ARMd"u8.CopyTo(header.AsSpan(56));
            File.WriteAllBytes(path, header);
            Assert.Equal(flavour, KernelFlavour.OfImage(path).ToString());
            File.WriteAllText(path, "MZ");
            Assert.Equal(KernelFlavour.Usual, KernelFlavour.OfImage(path));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Kernels_of_another_processor_come_from_lists_of_their_own()
    {
        var folder = new AptFolder("/somewhere", Guests.Packages.Architecture.Arm64);
        Assert.StartsWith("deb [arch=arm64 target=Packages ", folder.Sources("http://mirror.example/debian/", "/keys.gpg"),
            StringComparison.Ordinal);
        Assert.Contains("APT::Architecture \"arm64\";", folder.Configuration(), StringComparison.Ordinal);
        var pattern = new Regex(Guests.Packages.Architecture.Arm64.PackagePattern);
        Assert.Equal([true, true, false, false], new[] { "linux-binary-7.2.13+deb14-cloud-arm64", "linux-modules-7.2.13+deb14-arm64-16k",
            "linux-binary-7.2.13+deb14-rt-arm64", "linux-binary-7.2.13+deb14-cloud-amd64" }.Select(name => pattern.IsMatch(name)));
    }

    // Some are cold in part, and so large that a machine with such blocks tells: comparing would find it if the model did not have it.
    [Theory]
    [InlineData("x86_64", 4096, 9)]
    [InlineData("aarch64", 4096, 9)]
    [InlineData("aarch64", 16384, 11)]
    public void Live_scenarios_have_folios_that_are_cold_in_part(string processor, int page, int order)
    {
        var kernel = KernelAbilities.FromGreeting($"7.2.13 #1\nmachine {processor}\npagesize {page}\npmdorder {order}\nswap 1\n");
        var all = new LiveScenarios(1, kernel).All().Take(24 * LiveScenarios.Together).ToList();
        Assert.All(all, scenario => Assert.Equal(kernel.Machine, scenario.Machine));
        Assert.All(all, scenario => Assert.Null(LiveRefusal.Of(scenario, kernel, beside: true)));
        int differ = all.Count(scenario => !Referenced(scenario with { Machine = MachineType.X86 }).SequenceEqual(Referenced(scenario)));
        if (kernel.Machine == MachineType.X86)
            Assert.Equal(0, differ);
        else
            Assert.InRange(differ, 3, all.Count);

        static IEnumerable<int> Referenced(Daemon.Scenario scenario) =>
            scenario.Run(Catalogue.Linux72, 1)[0].Report.Tables.Select(table => table.Scan.Referenced);
    }

    [Theory]
    [InlineData("arm64-4k")]
    [InlineData("arm64-16k")]
    [InlineData("arm64-64k")]
    public void The_kernels_own_tests_come_out_as_expected_on_every_machine(string name)
    {
        var tests = Selftest.On(MachineType.Find(name)!);
        Assert.Equal(Selftest.All.Select(test => test.Name), tests.Select(test => test.Name));
        foreach (var kind in Enum.GetValues<CollapseKind>())
            Assert.All(tests.Where(test => test.IsFor(kind) && test.Name != "collapse_compound_extreme"),
                test => Assert.Equal((test.Name, test.Expected(kind)), (test.Name, test.RunModel(Catalogue.Linux72, kind))));
    }

    // The sizes of one machine's pages and tables stand in its MachineType alone.
    [Fact]
    public void No_page_size_and_no_geometry_is_written_into_guests_recordings_or_the_agent()
    {
        string[] folders = ["KhugepagedSpec.Guests/Live", "KhugepagedSpec.Guests/Machine", "KhugepagedSpec.Guests/Packages",
            "KhugepagedSpec.Recordings"];
        string[] files = [.. folders.SelectMany(folder => Directory.GetFiles(Repository.At("src", folder)))
            .Where(file => file.EndsWith(".cs", StringComparison.Ordinal) || file.EndsWith("agent.c", StringComparison.Ordinal))];
        Assert.InRange(files.Length, 70, 200);
        var written = files.SelectMany(file => File.ReadLines(file).Where(line => OfOneMachine().IsMatch(line))
            .Select(line => $"{Path.GetFileName(file)}: {line.Trim()}"));
        Assert.Empty(written);
        Assert.Matches(OfOneMachine(), "    private const long PageBytes = 4096;");
    }

    private static IReadOnlyList<RecordedVector> Read(string file)
    {
        var lines = VectorReader.Read(Path.Combine(Folder, file), Geometry.X86).ToList();
        Assert.DoesNotContain(lines, line => line.Error is not null);
        return [.. lines.Where(line => line.Vector is not null).Select(line => line.Vector!)];
    }

    [GeneratedRegex(@"\b4096(UL)?\b|\b(1|2)048kB\b|Geometry\.X86|hugepages-\d|PAGE << 9")]
    private static partial Regex OfOneMachine();
}
