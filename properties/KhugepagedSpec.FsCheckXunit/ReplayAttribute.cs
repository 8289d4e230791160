namespace FsCheck.Xunit;

/// <summary>
/// A run, <c>(seed,gamma)</c>, or a case, <c>(seed,gamma,size)</c>, that once failed: run first, before anything new. A property
/// may have several. FsCheck.Xunit has no such attribute and pays no attention to it.
/// </summary>
/// <param name="run">What the failure printed.</param>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
public sealed class ReplayAttribute(string run) : Attribute
{
    /// <summary>What the failure printed.</summary>
    public string Run { get; } = run;
}
