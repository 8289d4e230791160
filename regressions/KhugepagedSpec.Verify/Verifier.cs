using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;

namespace VerifyXunit;

/// <summary>
/// Snapshots, by the public API and the file conventions of Verify.Xunit, which is not in every registry: the part that the
/// tests here use. <c>-p:UseUpstreamAdapters=true</c> puts the upstream package in its place.
/// </summary>
public static class Verifier
{
    /// <summary>Compares a text with its approved file, <c>{Class}.{Method}.verified.txt</c> beside the test.</summary>
    /// <param name="target">The text.</param>
    /// <param name="sourceFile">The test's source file.</param>
    /// <param name="method">The test's name.</param>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static SettingsTask Verify(string target, [CallerFilePath] string sourceFile = "", [CallerMemberName] string method = "") =>
        new(target, sourceFile, method, Assembly.GetCallingAssembly());
}

/// <summary>A snapshot about to be compared; awaiting it compares.</summary>
public sealed class SettingsTask
{
    private readonly string _target, _sourceFile, _method;
    private readonly Assembly _tests;
    private string _parameters = "";

    internal SettingsTask(string target, string sourceFile, string method, Assembly tests)
    {
        _tests = tests;
        _target = target.ReplaceLineEndings("\n").TrimEnd('\n');
        _sourceFile = sourceFile;
        _method = method;
    }

    /// <summary>Tells the rows of a theory apart: names and values of the method's first parameters go into the file's name.</summary>
    public SettingsTask UseParameters(params object[] parameters)
    {
        var names = _tests.GetTypes().Where(type => type.Name == Path.GetFileNameWithoutExtension(_sourceFile))
            .Select(type => type.GetMethod(_method)).First(method => method is not null)!.GetParameters();
        _parameters = string.Concat(parameters.Select((value, i) => $"_{names[i].Name}={value}"));
        return this;
    }

    /// <summary>Compares.</summary>
    public TaskAwaiter GetAwaiter() => Compare().GetAwaiter();

    private async Task Compare()
    {
        string stem = Path.Combine(Path.GetDirectoryName(_sourceFile)!,
            $"{Path.GetFileNameWithoutExtension(_sourceFile)}.{_method}{_parameters}");
        string verified = $"{stem}.verified.txt", received = $"{stem}.received.txt";
        string? approved = File.Exists(verified) ? (await File.ReadAllTextAsync(verified)).ReplaceLineEndings("\n").TrimEnd('\n') : null;
        if (approved == _target)
        {
            File.Delete(received);
            return;
        }
        await File.WriteAllTextAsync(received, _target, new UTF8Encoding(encoderShouldEmitUTF8Identifier: true));
        throw new VerifyException(
            $"""
            {(approved is null ? "New" : "NotEqual")}:
              - Received: {Path.GetFileName(received)}
                Verified: {Path.GetFileName(verified)}

            Received:
            {_target}

            Verified:
            {approved ?? ""}
            """);
    }
}

/// <summary>A snapshot that is not what was approved.</summary>
public sealed class VerifyException : Exception
{
    /// <summary>Makes the error.</summary>
    public VerifyException(string message)
        : base(message)
    {
    }
}
