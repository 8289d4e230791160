using Spectre.Console;

namespace KhugepagedSpec.Cli;

/// <summary>A progress bar per file, on a terminal's stderr only.</summary>
internal static class ReplayProgress
{
    /// <summary>Runs <paramref name="work"/> on each file; it reports the bytes it is done with.</summary>
    public static IReadOnlyList<T> Over<T>(IReadOnlyList<string> paths, Func<string, Action<int>, T> work)
    {
        if (Console.IsErrorRedirected)
            return [.. paths.Select(path => work(path, _ => { }))];
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        return console.Progress().AutoClear(true).Start(context => paths.Select(path =>
        {
            var task = context.AddTask(Path.GetFileName(path).EscapeMarkup(), maxValue: Math.Max(1, new FileInfo(path).Length));
            return work(path, bytes => task.Increment(bytes));
        }).ToList());
    }
}
