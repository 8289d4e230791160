using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Properties;

/// <summary>Which version models which release.</summary>
public sealed class ReleaseFacts
{
    [Theory]
    [InlineData("7.3.4+deb13-cloud-amd64", "linux-7.3")]
    [InlineData("7.3-rc7", "linux-7.3-rc")]
    [InlineData("7.3-cloud-amd64 #1 SMP PREEMPT_DYNAMIC Debian 7.3~rc7-1~exp1 (2026-10-16)", "linux-7.3-rc")]
    [InlineData("7.3-cloud-amd64 #1 SMP PREEMPT_DYNAMIC Debian 7.3-1", "linux-7.3")]
    [InlineData("7.2.13+deb14-cloud-amd64", "linux-7.2")]
    [InlineData("7.2.12+deb13-cloud-amd64", "linux-7.2")]
    [InlineData("7.2.6+deb13-cloud-amd64", "linux-7.2")]
    [InlineData("7.2", "linux-7.2")]
    [InlineData("7.1.13+deb13-cloud-amd64", "linux-7.1")]
    [InlineData("7.1.3+deb13-cloud-amd64", "linux-7.1")]
    [InlineData("7.0.13+deb13-cloud-amd64", "linux-7.0")]
    [InlineData("7.0.4+deb13-cloud-amd64", "linux-7.0")]
    [InlineData("6.19.14+deb13-cloud-amd64", "linux-7.0")]
    [InlineData("6.19.6+deb13-cloud-amd64", "linux-7.0")]
    [InlineData("6.18.15+deb13-cloud-amd64", "linux-6.18")]
    [InlineData("6.18.5+deb13-cloud-amd64", "linux-6.18")]
    [InlineData("6.17.13+deb13-cloud-amd64", "linux-6.17")]
    [InlineData("6.17.8+deb13-cloud-amd64", "linux-6.17")]
    [InlineData("6.16.12+deb13-cloud-amd64", "linux-6.17")]
    [InlineData("6.16.3+deb13-cloud-amd64", "linux-6.17")]
    [InlineData("6.12.117+deb13-cloud-amd64", "linux-6.12")]
    [InlineData("6.12.107+deb13-cloud-amd64", "linux-6.12.107")]
    [InlineData("6.12.95+deb12-cloud-amd64", "linux-6.12.107")]
    [InlineData("6.12.90+deb12.1-cloud-amd64", "linux-6.12.107")]
    [InlineData("6.12.43+deb12-cloud-amd64", "linux-6.12.107")]
    public void Every_release_finds_the_version_that_is_named_after_the_last_one_of_its_kind(string kernel, string version) =>
        Assert.Equal(version, Catalogue.ForRelease(kernel)?.Name);

    [Theory]
    [InlineData("6.1.0-50-cloud-amd64")]
    [InlineData("6.1.0-47-cloud-amd64")]
    [InlineData("6.11.10")]
    [InlineData("6.12.110")] // between 6.12.107 and 6.12.117, which differ, nobody looked
    [InlineData("6.13.1")] // page tables that MADV_DONTNEED empties are freed since a release before 6.16
    [InlineData("6.15.11")]
    [InlineData("7.2-rc3")]
    [InlineData("7.4-rc1")]
    [InlineData("7.4.1")]
    [InlineData("7.30.1")]
    [InlineData("70.3")]
    [InlineData("7.2abc")]
    [InlineData("next-20261105")]
    [InlineData("")]
    public void A_release_that_is_not_modelled_finds_none_and_never_the_nearest(string kernel) => Assert.Null(Catalogue.ForRelease(kernel));

    [Fact]
    public void No_release_belongs_to_two_versions_and_none_since_6_16_to_none()
    {
        foreach (var (major, minor) in Enumerable.Range(16, 4).Select(minor => (6, minor))
            .Concat(Enumerable.Range(0, 4).Select(minor => (7, minor))))
            Assert.Single(Catalogue.Released, version => version.Releases!.Contains($"{major}.{minor}.1"));
        Assert.All(Enumerable.Range(0, 130),
            patch => Assert.InRange(Catalogue.Released.Count(version => version.Releases!.Contains($"6.12.{patch}")), 0, 1));
        Assert.All(Catalogue.All.Except(Catalogue.Released), version => Assert.Null(version.Releases));
    }

    [Fact]
    public void A_version_goes_by_the_name_of_any_of_its_releases()
    {
        Assert.Equal(Catalogue.Linux617, Catalogue.Find("linux-6.16"));
        Assert.Equal(Catalogue.Linux612Before, Catalogue.Find("linux-6.12.43"));
        Assert.Equal(Catalogue.Linux70, Catalogue.Find("linux-6.19.14"));
        Assert.Equal(Catalogue.Linux72, Catalogue.Find("linux-7.2.13"));
        Assert.Null(Catalogue.Find("linux-6.1"));
        Assert.Equal(Catalogue.Find("linux-7.3-rc"), Catalogue.Find("linux-7.3-rc7"));
        // A name that was mistyped is no release.
        Assert.All(["linux-7.2 with", "linux-7.2-nonswp", "linux-7.2abc", "linux-7.2.13\n", "linux-7.2.", "Linux-7.2"],
            name => Assert.Null(Catalogue.Find(name)));
        Assert.Null(Catalogue.Find("7.2.13"));
        Assert.Null(Catalogue.Find("legacy"));
    }
}
