using System.Reflection;
using Microsoft.Playwright;

namespace KhugepagedSpec.Regressions.Browser;

/// <summary>A headless browser, shared by the tests of a class.</summary>
public sealed class Chromium : IAsyncLifetime
{
    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public async Task InitializeAsync()
    {
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
        {
            ExecutablePath = typeof(Chromium).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
                .Single(one => one.Key == "BrowserPath").Value,
            Args = ["--no-sandbox", "--disable-gpu"],
        });
    }

    public async Task DisposeAsync()
    {
        await _browser!.DisposeAsync();
        _playwright!.Dispose();
    }

    /// <summary>Opens a file as a page of its own.</summary>
    /// <param name="path">The file.</param>
    /// <param name="scheme">Light or dark.</param>
    /// <param name="fragment">What follows '#'.</param>
    /// <param name="width">The window's, in pixels.</param>
    internal async Task<OpenPage> OpenAsync(string path, ColorScheme scheme = ColorScheme.Light, string fragment = "", int width = 1400)
    {
        var context = await _browser!.NewContextAsync(
            new BrowserNewContextOptions { ColorScheme = scheme, ViewportSize = new ViewportSize { Width = width, Height = 900 } });
        var page = new OpenPage(context, await context.NewPageAsync());
        await page.Page.GotoAsync($"file://{path}{fragment}");
        return page;
    }
}

/// <summary>A page and what went wrong on it.</summary>
internal sealed class OpenPage : IAsyncDisposable
{
    private readonly IBrowserContext _context;

    public OpenPage(IBrowserContext context, IPage page)
    {
        _context = context;
        Page = page;
        page.Console += (_, message) => Complaints.Add($"{message.Type}: {message.Text}");
        page.PageError += (_, error) => Complaints.Add(error);
        page.Request += (_, request) => Requests.Add(request.Url);
    }

    public IPage Page { get; }

    /// <summary>Console messages of any kind, and errors.</summary>
    public List<string> Complaints { get; } = [];

    /// <summary>All that was asked for, the page itself too.</summary>
    public List<string> Requests { get; } = [];

    public Task<string> Text(string selector) => Page.Locator(selector).InnerTextAsync();

    public Task Press(string key) => Page.Keyboard.PressAsync(key);

    public async ValueTask DisposeAsync()
    {
        Assert.Empty(Complaints);
        Assert.Single(Requests);
        await _context.CloseAsync();
    }
}
