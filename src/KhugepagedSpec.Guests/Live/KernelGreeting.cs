using System.Globalization;
using System.Text.RegularExpressions;
using KhugepagedSpec.Guests.Machine;
using KhugepagedSpec.Guests.Packages;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Guests.Live;

/// <content>From what its agent greets with.</content>
public sealed partial record KernelAbilities
{
    internal static KernelAbilities FromGreeting(string greeting)
    {
        var lines = greeting.Split('\n');
        var match = Numbers().Match(lines[0]);
        (int, int) number = (Part(match.Groups[1]), Part(match.Groups[2]));
        bool hasUffd = Has("uffd", true);
        return new KernelAbilities
        {
            FullName = lines[0],
            Machine = MachineOf(lines),
            Release = lines[0].Split(' ')[0],
            Number = number,
            HasSwap = lines.Contains("swap 1"),
            HasMemcg = Has("memcg", true),
            HasKsm = Has("ksm", true),
            CollapsesToMthp = Has("mthp", From(7, 2)),
            HasGuards = Has("guards", From(6, 13)),
            HasUffd = hasUffd,
            HasUffdWp = hasUffd && Has("uffdwp", true),
            HasUffdPoison = hasUffd && Has("uffdpoison", true),
            HasUffdRwp = hasUffd && Has("uffdrwp", From(7, 3)),
            HasThpDisableExceptAdvised = Has("exceptadvised", From(6, 18)),
            HasHwPoison = Has("hwpoison", true),
            TellsKsm = Has("tellsksm", From(7, 1)),
            HasProbes = Has("kprobes", true),
            HasEvents = Has("events", true),
            HasVmEvents = Has("vmevents", true),
            HasLog = Has("log", true),
            CountsExactly = Has("exactrss", false),
            ForgetsWarnings = Has("clearonce", false),
            IsHere = Has("here", false),
            Nodes = lines.Contains("nodes 2") && !Has("here", false) ? 2 : 1,
            IsSmp = Has("smp", true),
            KeepsSwapSlots = Has("slotcache", false),
        };

        // What the agent found counts; where nobody looked yet, what a distribution's kernel of that release has.
        bool Has(string what, bool expected) => lines.Contains($"{what} 1") || (expected && !lines.Contains($"{what} 0"));

        bool From(int major, int minor) => number.CompareTo((major, minor)) >= 0;

        static int Part(Group group) => int.Parse(group.ValueSpan, CultureInfo.InvariantCulture);
    }

    // Where nobody looked yet, x86-64.
    private static MachineType MachineOf(string[] greeting)
    {
        if (Value("machine") is not { } processor)
            return MachineType.X86;
        string page = Value("pagesize") ?? "", order = Value("pmdorder") ?? "";
        return MachineType.All.FirstOrDefault(machine => machine.Processor == processor && $"{machine.PageBytes}" == page
                && $"{machine.Geometry.PmdOrder}" == order)
            ?? throw new GuestException($"the guest is {processor} with pages of {page} bytes and a PMD of order {order}: expected one of "
                + string.Join(", ", MachineType.All), []);

        string? Value(string name) =>
            greeting.FirstOrDefault(line => line.StartsWith(name + " ", StringComparison.Ordinal))?[(name.Length + 1)..];
    }

    /// <summary>The machine that a kernel is built for.</summary>
    public static MachineType MachineOf(KernelFlavour flavour) => MachineType.All.First(machine =>
        machine.Processor == flavour.Architecture.Uname && machine.PageKilobytes == flavour.PageKilobytes);

    [GeneratedRegex(@"^(\d+)\.(\d+)")]
    private static partial Regex Numbers();
}
