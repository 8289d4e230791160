namespace KhugepagedSpec.Guests.Live;

/// <summary>The steps that bring pages to the second NUMA node.</summary>
internal static class NodeSteps
{
    private const int AnyNode = -1;

    /// <summary>Moves small pages to where they belong.</summary>
    /// <param name="range">Where they are.</param>
    public static void MoveSmall(GuestRange range)
    {
        foreach (int node in range.Table.Cells.Select(cell => cell.Node).Where(node => node > 0).Distinct().Order())
            range.ForEachRun(
                cell => cell.Node == node && cell.Order == 0,
                (at, count) => range.Steps.Range("tonode", range.Address(at), count, node));
    }

    /// <summary>What is allocated from now on lies there, unless it is the first node.</summary>
    public static void Bind(GuestRange range, int node)
    {
        if (node > 0)
            range.Steps.Line("bind", node);
    }

    /// <summary>What is allocated from now on lies anywhere again.</summary>
    public static void Unbind(GuestRange range, int node)
    {
        if (node > 0)
            range.Steps.Line("bind", AnyNode);
    }
}
