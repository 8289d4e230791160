namespace KhugepagedSpec.Regressions;

/// <summary>What the listing commands print, as approved.</summary>
[Collection("console")]
public sealed class ListingTests
{
    [Fact]
    [Trait("Coverage", "Slow")]
    public async Task The_smallest_difference_of_every_pair_of_versions() => await Verifier.Verify(Output("diff", "--all"));

    [Fact]
    public async Task The_table_of_policies() => await Verifier.Verify(Output("versions"));

    [Fact]
    public async Task The_contract() => await Verifier.Verify(Output("invariants"));

    private static string Output(params string[] args)
    {
        var (code, output, error) = Cli.Run(args);
        Assert.Equal((0, ""), (code, error));
        return output;
    }
}
