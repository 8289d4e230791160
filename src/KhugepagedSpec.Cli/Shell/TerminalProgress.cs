using System.Diagnostics;
using ModelChecker.Exploration;
using Spectre.Console;

namespace KhugepagedSpec.Cli.Shell;

/// <summary>Progress bars, on a terminal's stderr only.</summary>
internal static class TerminalProgress
{
    /// <summary>Runs <paramref name="work"/> on each file; it reports the bytes it is done with.</summary>
    public static IReadOnlyList<T> Over<T>(IReadOnlyList<string> paths, Func<string, Action<int>, T> work)
    {
        if (Console.IsErrorRedirected)
            return [.. paths.Select(path => work(path, _ => { }))];
        return OnTerminal().Start(context => paths.Select(path =>
        {
            var task = context.AddTask(Path.GetFileName(path).EscapeMarkup(), maxValue: File.Exists(path)
                ? Math.Max(1, new FileInfo(path).Length) : 1);
            return work(path, bytes => task.Increment(bytes));
        }).ToList());
    }

    /// <summary>Runs <paramref name="work"/>, which says after each of <paramref name="count"/> steps that it is done.</summary>
    public static void Steps(string name, long count, Action<Action> work) => Amounts(name, count, advance => work(() => advance(1)));

    /// <summary>Runs <paramref name="work"/>, which says how much of <paramref name="total"/> it is done with since the last
    /// time.</summary>
    public static void Amounts(string name, long total, Action<Action<long>> work)
    {
        if (Console.IsErrorRedirected)
            work(_ => { });
        else
            OnTerminal().Start(context =>
            {
                var task = context.AddTask(name, maxValue: Math.Max(1, total));
                work(amount => task.Increment(amount));
            });
    }

    /// <summary>Runs <paramref name="work"/>, which tells how far it is; nobody knows how far it has to go.</summary>
    public static T Counting<T>(string what, Func<Action<int>, T> work) =>
        Console.IsErrorRedirected
            ? work(_ => { })
            : AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) }).Status()
                .Start(what, context => work(count => context.Status(FormattableString.Invariant($"{count} {what}"))));

    /// <summary>Runs a search, which tells how far it is.</summary>
    public static T Searching<T>(Func<Action<Extent>?, T> work)
    {
        if (Console.IsErrorRedirected)
            return work(null);
        var clock = Stopwatch.StartNew();
        return AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) }).Status()
            .Start("searching", context => work(extent => context.Status(FormattableString.Invariant(
            $"{extent.Distinct:N0} states, {extent.Distinct / clock.Elapsed.TotalSeconds:N0} a second, {extent.Left:N0} left on queue, depth {extent.Depth}"))));
    }

    private static Progress OnTerminal() =>
        AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) }).Progress().AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RateColumn(),
                new RemainingTimeColumn());

    // Steps a second: files' bytes, versions or units.
    private sealed class RateColumn : ProgressColumn
    {
        public override Spectre.Console.Rendering.IRenderable Render(Spectre.Console.Rendering.RenderOptions options, ProgressTask task,
            TimeSpan deltaTime) =>
            new Spectre.Console.Text(task.Speed is { } speed ? FormattableString.Invariant($"{speed:N1}/s") : "");
    }
}
