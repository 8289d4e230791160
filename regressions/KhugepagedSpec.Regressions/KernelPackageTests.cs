using System.Text;
using KhugepagedSpec.Guests.Packages;

namespace KhugepagedSpec.Regressions;

/// <summary>What apt prints, and what modules say of themselves: texts in, kernels out.</summary>
public sealed class KernelPackageTests
{
    private const string Updates = "http://mirror.example/debian/|bookworm-updates|oldstable-updates|main|Debian\n";
    private const string Security = "http://security.example/debian-security/|bookworm-security|oldstable-security|main|Debian\n";

    [Theory]
    [InlineData("http://mirror.example/debian/|bookworm|oldstable|main|Debian\n", "http://mirror.example/debian/")]
    [InlineData("http://mirror.example/debian/|rc-buggy|experimental|main|Debian\n", "http://mirror.example/debian/")]
    [InlineData("http://mirror.example/debian/|$(CODENAME)|trixie|main|$(ORIGIN)\n", "http://mirror.example/debian/")]
    [InlineData("http://mirror.example/debian/|trixie|stable|contrib|Debian\n", null)]
    [InlineData("http://mirror.example/debian/|trixie-backports|stable-backports|main|Debian\n", null)]
    [InlineData("http://mirror.example/other/|noble|noble|main|Other\n", null)]
    [InlineData("E: nonsense\n\n", null)]
    public void The_archive_is_what_serves_a_whole_suite_of_Debian(string line, string? archive) =>
        Assert.Equal(archive, AptTargets.Archive(Security + Updates + line));

    [Fact]
    public void Sources_are_signed_and_hold_every_suite_that_has_kernels()
    {
        string[] lines = new AptFolder("/somewhere").Sources("http://mirror.example/debian/", "/keys.gpg").TrimEnd('\n').Split('\n');
        Assert.Equal("deb [arch=amd64 target=Packages signed-by=/keys.gpg] http://mirror.example/debian/ sid main", lines[0]);
        Assert.Equal(["sid", "trixie-backports", "experimental", "trixie", "bookworm-backports", "bookworm"],
            lines.Select(line => line.Split(' ')[^2]));
    }

    [Fact]
    public void Nothing_of_the_machines_own_apt_is_run_or_written()
    {
        string text = new AptFolder("/somewhere").Configuration();
        foreach (string kept in new[] { "Dir::Etc::SourceList", "Dir::State::Lists", "Dir::State::Status", "Dir::Cache" })
            Assert.Contains($"{kept} \"/somewhere/", text, StringComparison.Ordinal);
        foreach (string hook in new[] { "Pre-Invoke", "Post-Invoke", "Post-Invoke-Success" })
            Assert.Contains($"#clear APT::Update::{hook};", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Binaries_come_with_modules_and_base_images_alone()
    {
        var kernels = Kernels(
            Package("linux-image-6.12.107+deb13-cloud-amd64", "6.12.107-1", "kmod", 34),
            Package("linux-modules-7.2.13+deb14-cloud-amd64", "7.2.13-1", "kmod", 23),
            Package("linux-base-7.2.13+deb14-cloud-amd64", "7.2.13-1", "", 1),
            Package("linux-binary-7.2.13+deb14-cloud-amd64", "7.2.13-1", "linux-base-7.2.13+deb14-cloud-amd64", 14));
        Assert.Equal(["7.2.13+deb14-cloud-amd64", "6.12.107+deb13-cloud-amd64"], kernels.Select(kernel => kernel.Release));
        Assert.Equal(["linux-binary-7.2.13+deb14-cloud-amd64", "linux-modules-7.2.13+deb14-cloud-amd64",
            "linux-base-7.2.13+deb14-cloud-amd64"], kernels[0].Packages.AsEnumerable());
        Assert.Equal(("7.2.13-1", 38, true, false), (kernels[0].Version, kernels[0].Bytes, kernels[0].HasModules, kernels[0].IsUnsigned));
        Assert.Equal(["linux-image-6.12.107+deb13-cloud-amd64"], kernels[1].Packages.AsEnumerable());
        Assert.True(kernels[1].HasModules);
    }

    [Theory]
    [InlineData("linux-image-6.1.0-50-cloud-amd64", "linux-image-6.1.0-50-cloud-amd64-unsigned", "6.1.0-50-cloud-amd64")]
    [InlineData("linux-binary-7.3-cloud-amd64", "linux-binary-unsigned-7.3-cloud-amd64", "7.3-cloud-amd64")]
    public void An_unsigned_image_is_taken_only_where_there_is_no_signed_one(string signed, string unsigned, string release)
    {
        var (one, other) = (Package(signed, "1", "", 1), Package(unsigned, "1", "", 1));
        Assert.Equal((release, signed, false), Only(Kernels(other, one)));
        Assert.Equal((release, signed, false), Only(Kernels(one, other)));
        Assert.Equal((release, unsigned, true), Only(Kernels(other)));

        static (string Release, string Image, bool IsUnsigned) Only(IReadOnlyList<DebianKernel> kernels)
        {
            var kernel = Assert.Single(kernels);
            return (kernel.Release, kernel.Packages[0], kernel.IsUnsigned);
        }
    }

    [Fact]
    public void An_image_that_only_depends_on_a_binary_is_no_kernel() =>
        Assert.Empty(Kernels(Package("linux-image-7.1.13+deb13-cloud-amd64", "1", "kmod, linux-binary-7.1.13+deb13-cloud-amd64 (= 1)", 1)));

    [Fact]
    public void A_binary_whose_modules_are_gone_has_none() =>
        Assert.False(Assert.Single(Kernels(Package("linux-binary-7.1.13+deb13-cloud-amd64", "1", "", 1))).HasModules);

    [Theory]
    [InlineData("7.2.13+deb14-cloud-amd64", "7.2", true)]
    [InlineData("7.2.13+deb14-cloud-amd64", "7", true)]
    [InlineData("7.2.13+deb14-cloud-amd64", "7.2.13+deb14", true)]
    [InlineData("7.2.13+deb14-cloud-amd64", "7.2.13+deb14-cloud-amd64", true)]
    [InlineData("7.20-cloud-amd64", "7.2", false)]
    [InlineData("7.2.13+deb14-cloud-amd64", "7.2.1", false)]
    [InlineData("7.2.13+deb14-cloud-amd64", "", false)]
    [InlineData("7.2.13+deb14-cloud-amd64", "2", false)]
    public void A_release_is_meant_by_its_beginning_up_to_a_separator(string release, string wanted, bool matches) =>
        Assert.Equal(matches, KernelRelease.Matches(release, wanted));

    [Fact]
    public void Newer_is_by_numbers_part_by_part()
    {
        string[] newestFirst =
        [
            "7.20-cloud-amd64", "7.3.4+deb13-cloud-amd64", "7.3-cloud-amd64", "7.3-rc7-cloud-amd64", "7.2.13+deb14-cloud-amd64",
                "7.2.13+deb9-cloud-amd64",
            "7.2.9+deb13-cloud-amd64", "6.12.90+deb12.1-cloud-amd64", "6.12.90+deb12-cloud-amd64", "6.1.0-50-cloud-amd64",
                "6.1.0-9-cloud-amd64",
        ];
        Assert.Equal(newestFirst, newestFirst.Order(StringComparer.Ordinal).OrderByDescending(release => release, KernelRelease.ByAge));
    }

    [Theory]
    [InlineData("7.3", "7.3.4+deb13-cloud-amd64")]
    [InlineData("7.3-cloud", "7.3-cloud-amd64")]
    [InlineData("6", "6.12.107+deb13-cloud-amd64")]
    [InlineData("5", null)]
    public void The_newest_that_is_meant_wins(string wanted, string? found)
    {
        string[] releases = ["6.12.94+deb13-cloud-amd64", "7.3-cloud-amd64", "6.12.107+deb13-cloud-amd64", "7.3.4+deb13-cloud-amd64"];
        Assert.Equal(found, KernelRelease.Newest(releases, release => release, wanted));
    }

    [Fact]
    public void What_is_called_so_exactly_wins_over_what_is_newer() =>
        Assert.Equal("7.3", KernelRelease.Newest(["7.3.4", "7.3"], release => release, "7.3"));

    [Theory]
    [InlineData("9.9", "7.3, 7.2.13, 7.2.12, 7.1")]
    [InlineData("7.2.99", "7.3, 7.2.13, 7.2.12")]
    [InlineData("7.2.12.1", "7.3, 7.2.13, 7.2.12, 7.1")]
    [InlineData("5.4", "7.1, 6.12")]
    public void A_release_that_there_is_not_names_its_neighbours(string wanted, string nearest)
    {
        string[] releases = ["7.1", "7.3", "7.2.12", "6.12", "7.2.13"];
        string line = DebianKernels.NoSuch(wanted, releases, null);
        Assert.StartsWith($"no kernel is called '{wanted}': nearest are {nearest}", line, StringComparison.Ordinal);
        Assert.DoesNotContain("older", line, StringComparison.Ordinal);
        Assert.EndsWith("(of older lists, as apt-get update failed: E: no)", DebianKernels.NoSuch(wanted, releases, "E: no"),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", null)]
    [InlineData("W: first\nE: second\nE: third\n", "E: second")]
    [InlineData("N: note\nW: first\nW: second\n", "W: first")]
    [InlineData("xz: file: broken\n", "xz: file: broken")]
    [InlineData("E: Failed to fetch http://mirror.example/debian/dists/sid/InRelease  Could not resolve 'mirror.example'",
        "E: Failed to fetch http://SERVER/debian/dists/sid/InRelease  Could not resolve 'SERVER'")]
    [InlineData("W: Failed to fetch http://mirror.example/x  Unable to connect to proxy.example:3128: (192.0.2.7)",
        "W: Failed to fetch http://SERVER/x  Unable to connect to SERVER:3128:")]
    [InlineData("E: Could not connect to mirror.example:80 (2001:db8::1), connection timed out",
        "E: Could not connect to SERVER:80, connection timed out")]
    public void Of_what_apt_complains_the_first_error_is_shown_without_servers(string stderr, string? line) =>
        Assert.Equal(line, AptErrors.First(stderr));

    [Theory]
    [InlineData("Hit:1 http://mirror.example sid InRelease\n", true)]
    [InlineData("Err:1 http://mirror.example sid InRelease\nGet:2 http://mirror.example trixie InRelease\n", true)]
    [InlineData("Err:1 http://mirror.example sid InRelease\nIgn:2 x\n", false)]
    public void A_server_that_gives_anything_has_answered(string stdout, bool answered) =>
        Assert.Equal(answered, AptErrors.SomethingCame(stdout));

    [Theory]
    [InlineData("license=GPL\0depends=lz4hc_compress,lz4-compress\0name=zram\0", "lz4hc_compress,lz4_compress")]
    [InlineData("license=GPL\0depends=\0name=lz4\0", "")]
    [InlineData("softdep=depends=no\0depends=zsmalloc", "zsmalloc")]
    public void A_module_says_what_it_needs(string modinfo, string needs) =>
        Assert.Equal(needs, string.Join(',', ModuleInfo.Needs(Encoding.ASCII.GetBytes("\u007fELF\0" + modinfo))));

    [Fact]
    public void A_file_that_is_no_module_says_so() =>
        Assert.Equal("no depends= in it: expected a kernel module",
            Assert.Throws<FormatException>(() => ModuleInfo.Needs("#!/bin/sh"u8)).Message);

    [Theory]
    [InlineData("/lib/modules/7/kernel/crypto/lzo-rle.ko.xz", "lzo_rle")]
    [InlineData("zram.ko", "zram")]
    [InlineData("lz4hc-compress", "lz4hc_compress")]
    public void Modules_are_named_by_their_file_with_underscores(string file, string name) => Assert.Equal(name, ModuleInfo.Name(file));

    [Fact]
    public void What_a_module_needs_is_inserted_before_it_and_once()
    {
        var needs = new Dictionary<string, string[]>
        {
            ["zram"] = ["zsmalloc", "lz4_compress", "builtin"],
            ["lz4"] = ["lz4_compress"],
            ["lz4_compress"] = [],
            ["zsmalloc"] = [],
            ["ext4"] = [],
        };
        Assert.Equal(
            ["lz4_compress", "lz4", "zsmalloc", "zram"],
            ModuleInfo.InsertionOrder(needs.Keys.Where(ModuleInfo.IsForZram), name => needs.GetValueOrDefault(name)).AsEnumerable());
    }

    private static IReadOnlyList<DebianKernel> Kernels(params string[] paragraphs) =>
        DebianKernel.Among(DebianPackage.ReadAll(string.Join('\n', paragraphs)));

    private static string Package(string name, string version, string depends, int size) =>
        $"Package: {name}\nVersion: {version}\nDepends: {depends}\nDescription: Linux\n Size: of no account\nSize: {size}\n";
}
