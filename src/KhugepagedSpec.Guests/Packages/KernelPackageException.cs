namespace KhugepagedSpec.Guests.Packages;

/// <summary>A kernel cannot be had. The message is one line that says why, and what to install or run.</summary>
public sealed class KernelPackageException : Exception
{
    /// <summary>Nothing is known.</summary>
    public KernelPackageException()
    {
    }

    /// <summary>What is wrong, and what helps; one line.</summary>
    public KernelPackageException(string message)
        : base(message)
    {
    }

    /// <summary>What is wrong, what helps, and what came before it.</summary>
    public KernelPackageException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
