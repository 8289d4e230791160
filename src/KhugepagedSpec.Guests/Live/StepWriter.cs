using System.Globalization;
using System.Text;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Guests.Live;

/// <summary>Writes steps for the guest's agent: see <c>Machine/agent.c</c>.</summary>
/// <param name="machine">The machine that the guest is.</param>
internal sealed class StepWriter(MachineType machine)
{
    public const int Cold = 20, PageOut = 21, Free = 8, DontNeed = 4, HugePage = 14, NoHugePage = 15, Mergeable = 12, PopulateRead = 22,
        HwPoison = 100, GuardInstall = 102;

    private const string Thp = "/sys/kernel/mm/transparent_hugepage";

    private readonly StringBuilder _text = new();

    public void Set(string path, object value) => Line("set", path, value);

    public void SetThp(string file, object value) => Set($"{Thp}/{file}", value);

    public void SetSize(int order, string value) => SetThp($"{Size(order, machine)}/enabled", value);

    /// <summary>What the files of a size are in.</summary>
    public static string Size(int order, MachineType machine) =>
        string.Create(CultureInfo.InvariantCulture, $"hugepages-{(long)machine.PageKilobytes << order}kB");

    /// <summary>What a size is set to while tables are built and no folio of it is to be made.</summary>
    public static string Unbuilt(int order, Geometry geometry) => order == geometry.PmdOrder ? "madvise" : "never";

    public void Range(string step, long address, long pages) => _text.Append(CultureInfo.InvariantCulture, $"{step} {address} {pages}\n");

    public void Range(string step, long address, long pages, long argument) =>
        _text.Append(CultureInfo.InvariantCulture, $"{step} {address} {pages} {argument}\n");

    public void Advise(long address, long pages, int advice) => Range("advise", address, pages, advice);

    /// <summary>Makes the process known to khugepaged: it is once a VMA of it was advised, whatever becomes of that.</summary>
    /// <param name="place">Where no VMA is for so many pages.</param>
    /// <param name="pages">Two PMD ranges.</param>
    public void MakeKnown(long place, long pages)
    {
        Range("map", place, pages, 0);
        Range("write", place, 1, 1);
        Advise(place, pages, HugePage);
        Range("unmap", place, pages);
    }

    public void Line(params object[] words) => _text.AppendJoin(' ', words).Append('\n');

    /// <summary>What was written since the last time.</summary>
    public string Take()
    {
        string text = _text.ToString();
        _text.Clear();
        return text;
    }
}
