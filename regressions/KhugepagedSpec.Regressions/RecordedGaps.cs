using System.Globalization;

namespace KhugepagedSpec.Regressions;

/// <summary>
/// Who acted between which two steps of attempts of a real kernel, as <c>kernel race</c> printed it, by the part of khugepaged's work that
/// the gap is in. A gap that is in two parts, as hugepage_vma_revalidate's under either lock, is in none.
/// </summary>
internal static class RecordedGaps
{
    private static readonly Dictionary<string, string[]> Parts = new()
    {
        ["no lock"] = ["chp reval"],
        ["between the locks"] = ["reval_r reval"],
        ["mmap lock for writing"] =
            ["reval_r vsw", "vsw vsw_r", "vsw_r pmdchk", "pmdchk anonw", "anonw anonw_r", "anonw_r pcf", "pmdchk chp_r"],
        ["table taken out"] =
        [
            "pcf pcf_r", "pcf_r sync", "sync sync_r", "sync_r isoptl", "isoptl iso", "iso isolru", "isolru iso", "iso iso", "iso rel",
            "isolru rel", "rel pmdback", "iso copy", "isolru copy", "copy copy", "copy relsrc", "relsrc relsrc", "relsrc pmdpop",
            "copy pmdpop", "relsrc mappmd", "copy mappmd",
        ],
        ["table back"] = ["pmdpop mappte", "pmdback chp_r", "mappte chp_r", "mappmd chp_r"],
    };

    private static readonly (string Actor, string Gap, int Times)[] All =
    [
        .. File.ReadLines(Repository.At("regressions", "KhugepagedSpec.Regressions", "races", "who-acted-when.txt"))
            .Where(line => !line.StartsWith('#')).Select(line => line.Split(' '))
            .Select(words => (words[0], $"{words[1]} {words[2]}", int.Parse(words[3], CultureInfo.InvariantCulture))),
    ];

    /// <summary>Why an actor was not recorded, or was not in a part.</summary>
    public static IReadOnlyDictionary<string, string> Reasons { get; } = new Dictionary<string, string>
    {
        ["anon-vma"] = "has no step of its own: a first fault of a VMA makes it, and the recorder's VMA has one",
        ["exit"] = "the recorder's process would be gone; fork's children exit while khugepaged works on them (SCAN_ANY_PROCESS)",
        ["ksm"] = "ksmd is a task of its own, and no probe tells what it changes",
        ["secondary-mmu"] = "a guest in emulation has neither KVM nor a device with page tables",
    };

    /// <summary>In how many gaps of a part an actor did something, as text: <c>-</c> for none, nothing if the actor or the part was not
    /// recorded.</summary>
    public static string Of(string actor, string part) =>
        !Parts.TryGetValue(part, out string[]? gaps) || !All.Any(one => one.Actor == actor) ? ""
        : All.Where(one => one.Actor == actor && gaps.Contains(one.Gap)).Sum(one => one.Times) is > 0 and var times
            ? times.ToString(CultureInfo.InvariantCulture) : "-";
}
