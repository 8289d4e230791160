using System.Text.RegularExpressions;

namespace KhugepagedSpec.Regressions;

/// <summary>
/// What the sources and the READMEs cite of the kernel is there: files, and names in them, as kernel-names.txt has them of two
/// releases. Where a text speaks of 7.3 the name must be in 7.3, else in 7.2; of what is older either will do.
/// </summary>
public sealed partial class CitationTests
{
    private const string Release72 = "7.2.13", Release73 = "7.3.4";

    private static readonly Dictionary<string,
        CitedFile> Files = Read(File.ReadAllLines(Repository.At("regressions", "KhugepagedSpec.Regressions", "kernel-names.txt")));

    [Fact]
    public void Every_file_and_name_that_is_cited_is_in_the_kernel()
    {
        var wrong = new List<string>();
        int seen = 0;
        foreach (string path in Sources())
            foreach (string fault in Faults(File.ReadAllText(path), ref seen))
                wrong.Add($"{Path.GetRelativePath(Repository.Folder, path)}: {fault}");
        Assert.InRange(seen, 130, int.MaxValue);
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    [Theory]
    [InlineData("Source: Linux 7.2, <c>mm/khugepaged.c:collapse_scan_pmd</c>.", null)]
    [InlineData("Source: Linux 7.2, <c>mm/khugepaged.c:collapse_scan_pmds</c>.", "collapse_scan_pmds is not in mm/khugepaged.c of 7.2.13")]
    [InlineData("Source: Linux 7.2, <c>mm/pt_reclaim.c</c>.", "mm/pt_reclaim.c is not in kernel-names.txt")]
    [InlineData("(<c>cc->mthp_bitmaps</c>)", "no file cited here has a member mthp_bitmaps")]
    [InlineData("<c>mm/khugepaged.c:collapse_scan_pmd</c>, <c>no_such_thing</c>.", "no_such_thing is not in mm/khugepaged.c of 7.2.13")]
    [InlineData("<c>mm/khugepaged.c:collapse_scan_pmd</c>,\n    /// <c>no_such_thing</c> and others",
        "no_such_thing is not in mm/khugepaged.c of 7.2.13")]
    [InlineData("mm/rmap.c: no_such_thing in try_to_unmap_one", "no_such_thing is not in mm/rmap.c of 7.2.13")]
    [InlineData("Linux 7.3, mm/swap.c", "mm/swap.c is not in 7.3.4")]
    public void A_citation_of_what_is_not_there_is_found(string text, string? fault)
    {
        int seen = 0;
        Assert.Equal(fault is null ? [] : [fault], Faults(text, ref seen));
        Assert.InRange(seen, 1, 2);
    }

    [Fact]
    public void Of_the_file_that_is_cited_most_all_functions_are_known_in_both_releases() =>
        Assert.All(["mthp_collapse", "collapse_huge_page", "hugepage_vma_revalidate", "__collapse_huge_page_swapin"],
            name => Assert.Equal([Release72, Release73], Files["mm/khugepaged.c"].Having(name)));

    private static List<string> Faults(string text, ref int seen)
    {
        var faults = new List<string>();
        foreach (Match match in Citation().Matches(text))
        {
            seen++;
            string path = match.Groups["path"].Value;
            string[] releases = ReleasesAt(text, match.Index);
            if (!Files.TryGetValue(path, out var file))
                faults.Add($"{path} is not in kernel-names.txt");
            else if (!releases.Any(file.Releases.Contains))
                faults.Add($"{path} is not in {string.Join(" or ", releases)}");
            else
                foreach (string name in match.Groups["name"].Captures.Select(capture => capture.Value)
                    .Where(name => name.Contains('_', StringComparison.Ordinal)))
                    if (!releases.Any(file.Having(name).Contains))
                        faults.Add($"{name} is not in {path} of {string.Join(" or ", releases)}");
        }
        foreach (Match match in Member().Matches(text))
        {
            seen++;
            if (!Files.Values.Any(file => file.Having(match.Groups[1].Value).Count > 0))
                faults.Add($"no file cited here has a member {match.Groups[1].Value}");
        }
        return faults;
    }

    // The release that was named last before a place, a few lines above it at most.
    private static string[] ReleasesAt(string text, int at)
    {
        var named = Release().Matches(text[Math.Max(0, at - 160)..at]);
        return named.Count == 0 ? [Release72]
            : named[^1].Groups[1].Value switch { "7.2" => [Release72], "7.3" => [Release73], _ => [Release72, Release73] };
    }

    private static IEnumerable<string> Sources() =>
        new[] { "src", "properties",
            "regressions" }.SelectMany(folder => Directory.EnumerateFiles(Repository.At(folder), "*", SearchOption.AllDirectories))
            .Append(Repository.At("README.md"))
            .Where(path => Path.GetExtension(path) is ".cs" or ".md"
                && !path.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj")
                && Path.GetFileName(path) != nameof(CitationTests) + ".cs")
            .Order(StringComparer.Ordinal);

    private static Dictionary<string, CitedFile> Read(string[] lines)
    {
        var files = new Dictionary<string, CitedFile>();
        CitedFile? file = null;
        foreach (string line in lines.Where(line => !line.StartsWith('#')))
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (!line.StartsWith(' '))
                files[words[0]] = file = new CitedFile([.. words.Skip(1)], []);
            else
                foreach (string word in words)
                    file!.Names[word.Split('@')[0]] = word.Contains('@', StringComparison.Ordinal) ? [word.Split('@')[1]]
                        : [Release72, Release73];
        }
        return files;
    }

    // A file, names after a colon, then further names, each in tags of its own.
    [GeneratedRegex(@"(?<path>\b(?:mm|include|fs|kernel|virt|arch|tools)/[\w./-]+\.[chS]\b)(?::\s?(?<name>[A-Za-z_]\w+))?(?:</c>(?:,| and)\s+(?:///?\s*)?<c>(?<name>\w+)(?:\(\))?(?=</c>))*")]
    private static partial Regex Citation();

    [GeneratedRegex(@"<c>\w+->(\w+)</c>")]
    private static partial Regex Member();

    [GeneratedRegex(@"Linux (\d+\.\d+)")]
    private static partial Regex Release();

    private sealed record CitedFile(List<string> Releases, Dictionary<string, List<string>> Names)
    {
        public List<string> Having(string name) => Names.GetValueOrDefault(name) ?? [];
    }
}
