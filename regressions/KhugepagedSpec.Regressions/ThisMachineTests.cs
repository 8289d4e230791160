using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.Guests.Machine;
using KhugepagedSpec.Guests.Packages;

namespace KhugepagedSpec.Regressions;

/// <summary>The machine that the program runs on, in a guest's place: who else is scanned there, and what never occurs.</summary>
public sealed class ThisMachineTests : IDisposable
{
    private readonly string _proc = Directory.CreateTempSubdirectory("proc-").FullName;

    public void Dispose() => Directory.Delete(_proc, recursive: true);

    private void Add(int pid, string name, string flags)
    {
        string folder = Directory.CreateDirectory(Path.Combine(_proc, $"{pid}")).FullName;
        File.WriteAllText(Path.Combine(folder, "comm"), name + "\n");
        File.WriteAllText(Path.Combine(folder, "smaps"), $"55d0-55d1 rw-p 0 00:00 0 [heap]\nSize: 4 kB\nVmFlags: {flags}\n");
    }

    [Fact]
    public void Who_has_advised_memory_is_scanned_along_and_nobody_else()
    {
        Add(10, "qemu", "rd wr mr mw me ac sd hg");
        Add(11, "redis", "rd wr mr mw me ac sd");
        Add(12, "jvm", "rd wr hg mr");
        Add(13, "hugetlb", "rd wr ht nh");
        Directory.CreateDirectory(Path.Combine(_proc, "sys"));
        Directory.CreateDirectory(Path.Combine(_proc, "14"));
        Assert.Equal(["jvm (12)", "qemu (10)"], Bystanders.Of(_proc).Order());
    }

    [Fact]
    public void What_harms_others_never_occurs_here_and_may_in_a_guest()
    {
        var here = KernelAbilities.BeforeBoot(CachedKernel.Here());
        Assert.True(here.IsHere);
        Assert.Contains(here.Lacks, lack => lack.What == "what harms others" && lack.Kinds.Contains("alloc-fails"));
        Assert.False(here.HasKsm || here.HasMemcg || here.HasHwPoison);
        var guest = KernelAbilities.BeforeBoot(new CachedKernel("7.2.13", "/k", []));
        Assert.DoesNotContain(guest.Lacks, lack => lack.What == "what harms others");
    }

    [Fact]
    public void Fresh_scenarios_for_this_machine_need_nothing_that_harms_others()
    {
        var here = KernelAbilities.BeforeBoot(new CachedKernel("7.2.13", "/", []) { IsHere = true });
        var scenarios = Enumerable.Range(0, 100).SelectMany(number => new LiveScenarios(1, here).Batch(number)).ToList();
        Assert.All(scenarios, scenario => Assert.Null(LiveRefusal.OfKernel(scenario, here)));
        Assert.All(scenarios, scenario => Assert.Empty(scenario.Faults));
    }
}
