using System.Buffers.Binary;

namespace KhugepagedSpec.Guests.Race;

/// <summary>A running kernel's own text, as its core file has it: what it was booted from is in there unpacked and at its place, whatever
/// it was packed with and wherever it was put. Source: /proc/kcore.</summary>
/// <param name="words">Reads 64-bit words of the core: the first, and how many; fewer come back where there are no more.</param>
internal sealed class KernelCore(Func<ulong, int, ulong[]> words)
{
    private const int HeaderWords = 8, MostWords = 8192, SegmentWords = 7;
    private const ulong Elf = 0x464c457f, LoadSegment = 1;

    /// <summary>Bytes of the kernel.</summary>
    /// <param name="address">Where they begin.</param>
    /// <param name="length">How many; 60 kB at most.</param>
    /// <returns>Null if the core does not have them.</returns>
    public byte[]? Read(ulong address, int length)
    {
        ulong[] header = words(0, HeaderWords);
        if (header.Length < HeaderWords || (uint)header[0] != Elf || header[4] % sizeof(ulong) != 0)
            return null;
        int segments = (ushort)header[7];
        ulong[] table = words(header[4] / sizeof(ulong), Math.Min(segments * SegmentWords, MostWords));
        for (int at = 0; at + SegmentWords <= table.Length; at += SegmentWords)
        {
            var (type, offset, start, size) = ((uint)table[at], table[at + 1], table[at + 2], table[at + 4]);
            if (type == LoadSegment && address >= start && address + (ulong)length <= start + size)
                return Bytes(offset + (address - start), length);
        }
        return null;
    }

    private byte[]? Bytes(ulong position, int length)
    {
        int skipped = (int)(position % sizeof(ulong)), count = (skipped + length + sizeof(ulong) - 1) / sizeof(ulong);
        if (count > MostWords)
            return null;
        ulong[] read = words(position / sizeof(ulong), count);
        if (read.Length < count)
            return null;
        byte[] bytes = new byte[count * sizeof(ulong)];
        for (int i = 0; i < count; i++)
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(i * sizeof(ulong)), read[i]);
        return bytes[skipped..(skipped + length)];
    }
}
