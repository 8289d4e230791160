using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Settings;

namespace KhugepagedSpec.Properties;

public sealed class EligibilityFacts
{
    private static readonly AddressSpace Process = new(Geometry.X86, 1);

    [Theory]
    [InlineData(GlobalEnabled.Never, false, "2")]
    [InlineData(GlobalEnabled.Never, true, "2,3")]
    [InlineData(GlobalEnabled.Madvise, false, "2")]
    [InlineData(GlobalEnabled.Madvise, true, "2,3,4")]
    [InlineData(GlobalEnabled.Always, false, "2,4")]
    [InlineData(GlobalEnabled.Always, true, "2,3,4")]
    public void Each_size_has_its_own_say(GlobalEnabled global, bool advised, string orders)
    {
        var settings = ThpSettings.Defaults(Geometry.X86) with
        {
            Enabled = global,
            Always = OrderSet.Of(2),
            Madvise = OrderSet.Of(3),
            Inherit = OrderSet.Of(4)
        };
        Assert.Equal(orders, settings.OrdersFor(advised).ToString());
        Assert.Equal(
            [SizeEnabled.Always, SizeEnabled.Madvise, SizeEnabled.Inherit, SizeEnabled.Never],
            new[] { 2, 3, 4, 5 }.Select(settings.SizeOf));
    }

    [Theory]
    [InlineData(0, 512, "2,9")]
    [InlineData(0, 511, "2")]
    [InlineData(1, 512, "2")]
    [InlineData(1, 1024, "2,9")]
    [InlineData(509, 515, "")]
    public void Sizes_that_do_not_fit_the_vma_are_dropped_from_the_top(long start, long end, string orders)
    {
        var settings = ThpSettings.Defaults(Geometry.X86).WithSizes(Given.Orders(2, 9), SizeEnabled.Always);
        var vma = Vma.ExactPmdRange(Geometry.X86) with { Start = start, End = end };
        Assert.Equal(orders, Eligibility.PossibleOrders(settings, Process, vma, CollapseKind.Khugepaged).ToString());
    }

    [Fact]
    public void Hardware_without_thp_and_vmas_without_anon_vma_have_none()
    {
        var settings = ThpSettings.Defaults(Geometry.X86);
        var vma = Vma.ExactPmdRange(Geometry.X86);
        Assert.Equal(Given.Orders(9), Eligibility.PossibleOrders(settings, Process, vma, CollapseKind.Khugepaged));
        Assert.True(Eligibility.PossibleOrders(settings with { HardwareHasThp = false }, Process, vma, CollapseKind.Khugepaged).IsEmpty);
        Assert.True(Eligibility.PossibleOrders(settings, Process, vma with { HasAnonVma = false }, CollapseKind.Khugepaged).IsEmpty);
    }

    [Fact]
    public void A_process_that_accepts_thp_only_where_it_asked_is_taken_at_its_word()
    {
        var process = new AddressSpace(Geometry.X86, 1) { ThpDisable = ThpDisable.ExceptAdvised };
        var settings = ThpSettings.Defaults(Geometry.X86).WithSizes(Given.Orders(9), SizeEnabled.Always);
        var vma = Vma.ExactPmdRange(Geometry.X86);
        Assert.False(Eligibility.PossibleOrders(settings, process, vma, CollapseKind.Khugepaged).IsEmpty);
        Assert.True(Eligibility.PossibleOrders(settings, process, vma with { Flags = vma.Flags & ~VmaFlags.HugePage },
            CollapseKind.Khugepaged).IsEmpty);
    }

    [Fact]
    public void What_sysfs_refuses_is_named()
    {
        var settings = ThpSettings.Defaults(Geometry.X86);
        Assert.Null(settings.FindError());
        Assert.Equal("max_ptes_none is 512: expected 0 to 511", (settings with { MaxPtesNone = 512 }).FindError());
        Assert.Equal("max_ptes_swap is -1: expected 0 to 511", (settings with { MaxPtesSwap = -1 }).FindError());
        Assert.Equal("max_ptes_shared is 512: expected 0 to 511", (settings with { MaxPtesShared = 512 }).FindError());
        Assert.Equal("pages_to_scan is 0: expected 1 or more", (settings with { PagesToScan = 0 }).FindError());
        Assert.Equal("order 1 cannot be enabled: expected 2 to 9", (settings with { Always = OrderSet.Of(1) }).FindError());
        Assert.StartsWith("order 9 is set twice", (settings with { Always = OrderSet.Of(9) }).FindError(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_defaults_scale_with_the_geometry()
    {
        var settings = ThpSettings.Defaults(new Geometry(13));
        Assert.Equal((8191, 1024, 4096, 65536L),
            (settings.MaxPtesNone, settings.MaxPtesSwap, settings.MaxPtesShared, settings.PagesToScan));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Geometry(14));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Geometry(1));
    }
}
