using System.Collections.Immutable;

namespace KhugepagedSpec.Memory;

/// <summary>
/// The machine's NUMA nodes, for the one test that collapse makes of them. Source: Linux 7.2,
/// <c>mm/khugepaged.c:collapse_scan_abort</c>.
/// </summary>
/// <param name="NodeReclaim">vm.zone_reclaim_mode asks for node reclaim.</param>
/// <param name="Distances">Distance from node to node; square.</param>
/// <param name="ReclaimDistance">Nodes farther apart than this are too far (<c>node_reclaim_distance</c>).</param>
public sealed record NumaTopology(bool NodeReclaim, ImmutableArray<ImmutableArray<int>> Distances, int ReclaimDistance = 30)
{
    /// <summary>One node.</summary>
    public static NumaTopology SingleNode { get; } = new(false, [[10]]);

    /// <summary>Two nodes, too far apart, with node reclaim on.</summary>
    public static NumaTopology TwoFarNodes { get; } = new(true, [[10, 40], [40, 10]]);

    /// <summary>So many nodes, all as far from each other: too far, with node reclaim on, or not.</summary>
    public static NumaTopology Of(int nodes, bool areFar) => nodes == 1 ? SingleNode : areFar && nodes == 2 ? TwoFarNodes : new(
        areFar,
        [.. Enumerable.Range(0, nodes)
            .Select(a => Enumerable.Range(0, nodes).Select(b => a == b ? 10 : areFar ? 40 : 20).ToImmutableArray())]);

    /// <summary>How many nodes there are.</summary>
    public int Nodes => Distances.Length;

    /// <inheritdoc/>
    public bool Equals(NumaTopology? other) =>
        other is not null && (NodeReclaim, ReclaimDistance, Nodes) == (other.NodeReclaim, other.ReclaimDistance, other.Nodes)
        && Distances.Zip(other.Distances).All(rows => rows.First.SequenceEqual(rows.Second));

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(NodeReclaim, ReclaimDistance, Nodes);

    /// <summary>True if two nodes are too far apart for one folio.</summary>
    public bool TooFar(int a, int b) => Distances[a][b] > ReclaimDistance;
}
