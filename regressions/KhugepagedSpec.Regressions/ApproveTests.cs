namespace KhugepagedSpec.Regressions;

/// <summary>What <c>approve</c> does in the folder that it is called in.</summary>
[Collection("environment")]
public sealed class ApproveTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("khugepaged-spec").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_tests_received_is_approved_by_name_or_all_at_once()
    {
        string here = Directory.GetCurrentDirectory();
        string snapshots = Directory.CreateDirectory(Path.Combine(_folder, "regressions", "some")).FullName;
        foreach (string name in new[] { "a.received.json", "b.received.txt", "c.received.txt" })
            File.WriteAllText(Path.Combine(snapshots, name), name);
        try
        {
            Directory.SetCurrentDirectory(snapshots);
            Assert.Equal((0, "waiting  a.received.json\nwaiting  b.received.txt\nwaiting  c.received.txt\n", ""), Cli.Run("approve"));
            Assert.Equal((0, "approved b.verified.txt\nwaiting  a.received.json\nwaiting  c.received.txt\n", ""),
                Cli.Run("approve", "b.received.txt"));
            var (code, _, error) = Cli.Run("approve", "a.received.json", "nobody.received.txt");
            Assert.Equal((2, "khugepaged-spec: nobody.received.txt: no such received file: expected a.received.json, c.received.txt\n"),
                (code, error));
            Assert.Equal((0, "approved a.verified.json\napproved c.verified.txt\n", ""), Cli.Run("approve", "--all"));
            Assert.Equal((0, "nothing is waiting to be approved\n", ""), Cli.Run("approve"));
            Assert.Equal(["a.verified.json", "b.verified.txt", "c.verified.txt"], Directory.GetFiles(snapshots).Select(Path.GetFileName)
                .Order());
            Directory.SetCurrentDirectory(Path.GetTempPath());
            Assert.StartsWith("khugepaged-spec: no folder regressions/ in ", Cli.Run("approve").Error, StringComparison.Ordinal);
        }
        finally
        {
            Directory.SetCurrentDirectory(here);
        }
    }
}
