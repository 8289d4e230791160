using System.Diagnostics;
using System.Globalization;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.Processes;
using Xunit.Abstractions;

namespace KhugepagedSpec.Regressions;

/// <summary>
/// Lines of every file format, damaged at random: each file is read, or refused in one line. 300 a format, or as many as
/// KHUGEPAGEDSPEC_FUZZ says; from seed 1, or KHUGEPAGEDSPEC_SEED.
/// </summary>
[Trait("Form", "Long")]
public sealed class FuzzTests(ITestOutputHelper output) : IDisposable
{
    private const int MostSeconds = 5, Shown = 5;

    private readonly string _file = Path.GetTempFileName();

    public static TheoryData<string> Formats => [.. FileFormat.All.Select(format => format.Name)];

    public void Dispose() => File.Delete(_file);

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_damaged_file_is_read_or_refused_in_one_line(string name)
    {
        var format = FileFormat.Named(name);
        int count = Number("KHUGEPAGEDSPEC_FUZZ", 300), read = 0, refused = 0;
        var damage = new Damage(format.Good, Number("KHUGEPAGEDSPEC_SEED", 1));
        var faults = new List<string>();
        var slowest = TimeSpan.Zero;
        for (int i = 0; i < count && faults.Count < Shown; i++)
        {
            string text = damage.Next();
            File.WriteAllText(_file, text);
            var clock = Stopwatch.StartNew();
            try
            {
                format.Read(_file);
                read++;
            }
            catch (Exception error) when (error is FormatException or CaptureException or UsageException)
            {
                refused++;
                if (Complaint.Fault(error.Message) is { } fault)
                    faults.Add($"{fault}: {error.Message}\n{text}");
            }
            catch (Exception error)
            {
                faults.Add($"{error}\n{text}");
            }
            slowest = clock.Elapsed > slowest ? clock.Elapsed : slowest;
            if (clock.Elapsed.TotalSeconds > MostSeconds)
                faults.Add($"took {clock.Elapsed.TotalSeconds:0.0} s\n{text}");
        }
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{name}: {read} read, {refused} refused, {slowest.TotalMilliseconds:0} ms at most"));
        Assert.True(faults.Count == 0, string.Join("\n\n", faults));
        // Damage that is never seen, or always, tells nothing.
        Assert.InRange(read, 1, count - 1);
        Assert.InRange(refused, count / 10, count - 1);
    }

    private static int Number(string variable, int usual) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            ? number : usual;
}
