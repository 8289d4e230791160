using System.Globalization;

namespace KhugepagedSpec.Regressions;

/// <summary><c>.ci/run</c> with steps that only say they ran: it passes exactly if each of them does, and kills what it began.</summary>
public sealed class CiRunTests : IDisposable
{
    private static readonly string[] Scripts = ["spin", "kernels", "redis", "here", "virtme"];

    private readonly string _folder = Directory.CreateTempSubdirectory("khugepaged-spec").FullName;

    public CiRunTests()
    {
        Directory.CreateDirectory(At(".ci"));
        File.Copy(Repository.At(".ci", "run"), At(".ci", "run"));
        foreach (string script in Scripts)
            Write(Path.Combine(".ci", script), "step .ci/" + script);
        Write("chromium", "");
        Write("dotnet", """
            case "$*" in
                *reportgenerator*) for a; do case $a in -targetdir:*) mkdir -p "${a#*:}"; printf '  Line coverage: 99%%\n  Branch coverage: %s%%\n' "${BRANCHES:-96}" >"${a#*:}/Summary.txt";; esac; done;;
                *Form=Long*) echo long forms; echo $$ >pid; [ -z "${LONG:-}" ] || exec sleep "$LONG";;
            esac
            step "dotnet $*"
            """);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void It_passes_when_every_step_does()
    {
        var (code, output) = Run();
        Assert.True(code == 0, output);
        Assert.Contains("long forms\n", output, StringComparison.Ordinal);
        Assert.All(Scripts, script => Assert.Contains(Steps(), step => step == ".ci/" + script));
        Assert.Contains("dotnet test", Steps());
    }

    [Fact]
    public void It_fails_when_any_step_does_and_comes_no_further()
    {
        Run();
        string[] steps = [.. Steps().Where(step => !step.Contains("Form=Long", StringComparison.Ordinal)).Distinct()];
        Assert.True(steps.Length > 15, string.Join('\n', steps));
        Assert.All(steps.Select((step, at) => (step, at)), failing =>
        {
            var (code, output) = Run(("FAILS", failing.step));
            Assert.True(code == 3, $"{failing.step} ended with 3, .ci/run with {code}\n{output}");
            Assert.Equal(failing.step, Steps().Last(step => !step.Contains("Form=Long", StringComparison.Ordinal)));
        });
    }

    [Fact]
    public void It_fails_when_the_long_forms_do_and_shows_what_they_said()
    {
        var (code, output) = Run(("FAILS", "Form=Long"));
        Assert.Equal(1, code);
        Assert.Contains("long forms\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public void It_fails_below_95_percent_of_the_branches()
    {
        var (code, output) = Run(("BRANCHES", "94.9"));
        Assert.Equal(1, code);
        Assert.Contains("94.9%: expected 95% or more", output, StringComparison.Ordinal);
    }

    [Fact]
    public void What_runs_beside_a_step_that_fails_is_killed()
    {
        Assert.Equal(3, Run(("LONG", "600"), ("FAILS", "check --exhaustive")).Code);
        string process = $"/proc/{File.ReadAllText(At("pid")).Trim()}";
        Assert.True(SpinWait.SpinUntil(() => !Directory.Exists(process), TimeSpan.FromSeconds(60)), $"{process} is still there");
    }

    private string At(params ReadOnlySpan<string> parts) => Path.Combine([_folder, .. parts]);

    private string[] Steps() => File.ReadAllLines(At("steps"));

    /// <summary>A program that does <paramref name="body"/>, where <c>step NAME</c> notes NAME and fails if that is to fail.</summary>
    private void Write(string name, string body)
    {
        string steps = At("steps");
        File.WriteAllText(At(name), string.Create(CultureInfo.InvariantCulture, $$"""
            #!/usr/bin/env bash
            step() {
                name=$(sed -E 's,/tmp\.\w+,/X,g' <<<"$1")
                echo "$name" >>{{steps}}
                if [ -n "${FAILS:-}" ]; then case "$name" in *"$FAILS"*) exit 3;; esac; fi
            }
            {{body}}

            """));
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(At(name), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private (int Code, string Output) Run(params (string Name, string Value)[] environment)
    {
        File.Delete(At("steps"));
        var (code, output, error) = Tool.Run(_folder, "/usr/bin/env",
            [$"PATH={_folder}:{Environment.GetEnvironmentVariable("PATH")}", .. environment.Select(e => $"{e.Name}={e.Value}"), ".ci/run"]);
        return (code, output + error);
    }
}
