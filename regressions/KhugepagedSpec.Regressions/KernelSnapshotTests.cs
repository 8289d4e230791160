using System.Buffers.Binary;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Regressions;

/// <summary>Page tables as pagemap and kpageflags show them: bits by their numbers in the kernel's documentation.</summary>
public sealed class KernelSnapshotTests
{
    private const ulong Present = 1UL << 63, Swapped = 1UL << 62, Guard = 1UL << 58, WriteProtected = 1UL << 57, Exclusive = 1UL << 56;
    private const ulong Anon = 1UL << 12, SwapBacked = 1UL << 14, Head = 1UL << 15, Tail = 1UL << 16, Ksm = 1UL << 21, ZeroPage = 1UL << 24;

    // Bits 0 to 4 of an entry that is not present are its type, from there on its offset. 31 is a marker, 30 a poisoned frame.
    private const ulong Marker = 31, PoisonedFrame = 30;

    private static readonly Geometry Eight = new(3);

    [Theory]
    [InlineData(0, 0, '.')]
    [InlineData(Present | Exclusive | 0x1234, Anon | SwapBacked, 'x')]
    [InlineData(Present | 0x1234, Anon | SwapBacked, 'h')]
    [InlineData(Present | Exclusive | WriteProtected | 0x1234, Anon | SwapBacked, 'w')]
    [InlineData(Present | Exclusive | 0x1234, Anon, 'l')]
    [InlineData(Present | Exclusive | 0x1234, SwapBacked, 'a')]
    [InlineData(Present | 0x1, ZeroPage, 'z')]
    [InlineData(Present | WriteProtected | 0x1, ZeroPage, 'q')]
    [InlineData(Present | 0x1234, Anon | SwapBacked | Ksm, 'K')]
    [InlineData(Swapped | 0, 0, 's')]
    [InlineData(Swapped | 19 | 0x777 << 5, 0, 's')]
    [InlineData(Swapped | WriteProtected | 0x777 << 5, 0, 'S')]
    [InlineData(Swapped | Guard | Marker | 4 << 5, 0, 'g')]
    [InlineData(Swapped | WriteProtected | Marker | 1 << 5, 0, 'W')]
    [InlineData(Swapped | Marker | 2 << 5, 0, 'k')]
    [InlineData(Swapped | PoisonedFrame | 0x1234 << 5, 0, 'b')]
    public void A_page_is_a_letter(ulong entry, ulong flags, char letter) =>
        Assert.Equal($"{letter}", TableNotation.Write(Table((3, entry, flags, 0, 0)))[(letter == '.' ? 0 : 4)..].Split(' ')[0][..1]);

    [Fact]
    public void Only_a_kernel_that_tells_ksm_pages_from_others_is_believed()
    {
        var data = Data((0, Present | Exclusive | 0x1234, Anon | SwapBacked | Ksm, 0, 0));
        Assert.Equal("K .*7", TableNotation.Write(new Snapshot(data, tellsKsm: true).Table(Eight, isHuge: false, earlier: null)));
        Assert.Equal("x .*7", TableNotation.Write(new Snapshot(data, tellsKsm: false).Table(Eight, isHuge: false, earlier: null)));
    }

    [Fact]
    public void Pages_of_a_large_folio_are_told_by_their_order_and_number() => Assert.Equal(
        "f2 f4[13+3] .",
        TableNotation.Write(Table(
            [.. Folio(at: 0, count: 4, order: 2, first: 0, frame: 0x1000),
                .. Folio(at: 4, count: 3, order: 4, first: 13, frame: 0x2000)])));

    [Fact]
    public void A_large_folio_keeps_what_is_said_of_its_ptes()
    {
        var pages = Folio(at: 0, count: 4, order: 2, first: 0, frame: 0x1000);
        pages[1].Entry |= WriteProtected;
        Assert.Equal("f2[0+1] f2[1+1]w f2[2+2] .*4", TableNotation.Write(Table(pages)));
        Assert.Equal("f2l .*4", TableNotation.Write(
            Table([.. Folio(at: 0, count: 4, order: 2, first: 0, frame: 0x1000)
                .Select(page => page with { Flags = page.Flags & ~SwapBacked })])));
    }

    // A page of it that a child unmapped is exclusive again; the folio is not.
    [Fact]
    public void A_folio_is_shared_if_one_of_its_pages_is()
    {
        var pages = Folio(at: 0, count: 8, order: 2, first: 0, frame: 0x1000);
        for (int i = 4; i < 8; i++)
            (pages[i].Page, pages[i].Entry) = (i - 4, Present | Exclusive | 0x2000UL + (ulong)i);
        pages[2].Entry &= ~Exclusive;
        Assert.Equal("f2h f2", TableNotation.Write(Table(pages)));
        Assert.Equal("f2[0+2]h x f2[3+1]h .*4", TableNotation.Write(Table(
            [.. pages[..2], pages[3] with { Entry = pages[3].Entry & ~Exclusive },
                (2, Present | Exclusive | 0x9, Anon | SwapBacked, 0, 0)])));
    }

    [Fact]
    public void A_folio_whose_frames_are_others_than_at_the_last_look_is_new()
    {
        var before = new Snapshot(Data([.. Folio(0, 4, 2, 0, frame: 0x1000), (4, Present | Exclusive | 0x2000, Anon | SwapBacked, 0, 0)]),
            tellsKsm: true);
        var same = new Snapshot(Data([.. Folio(0, 4, 2, 0, frame: 0x1000), (4, Present | Exclusive | 0x3000, Anon | SwapBacked, 0, 0)]),
            tellsKsm: true);
        var other = new Snapshot(Data(Folio(0, 4, 2, 0, frame: 0x4000)), tellsKsm: true);
        Assert.Equal("f2 x .*3", TableNotation.Write(same.Table(Eight, isHuge: false, before)));
        Assert.Equal("F2 .*4", TableNotation.Write(other.Table(Eight, isHuge: false, before)));
        Assert.Equal("f2 .*4", TableNotation.Write(other.Table(Eight, isHuge: false, earlier: null)));
    }

    [Fact]
    public void A_frame_is_told_only_of_what_is_present()
    {
        var snapshot = new Snapshot(Data((0, Present | Exclusive | 0x1234, Anon, 0, 0), (1, Swapped | 0x777 << 5, 0, 0, 0)),
            tellsKsm: true);
        Assert.Equal((0x1234UL, 0UL, 0UL), (snapshot.FrameOf(0), snapshot.FrameOf(1), snapshot.FrameOf(2)));
    }

    [Fact]
    public void A_huge_page_is_told_by_whoever_asked_for_it()
    {
        var data = Data(Folio(at: 0, count: 8, order: 3, first: 0, frame: 0x1000));
        Assert.Equal("m3", TableNotation.Write(new Snapshot(data, tellsKsm: true).Table(Eight, isHuge: true, earlier: null)));
        Assert.Equal("f3", TableNotation.Write(new Snapshot(data, tellsKsm: true).Table(Eight, isHuge: false, earlier: null)));
    }

    private static (int Index, ulong Entry, ulong Flags, int Order, int Page)[] Folio(int at, int count, int order, int first,
        ulong frame) =>
    [
        .. Enumerable.Range(0, count).Select(i =>
            (at + i, Present | Exclusive | (frame + (ulong)(first + i)), Anon | SwapBacked | (first + i == 0 ? Head : Tail), order,
                first + i)),
    ];

    private static PageTable Table(params (int Index, ulong Entry, ulong Flags, int Order, int Page)[] pages) =>
        new Snapshot(Data(pages), tellsKsm: true).Table(Eight, isHuge: false, earlier: null);

    // The agent's record: entry, flags, page of the folio, order, padding.
    private static byte[] Data(params (int Index, ulong Entry, ulong Flags, int Order, int Page)[] pages)
    {
        byte[] data = new byte[24 * Eight.Pages];
        foreach (var (index, entry, flags, order, page) in pages)
        {
            var record = data.AsSpan(24 * index, 24);
            BinaryPrimitives.WriteUInt64LittleEndian(record, entry);
            BinaryPrimitives.WriteUInt64LittleEndian(record[8..], flags);
            BinaryPrimitives.WriteUInt16LittleEndian(record[16..], (ushort)page);
            record[18] = (byte)order;
        }
        return data;
    }
}
