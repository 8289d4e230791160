namespace KhugepagedSpec.Races.Validation;

/// <summary>Which steps a trace shows. Every other step is hidden, and may be taken at any time.</summary>
internal static class Marks
{
    /// <summary>Marks of one racing task.</summary>
    public const int PerTask = Mark.NotSeen - Mark.LockVma + 1;

    private static readonly Dictionary<Mark, string[]> Probes = new()
    {
        [Mark.MmapRead] = ["mmap_lock_acquire_returned"],
        [Mark.MmapWrite] = ["mmap_lock_acquire_returned"],
        [Mark.MmapReadUnlock] = ["mmap_lock_released"],
        [Mark.MmapWriteUnlock] = ["mmap_lock_released"],
        [Mark.Reval] = ["reval", "reval_r"],
        [Mark.VmaKeep] = ["vsw", "vsw_r"],
        [Mark.VmaWait] = ["vsw", "vsw_r"],
        [Mark.PmdCheck] = ["pmdchk"],
        [Mark.AnonLock] = ["anonw", "anonw_r"],
        [Mark.PmdClear] = ["pcf", "pcf_r"],
        [Mark.PmdFlush] = ["pcf", "pcf_r"],
        [Mark.Sync] = ["sync", "sync_r"],
        [Mark.TableLock] = ["isoptl"],
        [Mark.Isolate] = ["iso"],
        [Mark.Take] = ["isol"],
        [Mark.Copy] = ["copy"],
        [Mark.Source] = ["relsrc"],
        [Mark.PmdFill] = ["pmdpop", "pmdback"],
        [Mark.PtesSet] = ["mappte"],
        [Mark.PmdMap] = ["mappmd"],
        [Mark.Grab] = ["grab", "grab_r"],
        [Mark.Fill] = ["pmdinst"],
        [Mark.Map] = ["poml_r", "newrm"],
        [Mark.Clear] = ["zap", "zap_r", "ptefree"],
        [Mark.Out] = ["zap", "zap_r", "ptefree"],
        [Mark.Flush] = ["zap", "zap_r"],
        [Mark.Unmap] = ["ttu1", "ttm1"],
        [Mark.Remap] = ["rmp"],
        [Mark.RmapLock] = ["ttu1", "ttm1", "rmp"],
    };

    /// <summary>Those that a trace with these probes shows.</summary>
    public static HashSet<Mark> ShownBy(IReadOnlySet<string> probes) =>
        [.. Enum.GetValues<Mark>().Where(mark => mark is not (Mark.Hidden or Mark.Asks or Mark.Picks)
            && (!Probes.TryGetValue(mark, out string[]? needed)
            || needed.All(probes.Contains)))];
}
