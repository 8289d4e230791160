using System.Globalization;
using System.Text;

namespace KhugepagedSpec.Guests.Machine;

/// <summary>
/// Writes the archive a kernel unpacks at boot. Source: Linux, <c>Documentation/driver-api/early-userspace/buffer-format.rst</c>,
/// the newc format.
/// </summary>
internal sealed class CpioArchive : IDisposable
{
    private const int Folder = 0x4000, Device = 0x2000, File = 0x8000;

    private readonly Stream _stream;

    public CpioArchive(Stream stream) => _stream = stream;

    public void AddFolder(string name) => Add(name, Folder | 0x1ED, []);

    public void AddFile(string name, byte[] content, bool executable = false) => Add(name, File | (executable ? 0x1ED : 0x1A4), content);

    public void AddCharacterDevice(string name, int major, int minor) => Add(name, Device | 0x180, [], major, minor);

    /// <summary>Writes the entry that ends the archive.</summary>
    public void Dispose() => Add("TRAILER!!!", 0, []);

    private void Add(string name, int mode, byte[] content, int major = 0, int minor = 0)
    {
        var header = new StringBuilder("070701");
        foreach (int field in new[] { 0, mode, 0, 0, 1, 0, content.Length, 0, 0, major, minor, name.Length + 1, 0 })
            header.Append(field.ToString("X8", CultureInfo.InvariantCulture));
        byte[] start = Encoding.ASCII.GetBytes(header.Append(name).Append('\0').ToString());
        Write(start);
        Write(content);
    }

    private void Write(byte[] bytes)
    {
        _stream.Write(bytes);
        _stream.Write(new byte[-bytes.Length & 3]);
    }
}
