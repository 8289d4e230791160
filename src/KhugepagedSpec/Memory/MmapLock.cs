namespace KhugepagedSpec.Memory;

/// <summary>
/// The mmap lock of a process as collapse takes and gives it back, in a model that runs alone: nobody else ever holds it, so a
/// lock that cannot be had is one that was not given back. Source: Linux 7.2, <c>include/linux/mmap_lock.h</c>.
/// </summary>
internal sealed class MmapLock
{
    private int _readers;
    private bool _hasWriter;

    /// <summary>Somebody holds it.</summary>
    public bool IsHeld => _readers > 0 || _hasWriter;

    /// <summary>mmap_read_lock().</summary>
    public void Read()
    {
        if (_hasWriter)
            throw new InvalidOperationException("the mmap lock is taken for reading and held for writing");
        _readers++;
    }

    /// <summary>mmap_read_unlock().</summary>
    public void EndRead()
    {
        if (_readers == 0)
            throw new InvalidOperationException("the mmap lock is given back and not held for reading");
        _readers--;
    }

    /// <summary>mmap_write_lock(); false if it would wait for ever.</summary>
    public bool Write()
    {
        if (IsHeld)
            return false;
        _hasWriter = true;
        return true;
    }

    /// <summary>mmap_write_unlock().</summary>
    public void EndWrite()
    {
        if (!_hasWriter)
            throw new InvalidOperationException("the mmap lock is given back and not held for writing");
        _hasWriter = false;
    }
}
