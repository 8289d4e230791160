namespace KhugepagedSpec.Guests.Machine;

/// <summary>The last lines that a machine printed, and what they show of the kernel's first BUG, WARNING or oops. Threads may
/// share it.</summary>
internal sealed class ConsoleTail
{
    private const int Most = 40;

    private readonly Queue<string> _lines = new();
    private readonly List<string> _splat = [];

    /// <summary>The lines, oldest first.</summary>
    public IReadOnlyList<string> Lines
    {
        get
        {
            lock (_lines)
                return [.. _lines];
        }
    }

    /// <summary>What they show; null if nothing.</summary>
    public Splat? Splat
    {
        get
        {
            lock (_lines)
                return Machine.Splat.First(_splat);
        }
    }

    /// <summary>Adds a line.</summary>
    public void Add(string line)
    {
        lock (_lines)
        {
            _lines.Enqueue(line.TrimEnd('\r'));
            if (_splat.Count < Machine.Splat.MostLines && (_splat.Count > 0 || Machine.Splat.IsFirst(line)))
                _splat.Add(line);
            if (_lines.Count > Most)
                _lines.Dequeue();
        }
    }

    /// <summary>What is shown so far is known: the next is a new one.</summary>
    public void ForgetSplat()
    {
        lock (_lines)
            _splat.Clear();
    }
}
