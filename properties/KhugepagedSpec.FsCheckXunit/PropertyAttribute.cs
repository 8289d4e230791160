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
    /// <summary>What was said, and nothing that was not.</summary>
    internal GivenSettings Given { get; private set; } = new();

    /// <summary>Run again from here: <c>(seed,gamma)</c> for a whole run, <c>(seed,gamma,size)</c> for one case.</summary>
    public string? Replay
    {
        get => Given.Replay;
        set => Given = Given with { Replay = value };
    }

    /// <summary>Cases run at once.</summary>
    public int Parallelism
    {
        get => Given.Parallelism ?? 0;
        set => Given = Given with { Parallelism = value };
    }

    /// <summary>Cases to run (100).</summary>
    public int MaxTest
    {
        get => Given.MaxTest ?? PropertySettings.UsualMaxTest;
        set => Given = Given with { MaxTest = value };
    }

    /// <summary>Cases that may be rejected (1000).</summary>
    public int MaxRejected
    {
        get => Given.MaxRejected ?? PropertySettings.UsualMaxRejected;
        set => Given = Given with { MaxRejected = value };
    }

    /// <summary>Size of the first case (1).</summary>
    public int StartSize
    {
        get => Given.StartSize ?? PropertySettings.UsualStartSize;
        set => Given = Given with { StartSize = value };
    }

    /// <summary>Size of the last case (100).</summary>
    public int EndSize
    {
        get => Given.EndSize ?? PropertySettings.UsualEndSize;
        set => Given = Given with { EndSize = value };
    }

    /// <summary>Print every case.</summary>
    public bool Verbose
    {
        get => Given.Verbose ?? false;
        set => Given = Given with { Verbose = value };
    }

    /// <summary>Classes whose static members make the arguments; the innermost counts first.</summary>
    public Type[] Arbitrary
    {
        get => Given.Arbitrary;
        set => Given = Given with { Arbitrary = value };
    }

    /// <summary>Print nothing if the property holds.</summary>
    public bool QuietOnSuccess
    {
        get => Given.QuietOnSuccess ?? false;
        set => Given = Given with { QuietOnSuccess = value };
    }
}

/// <summary>Settings for every property of a class or an assembly; the innermost wins, and Arbitrary adds up.</summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Assembly)]
public class PropertiesAttribute : PropertyAttribute
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
}
