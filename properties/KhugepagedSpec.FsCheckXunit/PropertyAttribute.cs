using Xunit;
using Xunit.Sdk;

namespace FsCheck.Xunit;

/// <summary>
/// Runs a method as an FsCheck property: its arguments are generated. By the public API of FsCheck.Xunit, which is not in every
/// registry: the part that the properties here use. <c>-p:UseUpstreamAdapters=true</c> puts the upstream package in its place.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
[XunitTestCaseDiscoverer("FsCheck.Xunit.PropertyDiscoverer", "KhugepagedSpec.FsCheckXunit")]
public class PropertyAttribute : FactAttribute
{
    /// <summary>Run again from here: <c>(seed,gamma)</c> for a whole run, <c>(seed,gamma,size)</c> for one case.</summary>
    public string? Replay { get; set; }

    /// <summary>Cases run at once.</summary>
    public int Parallelism { get; set; }

    /// <summary>Cases to run (100).</summary>
    public int MaxTest { get; set; }

    /// <summary>Cases that may be rejected (1000).</summary>
    public int MaxRejected { get; set; }

    /// <summary>Size of the first case (1).</summary>
    public int StartSize { get; set; }

    /// <summary>Size of the last case (100).</summary>
    public int EndSize { get; set; }

    /// <summary>Print every case.</summary>
    public bool Verbose { get; set; }

    /// <summary>Classes whose static members make the arguments; the innermost counts first.</summary>
    public Type[] Arbitrary { get; set; } = [];

    /// <summary>Print nothing if the property holds.</summary>
    public bool QuietOnSuccess { get; set; }
}

/// <summary>Settings for every property of a class or an assembly; the innermost wins, and Arbitrary adds up.</summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Assembly)]
public sealed class PropertiesAttribute : PropertyAttribute
{
}

/// <summary>A property that does not hold. The message has the original and the shrunk case and how to run both again.</summary>
public sealed class PropertyFailedException : Exception
{
    /// <summary>Makes the error.</summary>
    public PropertyFailedException(string message)
        : base(message)
    {
    }

    /// <summary>Makes the error of a property that threw.</summary>
    public PropertyFailedException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
