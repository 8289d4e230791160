namespace KhugepagedSpec.Regressions;

/// <summary>A running kernel. It takes QEMU, a compiler and a kernel that was fetched, and minutes.</summary>
[Collection("console")]
public sealed class LiveKernelTests
{
    private const string ByHand = "boots a kernel: khugepaged-spec kernel fetch 7.2 && khugepaged-spec kernel compare --kernel 7.2";

    [Fact(Skip = ByHand)]
    public void Fresh_scenarios_agree_with_a_running_kernel()
    {
        var (code, output, _) = Cli.Run("kernel", "compare", "--kernel", "7.2", "--count", "160", "--seed", "1");
        Assert.Equal(0, code);
        Assert.EndsWith("160 scenarios agree in every pass; the kernel keeps every invariant claimed of linux-7.2\n", output, StringComparison.Ordinal);
    }

    [Fact(Skip = ByHand)]
    public void The_kernels_own_tests_come_out_as_on_the_model() => Assert.Equal(0, Cli.Run("kernel", "selftest", "--kernel", "7.2").Code);
}
