using System.Collections.Immutable;
using System.Text;
using KhugepagedSpec.Cli.Commands;
using KhugepagedSpec.Cli.Text;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.Guests.Machine;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Regressions;

/// <summary>What a guest boots from, and what its greeting says of it.</summary>
public sealed class GuestTests
{
    [Fact]
    public void An_archive_is_what_the_kernel_unpacks()
    {
        using var stream = new MemoryStream();
        using (var archive = new CpioArchive(stream))
        {
            archive.AddFolder("dev");
            archive.AddCharacterDevice("dev/console", 5, 1);
            archive.AddFile("init", "#!x!y"u8.ToArray(), executable: true);
            archive.AddFile("a", []);
        }
        // Magic; then inode, mode, uid, gid, links, time, size, device, of which device, name's bytes, checksum; each entry and
        // each content ends on a multiple of 4.
        Assert.Equal(
            Entry(mode: "000041ED", size: "00000000", device: "0000000000000000", nameSize: "00000004", "dev\0\0\0")
            + Entry("00002180", "00000000", "0000000500000001", "0000000C", "dev/console\0\0\0")
            + Entry("000081ED", "00000005", "0000000000000000", "00000005", "init\0\0") + "#!x!y\0\0\0"
            + Entry("000081A4", "00000000", "0000000000000000", "00000002", "a\0")
            + Entry("00000000", "00000000", "0000000000000000", "0000000B", "TRAILER!!!\0\0\0\0"),
            Encoding.ASCII.GetString(stream.ToArray()));
        Assert.Equal(0, stream.Length % 4);

        static string Entry(string mode, string size, string device, string nameSize, string name) =>
            $"070701{"00000000"}{mode}{"00000000"}{"00000000"}{"00000001"}{"00000000"}{size}{"00000000"}{"00000000"}{device}{nameSize}{"00000000"}{name}";
    }

    [Theory]
    [InlineData("7.3-rc7 #1 SMP\nkhugepaged 1\nswap 1\n", 7, 3, true, "linux-7.3-rc", ".xZzohplLwWqkbrKsSg")]
    [InlineData("7.3.4+deb13-cloud-amd64 #1 SMP PREEMPT_DYNAMIC Debian 7.3.4-1~bpo13+1\nswap 1\n", 7, 3, true, "linux-7.3",
        ".xZzohplLwWqkbrKsSg")]
    [InlineData("7.2.13+deb14-cloud-amd64 #1 SMP\nswap 0\n", 7, 2, false, "linux-7.2", ".xZzohplLwWqkbrKg")]
    [InlineData("7.1.13 #1 SMP\nswap 1\n", 7, 1, true, "linux-7.1", ".xZzohplLwWqkbrKsSg")]
    [InlineData("7.0 #1\nswap 1", 7, 0, true, "linux-7.0", ".xZzohplLwWqkbrsSg")]
    [InlineData("6.16.12 #1\nswap 1\n", 6, 16, true, "linux-6.17", ".xZzohplLwWqkbrsSg")]
    [InlineData("6.12.107 #1\nswap 1\n", 6, 12, true, "linux-6.12.107", ".xZzohplLwWqkbrsS")]
    public void A_greeting_says_what_a_kernel_can_do(string greeting, int major, int minor, bool swap, string model, string kinds)
    {
        var kernel = KernelAbilities.FromGreeting(greeting);
        Assert.Equal((major, minor, swap, kinds), (kernel.Number.Major, kernel.Number.Minor, kernel.HasSwap, kernel.Kinds));
        Assert.Equal(Catalogue.Find(model), kernel.Model);
        Assert.Equal((greeting.Split('\n')[0], greeting.Split(' ')[0]), (kernel.FullName, kernel.Release));
    }

    [Theory]
    [InlineData("10.0 #1\nswap 1\n")]
    [InlineData("6.1.0-50-cloud-amd64 #1\nswap 1\n")]
    public void A_kernel_that_nothing_models_is_refused(string greeting) => Assert.Equal(
        $"Linux {greeting.Split(' ')[0]} is not modelled: expected Linux 6.12 to 7.3, or --model NAME",
        Assert.Throws<GuestException>(() => KernelAbilities.FromGreeting(greeting).Model).Message);

    // v19 differs from 7.2 in swap alone: without any, that they agree says nothing.
    [Fact]
    public void What_a_kernel_lacks_is_no_part_of_what_agrees()
    {
        var without = Lacks("7.2.13 #1\nswap 0\n");
        Assert.Equal(["swap (no swap device): s, S, s[slot+count], pageout"], without.Select(lack => lack.ToString()));
        Assert.Equal(
            "48 scenarios agree in every pass, but never: swap; the kernel keeps every invariant claimed of v19",
                KernelCompareText.Agreement(48, without, "v19"));
        Assert.Equal([3, 1, 3], [KernelCompareCommand.Code(true, 0, without), KernelCompareCommand.Code(false, 0, without),
            KernelCompareCommand.Code(true, 1, [])]);
        var whole = Lacks("7.2.13 #1\nswap 1\nmemcg 1\nksm 1\n");
        Assert.Empty(whole);
        Assert.Equal("48 scenarios agree in every pass; the kernel keeps every invariant claimed of v19",
            KernelCompareText.Agreement(48, whole, "v19"));
        Assert.Equal(0, KernelCompareCommand.Code(true, 0, whole));
    }

    // What no kernel of the release has is said, and is no gap.
    [Fact]
    public void What_a_release_does_not_have_is_said()
    {
        Assert.Equal(["KSM", "guards"], Lacks("6.12.117 #1\nswap 1\n").Select(lack => lack.What));
        Assert.Equal(0, KernelCompareCommand.Code(true, 0, Lacks("6.12.117 #1\nswap 1\n")));
        Assert.Equal(["swap", "memcg", "KSM"], Lacks("7.3.4 #1\nswap 0\nmemcg 0\nksm 0\n").Select(lack => lack.What));
    }

    // A backport to an older base has what the agent found, not what its number says; a build of its own may lack anything.
    [Fact]
    public void What_the_agent_found_counts_and_not_the_release()
    {
        var backport = KernelAbilities.FromGreeting("6.18.1 #1\nswap 1\nmthp 1\nguards 0\nuffdrwp 1\nexceptadvised 0\ntellsksm 1\n");
        Assert.Equal((true, false, true, false, true), (
            backport.CollapsesToMthp, backport.HasGuards, backport.HasUffdRwp, backport.HasThpDisableExceptAdvised, backport.TellsKsm));
        Assert.False(backport.NeedsPmdSize);
        var plain = KernelAbilities.FromGreeting("7.3.4 #1\nswap 1\nmthp 0\nuffdrwp 0\nkprobes 0\nclearonce 1\n");
        Assert.Equal((false, false, false, true), (plain.CollapsesToMthp, plain.HasUffdRwp, plain.HasProbes, plain.ForgetsWarnings));
        Assert.True(plain.NeedsPmdSize);
    }

    [Theory]
    [InlineData("uffd 0\n", "userfaultfd", ".xZzohplLrbKsg")]
    [InlineData("uffdwp 0\nuffdrwp 0\n", "uffd-wp", ".xZzohplLrbKsg")]
    [InlineData("uffdpoison 0\n", "poison markers", ".xZzohplLwWqbrKsSg")]
    [InlineData("hwpoison 0\n", "memory failure", ".xZzohplLwWqkrKsSg")]
    [InlineData("kprobes 0\n", "probes", ".xZzohplLwWqkbrKsSg")]
    [InlineData("events 0\n", "tracepoints", ".xZzohplLwWqkbrKsSg")]
    [InlineData("vmevents 0\n", "vmstat", ".xZzohplLwWqkbrKsSg")]
    [InlineData("log 0\n", "log", ".xZzohplLwWqkbrKsSg")]
    public void What_an_option_would_give_is_missing_by_name(string greeting, string lack, string kinds)
    {
        var kernel = KernelAbilities.FromGreeting($"7.3.4 #1\nswap 1\n{greeting}");
        Assert.Equal([lack], kernel.Lacks.Select(one => one.What));
        Assert.Equal(kinds.Order(), kernel.Kinds.Order());
        var all = new LiveScenarios(3, kernel).All().Take(40 * LiveScenarios.Together).ToList();
        Assert.All(all, scenario => Assert.Null(LiveRefusal.OfKernel(scenario, kernel)));
    }

    [Fact]
    public void What_a_kernel_lacks_never_occurs_in_its_scenarios()
    {
        var kernel = KernelAbilities.FromGreeting("7.3.4 #1\nswap 0\nmemcg 0\nksm 0\nuffd 0\nuffdwp 0\nuffdrwp 0\nhwpoison 0\nguards 0\n");
        var all = new LiveScenarios(3, kernel).All().Take(40 * LiveScenarios.Together).ToList();
        Assert.All(all, scenario => Assert.Null(LiveRefusal.OfKernel(scenario, kernel)));
        Assert.Contains(new LiveScenarios(3, KernelAbilities.FromGreeting("7.3.4 #1\nswap 1\n")).All().Take(40 * LiveScenarios.Together),
            scenario =>
            LiveRefusal.OfKernel(scenario, kernel) is not null);
    }

    private static ImmutableArray<Lack> Lacks(string greeting) => KernelAbilities.FromGreeting(greeting).Lacks;
}
