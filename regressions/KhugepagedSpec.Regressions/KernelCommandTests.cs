using System.Text.Json;
using KhugepagedSpec.Guests.Packages;

namespace KhugepagedSpec.Regressions;

/// <summary>The commands on kernels, with a cache of their own and tools that are scripts; no network.</summary>
[Collection("environment")]
public sealed class KernelCommandTests : IDisposable
{
    private const string Kernel = "7.2.13+deb14-cloud-amd64";

    private readonly string _folder = Directory.CreateTempSubdirectory("khugepaged-spec").FullName;
    private readonly string? _cacheBefore = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
    private readonly string? _pathBefore = Environment.GetEnvironmentVariable("PATH");

    public KernelCommandTests()
    {
        Environment.SetEnvironmentVariable("XDG_CACHE_HOME", Path.Combine(_folder, "cache"));
        Directory.CreateDirectory(Tools);
    }

    private string Tools => Path.Combine(_folder, "tools");

    public void Dispose()
    {
        Environment.SetEnvironmentVariable("XDG_CACHE_HOME", _cacheBefore);
        Environment.SetEnvironmentVariable("PATH", _pathBefore);
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void What_is_cached_is_listed_newest_first_and_nobody_is_asked()
    {
        Environment.SetEnvironmentVariable("PATH", Tools);
        Assert.Equal((0, "no kernel is cached: khugepaged-spec kernel fetch RELEASE fetches one\n", ""),
            Cli.Run("kernel", "list", "--cached"));
        Cache("6.12.107+deb13-cloud-amd64", "6.12.107-1", "zsmalloc.ko", "zram.ko");
        Cache("7.1.13+deb13-cloud-amd64", "7.1.13-1~bpo13+1");
        // Not there: an unfinished one, and one without an image.
        Cache(".unfinished", "1");
        Directory.CreateDirectory(Path.Combine(KernelCache.Folder, "7.9"));
        Assert.Equal(
            (0, """
                release                     version           cached
                7.1.13+deb13-cloud-amd64    7.1.13-1~bpo13+1  yes     no modules
                6.12.107+deb13-cloud-amd64  6.12.107-1        yes

                """, ""),
            Cli.Run("kernel", "list", "--cached"));
        var json = JsonDocument.Parse(Cli.Run("kernel", "list", "--cached", "--json").Output).RootElement;
        Assert.Equal(
            [("7.1.13+deb13-cloud-amd64", true, false), ("6.12.107+deb13-cloud-amd64", true, true)],
            json.EnumerateArray().Select(kernel =>
                (kernel.GetProperty("release").GetString()!, kernel.GetProperty("cached").GetBoolean(), kernel.GetProperty("modules")
                    .GetBoolean())));
    }

    [Fact]
    public void Modules_are_in_the_order_of_insertion()
    {
        Cache("6.12.107+deb13-cloud-amd64", "6.12.107-1", "zsmalloc.ko", "zram.ko");
        var kernel = KernelCache.Find("6.12")!;
        Assert.Equal(["zsmalloc.ko", "zram.ko"], kernel.ModulePaths.Select(Path.GetFileName));
        Assert.Equal(Path.Combine(KernelCache.Folder, kernel.Release, "vmlinuz"), kernel.ImagePath);
        Assert.All(kernel.ModulePaths, path => Assert.Equal(Path.Combine(kernel.Folder, "modules"), Path.GetDirectoryName(path)));
        Assert.Null(kernel.ConfigPath);
        Assert.Null(KernelCache.Find("6.1"));
    }

    [Fact]
    public void What_is_cached_is_not_fetched()
    {
        Environment.SetEnvironmentVariable("PATH", Tools);
        Cache(Kernel, "7.2.13-1", "zram.ko");
        Assert.Equal((0, $"{Kernel}  {Path.Combine(KernelCache.Folder, Kernel)}  (cached already)\n", ""),
            Cli.Run("kernel", "fetch", "7.2"));
    }

    [Fact]
    public void Without_apt_one_line_says_so()
    {
        Environment.SetEnvironmentVariable("PATH", Tools);
        Cache(Kernel, "7.2.13-1", "zram.ko");
        var (code, output, error) = Cli.Run("kernel", "fetch", "6.12", "7.2");
        Assert.Equal((2, "khugepaged-spec: no apt-get on PATH: install apt: kernels are fetched from Debian's archive by it\n"),
            (code, error));
        // And loses no other kernel.
        Assert.StartsWith(Kernel, output, StringComparison.Ordinal);
        Assert.Equal((2, ""), (Cli.Run("kernel", "list").Code, Cli.Run("kernel", "list").Output));
    }

    [DebianFact]
    public void A_kernel_is_fetched_unpacked_and_put_in_place()
    {
        Script("apt-get", """
            case "$*" in
            indextargets*) echo 'http://mirror.example/debian/|sid|unstable|main|Debian' ;;
            *update*) echo 'Get:1 http://mirror.example sid InRelease' ;;
            *download*) touch linux-binary.deb linux-modules.deb ;;
            esac
            """);
        Script("apt-cache", $"printf 'Package: %s\\nVersion: 7.2.13-1\\nSize: 2000000\\n\\n' linux-binary-{Kernel} linux-modules-{Kernel}");
        Script("dpkg-deb", $$"""
            modules=$3/usr/lib/modules/{{Kernel}}
            mkdir -p $modules/kernel
            case "$2" in
            *binary*) echo image >$modules/vmlinuz; echo CONFIG_ZRAM=m >$modules/config ;;
            *modules*)
                printf 'ELF\0depends=zsmalloc,lz4-compress\0' | gzip >$modules/kernel/zram.ko.gz
                printf 'ELF\0depends=\0' >$modules/kernel/zsmalloc.ko
                printf 'ELF\0depends=\0' >$modules/kernel/lz4-compress.ko
                printf 'ELF\0depends=\0' >$modules/kernel/ext4.ko ;;
            esac
            """);
        Assert.Equal((0, $"release                   version   cached\n{Kernel}  7.2.13-1  no\n", ""), Cli.Run("kernel", "list"));
        string place = Path.Combine(KernelCache.Folder, Kernel);
        Assert.Equal((0, $"{Kernel}  {place}\n", ""), Cli.Run("kernel", "fetch", "7.2"));
        Assert.Equal(
            ["config", "modules/lz4-compress.ko", "modules/order", "modules/zram.ko", "modules/zsmalloc.ko", "version", "vmlinuz"],
            Directory.GetFiles(place, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(place, file))
                .Order(StringComparer.Ordinal));
        Assert.Equal(["lz4-compress.ko", "zsmalloc.ko", "zram.ko"], KernelCache.Find("7.2")!.ModulePaths.Select(Path.GetFileName));
        Assert.Equal([place], Directory.GetDirectories(KernelCache.Folder));
        Assert.Contains($"{Kernel}  7.2.13-1  yes\n", Cli.Run("kernel", "list").Output, StringComparison.Ordinal);
    }

    [DebianFact]
    public void A_release_that_there_is_not_is_asked_for_once_more()
    {
        Script("apt-get", """
            case "$*" in
            indextargets*) echo 'http://mirror.example/debian/|sid|unstable|main|Debian' ;;
            *update*) echo update >>"$(dirname "$0")/asked"; echo 'Hit:1 http://mirror.example sid InRelease' ;;
            esac
            """);
        Script("apt-cache", $"printf 'Package: linux-binary-{Kernel}\\nVersion: 7.2.13-1\\n'");
        string refused = $"khugepaged-spec: no kernel is called '9.9': nearest are {Kernel}; khugepaged-spec kernel list lists all\n";
        // The first run asks as it knows nothing, the second as it does not find it; a list of today is not asked for.
        foreach (int asked in new[] { 1, 2 })
        {
            Assert.Equal((2, "", refused), Cli.Run("kernel", "fetch", "9.9"));
            Assert.Equal(asked, File.ReadAllLines(Path.Combine(Tools, "asked")).Length);
        }
        Assert.Equal(0, Cli.Run("kernel", "list").Code);
        Assert.Equal(2, File.ReadAllLines(Path.Combine(Tools, "asked")).Length);
    }

    [DebianFact]
    public void A_server_that_does_not_answer_is_one_line()
    {
        Script("apt-get", """
            case "$*" in
            indextargets*) echo 'http://mirror.example/debian/|sid|unstable|main|Debian' ;;
            *update*) echo "E: Failed to fetch http://mirror.example/debian/dists/sid/InRelease  Could not resolve 'mirror.example'" >&2; exit 100 ;;
            esac
            """);
        Script("apt-cache", "");
        Assert.Equal(
            (2, "", "khugepaged-spec: the package server does not answer: E: Failed to fetch http://SERVER/debian/dists/sid/InRelease  Could not resolve 'SERVER'\n"),
            Cli.Run("kernel", "list"));
    }

    [DebianFact]
    public void A_download_that_fails_leaves_nothing()
    {
        Script("apt-get", """
            case "$*" in
            indextargets*) echo 'http://mirror.example/debian/|sid|unstable|main|Debian' ;;
            *update*) echo 'Hit:1 http://mirror.example sid InRelease' ;;
            *download*) touch half.deb; echo 'E: Unable to fetch some archives' >&2; exit 100 ;;
            esac
            """);
        Script("apt-cache", $"printf 'Package: linux-binary-{Kernel}\\nVersion: 7.2.13-1\\n'");
        Assert.Equal((2, "", $"khugepaged-spec: {Kernel}: the package server does not give it: E: Unable to fetch some archives\n"),
            Cli.Run("kernel", "fetch", "7.2"));
        Assert.Empty(Directory.EnumerateFileSystemEntries(KernelCache.Folder));
    }

    [DebianFact]
    public void Cancelling_ends_the_tool_and_leaves_nothing()
    {
        Script("apt-get", """
            case "$*" in
            indextargets*) echo 'http://mirror.example/debian/|sid|unstable|main|Debian' ;;
            *update*) echo 'Hit:1 http://mirror.example sid InRelease' ;;
            *download*) touch half.deb; sleep 600 ;;
            esac
            """);
        Script("apt-cache", $"printf 'Package: linux-binary-{Kernel}\\nVersion: 7.2.13-1\\n'");
        using var cancellation = new CancellationTokenSource();
        var kernels = new DebianKernels(line =>
            cancellation.CancelAfter(line.StartsWith("downloading", StringComparison.Ordinal) ? 200 : Timeout.Infinite),
                cancellation.Token);
        Assert.Throws<OperationCanceledException>(() => kernels.Fetch("7.2"));
        Assert.Empty(Directory.EnumerateFileSystemEntries(KernelCache.Folder));
    }

    private static void Cache(string release, string version, params string[] modules)
    {
        string folder = Path.Combine(KernelCache.Folder, release);
        Directory.CreateDirectory(Path.Combine(folder, "modules"));
        File.WriteAllText(Path.Combine(folder, "vmlinuz"), "");
        File.WriteAllText(Path.Combine(folder, "version"), version + "\n");
        File.WriteAllLines(Path.Combine(folder, "modules", "order"), modules);
    }

    // Found before the machine's own.
    private void Script(string name, string text)
    {
        string path = Path.Combine(Tools, name);
        File.WriteAllText(path, "#!/bin/sh\nset -e\n" + text + "\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Environment.SetEnvironmentVariable("PATH", $"{Tools}:{_pathBefore}");
    }

    // Debian's keys are read where they are installed.
    private sealed class DebianFactAttribute : FactAttribute
    {
        public DebianFactAttribute()
        {
            if (!File.Exists("/usr/share/keyrings/debian-archive-keyring.gpg"))
                Skip = "no debian-archive-keyring here";
        }
    }
}
