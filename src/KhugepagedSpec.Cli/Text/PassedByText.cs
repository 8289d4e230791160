using KhugepagedSpec.Processes;

namespace KhugepagedSpec.Cli.Text;

/// <summary>Whether khugepaged comes to a VMA, and why not, in words.</summary>
internal static class PassedByText
{
    /// <summary>A word or two, for a column.</summary>
    public static string Of(Visit visit) => visit switch
    {
        Visit.Seen => "yes",
        Visit.AtFault => "at fault",
        Visit.OnlyIfListed => "if listed",
        _ => "no",
    };

    /// <summary>The reason, with what to look for.</summary>
    public static string Of(PassedByReason reason) => reason switch
    {
        PassedByReason.NoHardware => "the hardware has no huge pages",
        PassedByReason.NoHugePage => "MADV_NOHUGEPAGE (nh in smaps)",
        PassedByReason.Special => "of a kind that khugepaged leaves alone (io, pf, de or mm in smaps)",
        PassedByReason.Disabled => "prctl(PR_SET_THP_DISABLE) (THP_enabled 0 in status)",
        PassedByReason.NoSize => "no size is enabled for a VMA that is not advised (no hg in smaps)",
        PassedByReason.NoSizeAdvised => "no size is enabled, though it is advised (hg in smaps)",
        PassedByReason.NoWholeRange => "no whole PMD range lies in it",
        _ => "private copies of a file's pages",
    };
}
