namespace KhugepagedSpec.Regressions;

/// <summary>Stands for the tests that open pages, where there is nothing to open them in.</summary>
public sealed class NoBrowserTests
{
    [Fact(
        Skip =
            "opens pages in /usr/bin/chromium, which was not there when this was built: apt-get install chromium, and dotnet test again")]
    public void Pages_show_in_a_browser_what_was_run()
    {
    }
}
