using System.Collections.Immutable;
using KhugepagedSpec.Collapse;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Regressions;

/// <summary>Attempts of which only tracepoints told: where the model has them, as long as the orders are the same.</summary>
public sealed class WalkOffsetTests
{
    private static readonly ImmutableArray<RecordedVector> Vectors =
    [
        .. VectorReader.Read(Path.Combine(AppContext.BaseDirectory, "recorded", "linux-7.2.13.jsonl"), Geometry.X86)
            .Select(line => line.Vector).OfType<RecordedVector>()
            .Where(vector => vector.Passes.Sum(pass => pass.Attempts.Length) > 3)
            .Take(40),
    ];

    [Fact]
    public void What_is_filled_in_is_what_a_probe_told()
    {
        Assert.Equal(40, Vectors.Length);
        foreach (var vector in Vectors)
        {
            var filled = WalkOffsets.Fill([Blind(vector)], Catalogue.Linux72)[0];
            Assert.Equal(vector.Passes.SelectMany(pass => pass.Attempts), filled.Passes.SelectMany(pass => pass.Attempts));
            Assert.Null(Replay.Run(filled, Catalogue.Linux72));
        }
    }

    [Fact]
    public void Another_order_ends_it_and_differs()
    {
        foreach (var vector in Vectors)
        {
            var attempts = vector.Passes[0].Attempts;
            if (attempts.Length < 2)
                continue;
            int changed = attempts.Length / 2;
            var blind = Blind(vector);
            blind = blind with
            {
                Passes = blind.Passes.SetItem(0,
                    blind.Passes[0] with
                    {
                        Attempts = blind.Passes[0].Attempts.SetItem(changed,
                    blind.Passes[0].Attempts[changed] with { Order = 1 })
                    }),
            };
            var filled = WalkOffsets.Fill([blind], Catalogue.Linux72)[0].Passes[0].Attempts;
            Assert.Equal(attempts[..changed].ToArray(), filled[..changed].ToArray());
            Assert.All(filled[changed..], attempt => Assert.Equal(Attempt.UnknownOffset, attempt.Offset));
            Assert.StartsWith("?/1:", filled[changed].ToString(), StringComparison.Ordinal);
            Assert.Equal($"attempt {changed + 1}", Replay.Run(WalkOffsets.Fill([blind], Catalogue.Linux72)[0], Catalogue.Linux72)!.What);
        }
    }

    // Of a kernel without tracepoints tables and counters are left.
    [Fact]
    public void What_was_not_traced_is_compared_without_scans_and_attempts()
    {
        var untraced = Vectors[0] with
        {
            Passes = [.. Vectors[0].Passes.Select(pass => pass with { IsTraced = false, Attempts = [], Scans = [], Trace = null })],
        };
        Assert.Null(Replay.Run(untraced, Catalogue.Linux72));
        Assert.NotNull(Replay.Run(untraced with { Passes = [.. untraced.Passes.Select(pass => pass with { IsTraced = true })] },
            Catalogue.Linux72));
    }

    private static RecordedVector Blind(RecordedVector vector) => vector with
    {
        Passes = [.. vector.Passes.Select(pass =>
            pass with { Attempts = [.. pass.Attempts.Select(attempt => attempt with { Offset = Attempt.UnknownOffset })] })],
    };
}
