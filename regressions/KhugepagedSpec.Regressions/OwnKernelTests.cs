using System.Buffers.Binary;
using System.Text;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Guests.Packages;

namespace KhugepagedSpec.Regressions;

/// <summary>Kernels that somebody built: what is found at a path, and what is said where it is none.</summary>
[Collection("console")]
public sealed class OwnKernelTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("khugepaged-spec").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void An_image_says_what_release_it_is()
    {
        string image = Image("bzImage", "7.2.13-mine+ (me@here) #7 SMP Thu");
        Assert.Equal("7.2.13-mine+", OwnKernel.ReleaseOf(image));
        var kernel = OwnKernel.At(image, null, CancellationToken.None);
        Assert.Equal((image, image, "7.2.13-mine+", 0), (kernel.Name, kernel.ImagePath, kernel.Release, kernel.ModulePaths.Length));
    }

    [Fact]
    public void A_tree_has_its_image_its_configuration_and_its_modules()
    {
        string image = Image("linux/arch/x86/boot/bzImage", "7.3.1 (me@here) #1"), tree = Path.Combine(_folder, "linux");
        File.WriteAllText(Path.Combine(tree, ".config"), "CONFIG_KSM=y\n");
        string zram = Module("linux/drivers/block/zram/zram.ko", "zsmalloc"), zsmalloc = Module("linux/mm/zsmalloc.ko", "");
        Module("linux/fs/ext4.ko", "");
        var kernel = OwnKernel.At(tree, null, CancellationToken.None);
        Assert.Equal((tree, image, Path.Combine(tree, ".config")), (kernel.Name, kernel.ImagePath, kernel.ConfigPath));
        Assert.Equal([zsmalloc, zram], kernel.ModulePaths.ToArray());
    }

    [Fact]
    public void What_is_none_is_one_line()
    {
        File.WriteAllText(Path.Combine(_folder, "text"), new string('x', 2000));
        Image("image", "7.2.1 #1");
        Assert.Equal((2, "", $"khugepaged-spec: --kernel {_folder}/text: no x86 boot header: expected a bzImage or vmlinuz, as make bzImage leaves in arch/x86/boot/bzImage\n"), Run("text"));
        Assert.Equal(
            (2, "", $"khugepaged-spec: --kernel {_folder}/: no arch/x86/boot/bzImage in it: expected a kernel's source in which make bzImage was run, or an image\n"),
            Run(""));
        Assert.Equal(2, Run("nothing").Code);
        Assert.Equal(
            (2, "", $"khugepaged-spec: --kernel {_folder}/none: no such folder: expected one with the kernel's modules\n"),
            Run("image", "--modules", $"{_folder}/none"));
        Assert.StartsWith(
            $"khugepaged-spec: --kernel {_folder}: no zram.ko in it: expected the kernel's modules, or no --modules",
            Run("image", "--modules", _folder).Error, StringComparison.Ordinal);
        Assert.Equal((2, "", "khugepaged-spec: --modules x: a kernel of the cache has its own: expected it with --kernel PATH\n"),
            Cli.Run("kernel", "compare", "--modules", "x"));
    }

    [Fact]
    public void A_tree_without_what_a_guest_needs_is_refused_by_name()
    {
        Image("linux/arch/x86/boot/bzImage", "7.2.1 #1");
        string config = Path.Combine(_folder, "linux", ".config");
        File.WriteAllText(config, GuestConfig.Fragment()
            .Replace("CONFIG_VIRTIO_CONSOLE=y", "CONFIG_VIRTIO_CONSOLE=m", StringComparison.Ordinal)
                .Replace("CONFIG_KSM=y\n", "", StringComparison.Ordinal));
        Assert.Equal(
            (2, "", $"khugepaged-spec: --kernel {_folder}/linux: built without CONFIG_VIRTIO_CONSOLE=y: no guest runs without; khugepaged-spec kernel config says what for\n"),
            Run("linux"));
        var (code, output, _) = Cli.Run("kernel", "config", "--check", config);
        Assert.Equal(2, code);
        Assert.Equal(["CONFIG_VIRTIO_CONSOLE=y needed:", "CONFIG_KSM=y never: K"], output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line =>
            string.Join(' ', line.Split(' ',
                StringSplitOptions.RemoveEmptyEntries)[..(line.Contains("KSM", StringComparison.Ordinal) ? 3 : 2)])));
    }

    [Fact]
    public void The_fragment_lacks_nothing_and_names_what_may_be_missing()
    {
        Assert.Empty(GuestConfig.Lacking(GuestConfig.Fragment()));
        Assert.Equal((0, GuestConfig.Fragment(), ""), Cli.Run("kernel", "config"));
        Assert.Equal(GuestConfig.Options.Length, GuestConfig.Lacking("").Count());
        string all = string.Join(", ", GuestConfig.Options.Where(option => !option.IsNeeded).Select(option => option.What));
        var bare = KhugepagedSpec.Guests.Live.KernelAbilities.FromGreeting(
            "7.3.4 #1\nswap 0\nmemcg 0\nksm 0\nuffd 0\nuffdwp 0\nhwpoison 0\n");
        Assert.All(bare.Lacks.SelectMany(lack => lack.Kinds), kind => Assert.Contains(kind, all, StringComparison.Ordinal));
    }

    [Fact]
    public void What_is_printed_asks_for_the_same_kernel()
    {
        var kernel = new CachedKernel("7.2.13", "/k/bzImage", []) { Name = "my trees/linux", ModulesFolder = "/m" };
        Assert.Equal("--kernel 'my trees/linux' --modules /m", KernelOption.Words(kernel));
        Assert.Equal(
            "--kernel 7.2.13 --memory 2048 --cpus 2 --append 'a b' --qemu-args '-device x'",
            KernelOption.Words(kernel with
            {
                Name = "7.2.13",
                ModulesFolder = null,
                Machine = new GuestMachine { MemoryMegabytes = 2048, Cpus = 2, Append = "a b", QemuArguments = ["-device", "x"] },
            }));
    }

    [Theory]
    [InlineData("--memory", "100", "--memory 100: expected 512 to 1048576")]
    [InlineData("--cpus", "0", "--cpus 0: expected 1 to 64")]
    [InlineData("--khugepaged-cpu", "any", "--khugepaged-cpu any: the guest has 1: expected more --cpus")]
    [InlineData("--khugepaged-cpu", "first", "--khugepaged-cpu first: expected the number of a CPU, or any")]
    [InlineData("--khugepaged-cpu", "64", "--khugepaged-cpu 64: the guest has 1: expected more --cpus")]
    [InlineData("--nodes", "1 --numa-balancing", "--numa-balancing: the guest has one NUMA node: expected --nodes 2")]
    public void A_machine_that_is_none_is_refused(string option, string value, string error) =>
        Assert.Equal((2, "", $"khugepaged-spec: {error}\n"), Run("image", [option, .. value.Split(' ')]));

    [Theory]
    [InlineData(1, false, "--kernel k --cpus 2 --khugepaged-cpu 1")]
    [InlineData(null, true, "--kernel k --cpus 2 --nodes 2 --khugepaged-cpu any --numa-balancing")]
    public void A_difference_can_be_asked_for_on_the_same_machine(int? daemonCpu, bool balances, string words) => Assert.Equal(
        words,
        KernelOption.Words(new CachedKernel("7.2.13", "k", [])
        {
            Name = "k",
            Machine = new GuestMachine { Cpus = 2, Nodes = balances ? 2 : 1, DaemonCpu = daemonCpu, BalancesNuma = balances },
        }));

    private (int Code, string Output, string Error) Run(string file, params string[] more) =>
        Cli.Run(["kernel", "compare", "--count", "1", "--kernel", $"{_folder}/{file}", .. more]);

    private string Image(string name, string version)
    {
        byte[] image = new byte[4096];
        "HdrS"u8.CopyTo(image.AsSpan(0x202));
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(0x20E), 0x400);
        Encoding.ASCII.GetBytes(version + "\0").CopyTo(image.AsSpan(0x600));
        return Write(name, image);
    }

    private string Module(string name, string needs) => Write(name, Encoding.ASCII.GetBytes($"\0depends={needs}\0"));

    private string Write(string name, byte[] content)
    {
        string path = Path.Combine(_folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, content);
        return path;
    }
}
