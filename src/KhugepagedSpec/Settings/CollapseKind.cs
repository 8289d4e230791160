namespace KhugepagedSpec.Settings;

/// <summary>Who collapses.</summary>
public enum CollapseKind
{
    /// <summary>The daemon: bound by sysfs, its limits and the use of the pages.</summary>
    Khugepaged,

    /// <summary><c>madvise(MADV_COLLAPSE)</c>: PMD order only, no sysfs limit but userfaultfd's.</summary>
    Madvise,
}
