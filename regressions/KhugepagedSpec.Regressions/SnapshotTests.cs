namespace KhugepagedSpec.Regressions;

/// <summary>The snapshots themselves: none dangles, all are written by the same conventions.</summary>
public sealed class SnapshotTests
{
    private const string Verified = ".verified.txt";

    private static readonly string[] Snapshots =
        [.. Directory.GetFiles(Repository.At("regressions", "KhugepagedSpec.Regressions"), "*" + Verified)];

    [Fact]
    public void Every_snapshot_belongs_to_a_test()
    {
        var tests = typeof(SnapshotTests).Assembly.GetTypes()
            .SelectMany(type => type.GetMethods().Select(method => $"{type.Name}.{method.Name}")).ToHashSet();
        Assert.NotEmpty(Snapshots);
        Assert.All(Snapshots, path => Assert.Contains(TestOf(Path.GetFileName(path), tests), tests));
    }

    [Fact]
    public void Every_row_of_a_theory_that_has_a_snapshot_has_one()
    {
        var rows = Snapshots.Select(path => Path.GetFileName(path))
            .Where(name => name.StartsWith(nameof(ThreadTests), StringComparison.Ordinal)
                && name.Contains("_model=", StringComparison.Ordinal));
        var expected = typeof(ThreadTests).GetMethods()
            .SelectMany(method => method.GetCustomAttributes(typeof(InlineDataAttribute), false).Cast<InlineDataAttribute>()
                .Select(row => $"{nameof(ThreadTests)}.{method.Name}_model={row.GetData(method).Single()[0]}{Verified}"));
        Assert.Equal(expected.Order(), rows.Order());
    }

    [Fact]
    public void Every_snapshot_is_utf8_with_a_byte_order_mark_and_no_final_newline() => Assert.All(Snapshots, path =>
    {
        byte[] bytes = File.ReadAllBytes(path);
        Assert.True(bytes.AsSpan().StartsWith("\uFEFF"u8), $"{path} has no byte order mark");
        Assert.True(bytes[^1] != '\n', $"{path} ends with a newline");
        Assert.DoesNotContain((byte)'\r', bytes);
    });

    private static string TestOf(string file, HashSet<string> tests)
    {
        string name = file[..^Verified.Length];
        return tests.Where(test => name == test || name.StartsWith(test + "_", StringComparison.Ordinal))
            .MaxBy(test => test.Length) ?? name;
    }
}
