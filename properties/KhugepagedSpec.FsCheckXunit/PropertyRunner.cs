using Microsoft.FSharp.Collections;
using Microsoft.FSharp.Core;

namespace FsCheck.Xunit;

/// <summary>Listens to one run of a property and keeps its end.</summary>
internal sealed class PropertyRunner : IRunner
{
    private readonly System.Text.StringBuilder _cases = new();

    /// <summary>How the run ended.</summary>
    public TestResult? Result { get; private set; }

    /// <summary>Each case, if they are to be printed.</summary>
    public string Cases => _cases.ToString();

    /// <summary>Keep each case.</summary>
    public bool Verbose { get; set; }

    void IRunner.OnStartFixture(Type t)
    {
    }

    void IRunner.OnArguments(int ntest, FSharpList<object> args, FSharpFunc<int, FSharpFunc<FSharpList<object>, string>> every)
    {
        if (Verbose)
            _cases.Append(ntest).Append(": ").AppendJoin(", ", args).Append('\n');
    }

    void IRunner.OnShrink(FSharpList<object> args, FSharpFunc<FSharpList<object>, string> everyShrink)
    {
        if (Verbose)
            _cases.Append("shrink: ").AppendJoin(", ", args).Append('\n');
    }

    void IRunner.OnFinished(string name, TestResult testResult) => Result = testResult;
}
