namespace KhugepagedSpec.Cli.Shell;

/// <summary>Says what is being done, a line each, once it has taken two seconds; nothing of what is over sooner.</summary>
internal sealed class LateProgress : IDisposable
{
    private readonly Lock _lock = new();
    private readonly TextWriter _output;
    private readonly Timer _timer;
    private string? _last;
    private bool _isLate;

    public LateProgress(TextWriter output)
    {
        _output = output;
        _timer = new Timer(_ => BeginToSpeak(), null, TimeSpan.FromSeconds(2), Timeout.InfiniteTimeSpan);
    }

    public void Say(string line)
    {
        lock (_lock)
        {
            _last = line;
            if (_isLate)
                _output.WriteLine(line);
        }
    }

    public void Dispose()
    {
        _timer.Dispose();
        lock (_lock)
            _isLate = false;
    }

    private void BeginToSpeak()
    {
        lock (_lock)
        {
            _isLate = true;
            if (_last is not null)
                _output.WriteLine(_last);
        }
    }
}
