using System.CommandLine;
using System.Globalization;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Machines;
using KhugepagedSpec.Memory;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Scenarios;
using KhugepagedSpec.Settings;
using KhugepagedSpec.UserSpace;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Cli.Shell;

/// <summary>The options that make up a scenario, and the scenario they make.</summary>
internal sealed class ScenarioOptions
{
    private const long MostPages = 1 << 24;

    private readonly Argument<string?> _table = new("TABLE")
    {
        Arity = ArgumentArity.ZeroOrOne,
        Description = "The page table in the notation, a file that holds it, or - for standard input.",
    };

    private readonly Option<string?> _machine =
        MachineOption.Create("The machine, which settles page size, PTEs of the table and who shares accessed bits (x86-64).");
    private readonly Option<int?> _pmdOrder = Options.Number("--pmd-order",
        "PTEs of the table as a power of two (as the machine has them: 9).");
    private readonly SettingsOptions _settings = new();
    private readonly Option<CollapseKind?> _kind = Options.Name<CollapseKind>("--kind", "Who collapses (khugepaged).");
    private readonly Option<UffdMode[]?> _uffd =
        Options.Names("--uffd", "The VMA is registered with userfaultfd (missing); rwp is 7.3's; several as missing,rwp.",
            UffdMode.Missing, UffdModes.Refused);
    private readonly Option<bool> _mlock = new("--mlock") { Description = "The VMA is mlocked." };
    private readonly Option<bool> _droppable = new("--droppable") { Description = "The VMA is droppable." };
    private readonly Option<bool> _readOnly = new("--read-only") { Description = "The VMA is not writable." };
    private readonly Option<bool> _noMadvise = new("--no-madvise") { Description = "MADV_HUGEPAGE was not called." };
    private readonly Option<bool> _noHugePage = new("--nohugepage") { Description = "MADV_NOHUGEPAGE was called." };
    private readonly Option<ThpDisable?> _thpDisable = Options.Name<ThpDisable>("--thp-disable", "prctl(PR_SET_THP_DISABLE) (no).");
    private readonly Option<string?> _vma =
        new("--vma") { Description = "The VMA's pages, from the table's first (0-511).", HelpName = "FIRST-LAST" };
    private readonly Option<bool> _anonVma =
        new("--anon-vma") { Description = "The VMA has an anon_vma from pages elsewhere, though none are here." };
    private readonly Option<string?> _program = new("--program")
    {
        Description = "What the process does before the first pass, instead of TABLE, as 'mmap, madvise, touch 0+16'.",
        HelpName = "STEPS",
    };

    private readonly Option<bool> _farNodes = new("--far-nodes") { Description = "Two NUMA nodes too far apart, node reclaim on." };
    private readonly Option<string[]> _faults =
        new(
            "--fail")
        {
            Description =
                "Something goes wrong: what[/gap][@order[:offset]][#times], as alloc-fails@9; gaps read, write, scan, pass.",
            HelpName = "WHAT"
        };

    /// <summary>Adds all of them to a command.</summary>
    public void AddTo(Command command)
    {
        command.Add(_table);
        foreach (var option in All())
            command.Add(option);
    }

    /// <summary>The page table's text, if one was given.</summary>
    public string? TableText(ParseResult parsed) => parsed.GetValue(_table);

    /// <summary>A table or a program was given.</summary>
    public bool IsGiven(ParseResult parsed) => parsed.GetValue(_table) is not null || parsed.GetValue(_program) is not null;

    /// <summary>The first of these options that was given, if any.</summary>
    public string? FirstGiven(ParseResult parsed) =>
        All().FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false })?.Name;

    /// <summary>The first of these options but those of settings that was given, if any.</summary>
    public string? FirstGivenBesidesSettings(ParseResult parsed) =>
        All().Except(_settings.All).FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false })?.Name;

    /// <summary>The settings; what is not given is as in <paramref name="usual"/>.</summary>
    /// <exception cref="UsageException">A size is none, or the kernel would refuse a value.</exception>
    public ThpSettings Settings(ParseResult parsed, ThpSettings usual, int pageKb) => _settings.Settings(parsed, usual, pageKb);

    /// <summary>The settings given, for a search over the others; sizes and limits are x86-64's.</summary>
    /// <exception cref="UsageException">A size is none, the kernel would refuse a value, or what is given is no setting.</exception>
    public GivenSettings GivenSettings(ParseResult parsed) => FirstGivenBesidesSettings(parsed) is { } option
        ? throw new UsageException($"{option}: expected it with TABLE or --program: what is searched are settings and tables")
        : _settings.Given(parsed, Geometry.X86, PageKb(Geometry.X86));

    /// <summary>Makes the scenario.</summary>
    /// <param name="parsed">The arguments.</param>
    /// <param name="usual">The machine that is meant where none is named; null for x86-64.</param>
    /// <exception cref="UsageException">The options contradict each other or are out of range.</exception>
    /// <exception cref="NotationException">The table cannot be read.</exception>
    public Scenario Scenario(ParseResult parsed, MachineType? usual = null)
    {
        var machine = MachineOption.Get(parsed, _machine) ?? usual ?? MachineType.X86;
        int pmdOrder = parsed.GetValue(_pmdOrder) ?? machine.Geometry.PmdOrder;
        if (pmdOrder is < Geometry.MinOrder or > Geometry.MaxPmdOrder)
            throw new UsageException($"--pmd-order {pmdOrder}: expected {Geometry.MinOrder} to {Geometry.MaxPmdOrder}");
        var geometry = new Geometry(pmdOrder);
        var settings = _settings.Settings(parsed, ThpSettings.Defaults(geometry), PageKb(geometry, machine));
        if (parsed.GetValue(_program) is { } program)
            return OfProgram(parsed, program, geometry) with
            {
                Machine = machine,
                Settings = settings,
                Kind = parsed.GetValue(_kind) ?? CollapseKind.Khugepaged,
                ThpDisable = parsed.GetValue(_thpDisable) ?? ThpDisable.No,
                Faults = [.. (parsed.GetValue(_faults) ?? []).Select(text => FailOption.Parse(text, geometry))],
            };
        var table = TableInput.Read(
            TableText(parsed) ?? throw new UsageException("no page table: expected TABLE, a file, -, --program STEPS or --vector ID FILE"),
                geometry);
        var scenario = Daemon.Scenario.Of(table);
        return scenario with
        {
            Machine = machine,
            Vma = Vma(parsed, scenario.Vma, geometry),
            Settings = settings,
            Kind = parsed.GetValue(_kind) ?? CollapseKind.Khugepaged,
            ThpDisable = parsed.GetValue(_thpDisable) ?? ThpDisable.No,
            Numa = Daemon.Scenario.NodesOf(table, parsed.GetValue(_farNodes)),
            Faults = [.. (parsed.GetValue(_faults) ?? []).Select(text => FailOption.Parse(text, geometry))],
        };
    }

    private Option[] All() => [.. _settings.All, _kind, _program, .. OfTable, _thpDisable, _machine, _pmdOrder, _faults];

    // What a program settles by itself.
    private Option[] OfTable => [_uffd, _mlock, _droppable, _readOnly, _noMadvise, _noHugePage, _vma, _anonVma, _farNodes];

    private Scenario OfProgram(ParseResult parsed, string program, Geometry geometry)
    {
        if (TableText(parsed) is { } table)
            throw new UsageException($"--program contradicts TABLE '{table}': expected one of them");
        if (OfTable.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } option)
            throw new UsageException($"--program contradicts {option.Name}: expected one of them, as the program makes the VMA");
        return Daemon.Scenario.Of(ProgramStep.Parse(program, geometry), geometry);
    }

    private Vma Vma(ParseResult parsed, Vma vma, Geometry geometry)
    {
        bool noMadvise = parsed.GetValue(_noMadvise), noHugePage = parsed.GetValue(_noHugePage);
        if (noMadvise && noHugePage)
            throw new UsageException("--no-madvise contradicts --nohugepage: expected at most one of them");
        var flags = vma.Flags;
        if (noMadvise || noHugePage)
            flags &= ~VmaFlags.HugePage;
        if (noHugePage)
            flags |= VmaFlags.NoHugePage;
        if (parsed.GetValue(_readOnly))
            flags &= ~VmaFlags.Write;
        if (parsed.GetValue(_anonVma))
            vma = vma with { HasAnonVma = true };
        if (parsed.GetValue(_mlock))
            flags |= VmaFlags.Locked;
        if (parsed.GetValue(_droppable))
            flags |= VmaFlags.Droppable;
        if (parsed.GetResult(_uffd) is { Implicit: false })
            flags |= UffdModes.Flags(parsed.GetValue(_uffd) ?? [UffdMode.Missing]);
        return Extent(parsed.GetValue(_vma), vma with { Flags = flags });
    }

    private static Vma Extent(string? text, Vma vma)
    {
        if (text is null)
            return vma;
        int dash = text.IndexOf('-', Math.Min(1, text.Length));
        if (dash < 0 || !Page(text[..dash], out long first) || !Page(text[(dash + 1)..], out long last) || last < first || last < 0
            || first >= vma.End)
            throw new UsageException($"--vma {text}: expected FIRST-LAST, two page numbers that overlap the table, as in 0-511 or -64-575");
        return vma with { Start = first, End = last + 1 };

        // Not so far off that the walk over the VMA has no end.
        static bool Page(string digits, out long page) =>
            long.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out page)
                && page is > -MostPages and < MostPages;
    }

    /// <summary>The base page's size that goes with a geometry: 4K up to order 9, then arm64's 16K and 64K; a machine that is no x86-64 has
    /// its own.</summary>
    public static int PageKb(Geometry geometry, MachineType? machine = null) =>
        machine is not null && machine != MachineType.X86 ? machine.PageKilobytes
        : geometry.PmdOrder switch { <= 9 => 4, <= 11 => 16, _ => 64 };
}

/// <summary>The modes of a userfaultfd registration.</summary>
internal enum UffdMode
{
    Missing,
    Wp,
    Rwp,
    Both,
}

/// <summary>What else userfaultfd knows.</summary>
internal static class UffdModes
{
    /// <summary>Why a mode is refused that is none of ours; null if it is none of userfaultfd's either.</summary>
    public static string? Refused(string word) =>
        word == "minor" ? "minor faults are for shmem and hugetlb, not for anonymous memory: expected missing, wp, rwp, both" : null;

    /// <summary>The flags of a VMA that is registered so.</summary>
    /// <exception cref="UsageException">Nobody can register it so.</exception>
    public static VmaFlags Flags(IReadOnlyCollection<UffdMode> modes)
    {
        var flags = modes.Aggregate(VmaFlags.None, (all, mode) => all | mode switch
        {
            UffdMode.Wp => VmaFlags.UffdWp,
            UffdMode.Rwp => VmaFlags.UffdRwp,
            UffdMode.Both => VmaFlags.UffdMissing | VmaFlags.UffdWp,
            _ => VmaFlags.UffdMissing,
        });
        return flags.HasFlag(VmaFlags.UffdWp | VmaFlags.UffdRwp)
            ? throw new UsageException("--uffd: wp contradicts rwp, which needs the same bit of the PTE: expected one of them")
            : flags;
    }

    /// <summary>Refuses a VMA that this version cannot have.</summary>
    /// <exception cref="UsageException">It is protected against reads, and the version is older than 7.3.</exception>
    public static void Check(Vma vma, KhugepagedVersion version)
    {
        if (vma.Has(VmaFlags.UffdRwp) && !version.HasUffdRwp)
            throw new UsageException(
                $"--uffd rwp: {version.Name} has no read-write protection: expected missing, wp, or --model {Catalogue.Linux73.Name}");
    }
}

/// <summary>A page table from the command line, a file or standard input.</summary>
internal static class TableInput
{
    public static PageTable Read(string argument, Geometry geometry)
    {
        bool isFile = InputFile.IsStandard(argument) || File.Exists(argument);
        var (text, where) = isFile ? (InputFile.All(argument, "a page table"), InputFile.NameOf(argument)) : (argument, "TABLE");
        if (text.Trim().Length == 0)
            throw new UsageException($"{where}: it is empty: expected a page table");
        try
        {
            return PageTable.Parse(WithoutComments(text), geometry);
        }
        catch (NotationException error)
        {
            throw new UsageException($"{where}: {error.Message}");
        }
    }

    private static string WithoutComments(string text) =>
        text.Contains('#') ? string.Join('\n', text.Split('\n').Select(line => line.Split('#')[0])) : text;
}
