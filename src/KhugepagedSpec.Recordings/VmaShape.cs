namespace KhugepagedSpec.Recordings;

/// <summary>Where the VMA lies against the PMD range that is observed.</summary>
public enum VmaShape
{
    /// <summary>The VMA is the PMD range.</summary>
    Exact,

    /// <summary>64 pages more on both sides.</summary>
    Big,

    /// <summary>One PMD range more on both sides, the 64 pages next to ours populated.</summary>
    Big3,

    /// <summary>32 pages more below.</summary>
    Low,

    /// <summary>32 pages more above.</summary>
    High,

    /// <summary>Starts a page late.</summary>
    Short,

    /// <summary>Ends a page early.</summary>
    ShortEnd,
}
