namespace KhugepagedSpec.Recordings;

/// <summary>One thing the recorder's program did to its pages.</summary>
/// <param name="What">D DONTNEED, W write, R read, C COLD, P PAGEOUT, F FREE, G guard, N pin, H keep shared with the child.</param>
/// <param name="Offset">The first page, from the start of the PMD range.</param>
/// <param name="Length">How many pages.</param>
public readonly record struct VectorOperation(char What, int Offset, int Length);
