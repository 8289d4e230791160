using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using KhugepagedSpec.Evaluators;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Scenarios;

namespace KhugepagedSpec.Benchmarks;

/// <summary>
/// The three evaluators of a walk over 512 PTEs, each beside the same in C, over the same tables; both must come to the same totals.
/// </summary>
internal static class EvaluatorPeers
{
    private const int WordsOfTable = 8;

    public static void Run(string folder)
    {
        var words = Tables();
        var peers = Peers(folder, words);
        Console.WriteLine("\na walk over 512 PTEs, every attempt a success, all orders, million tables a second: max_ptes_none 0, maximum");
        var sliced = new BitSliced(Geometry.X86);
        var ptes = Transposed(words);
        var orders = Geometry.X86.AnonOrders;
        Row("stepper", fillsHoles => ByTable(words, 20, table => WalkTotals.ByStepper(table, orders, fillsHoles)));
        Row("pyramid", fillsHoles => ByTable(words, 10_000, table => Pyramid.Run(table, orders, fillsHoles)));
        Row("bit-sliced", fillsHoles =>
        {
            const int runs = 100_000;
            for (int i = 0; i < runs; i++)
                sliced.Run(ptes, orders, fillsHoles);
            var totals = Enumerable.Range(0, BitSliced.Tables).Select(sliced.Of).ToList();
            return ((long)runs * BitSliced.Tables, totals.Sum(total => (long)total.Tried), totals.Sum(total => (long)total.Pages));
        });

        void Row(string name, Func<bool, (long Tables, long Tried, long Pages)> run)
        {
            string line = $"  {name,-28}";
            foreach (bool fillsHoles in WalkPeers.Limits)
            {
                (long, long) totals = default;
                double best = Enumerable.Range(0, WalkPeers.Rounds + 1).Max(_ => WalkPeers.Rate(() =>
                {
                    (long tables, long tried, long pages) = run(fillsHoles);
                    totals = (tried, pages);
                    return tables;
                }));
                string ratio = "C not here";
                if (peers.TryGetValue((name, fillsHoles), out var peer))
                    ratio = peer.Totals == totals
                        ? string.Create(CultureInfo.InvariantCulture, $"{best / peer.Rate:0.00} of C")
                        : throw new InvalidOperationException($"{name}: {totals} here, {peer.Totals} in C");
                line += string.Create(CultureInfo.InvariantCulture, $"{best / 1e6,10:N1}, {ratio}");
            }
            Console.WriteLine(line);
        }
    }

    // Half of the words full, the others full of holes.
    private static ulong[] Tables()
    {
        var choices = new RandomChoices(1);
        var words = new ulong[BitSliced.Tables * WordsOfTable];
        for (int i = 0; i < words.Length; i++)
            words[i] = choices.OneIn(2) ? ulong.MaxValue : (ulong)choices.Below(int.MaxValue) << 20;
        return words;
    }

    private static Vector512<ulong>[] Transposed(ulong[] words)
    {
        var ptes = new Vector512<ulong>[Geometry.X86.Pages];
        Span<ulong> tables = stackalloc ulong[Vector512<ulong>.Count];
        for (int pte = 0; pte < ptes.Length; pte++)
        {
            tables.Clear();
            for (int table = 0; table < BitSliced.Tables; table++)
                tables[table >> 6] |= (words[(table * WordsOfTable) + (pte >> 6)] >> (pte & 63) & 1) << (table & 63);
            ptes[pte] = Vector512.Create<ulong>(tables);
        }
        return ptes;
    }

    private static Dictionary<(string Name, bool FillsHoles), (double Rate, (long, long) Totals)> Peers(string folder, ulong[] words)
    {
        string source = Path.Combine(AppContext.BaseDirectory, "Peers", "evaluators.c"), tables = Path.Combine(folder, "tables");
        File.WriteAllBytes(tables, MemoryMarshal.AsBytes(words.AsSpan()).ToArray());
        string? printed = PeerTool.Run("cc", $"-O3 -march=native -o evaluators {source}", folder) is null ? null
            : PeerTool.Run(Path.Combine(folder, "evaluators"), tables, folder);
        string[] lines = printed?.Split('\n', StringSplitOptions.RemoveEmptyEntries) ?? [];
        return lines.Select((line, i) => (Words: line.Split(' '), FillsHoles: i >= lines.Length / 2)).ToDictionary(
            line => (line.Words[0], line.FillsHoles),
            line => (double.Parse(line.Words[1], CultureInfo.InvariantCulture), (Number(line.Words[2]), Number(line.Words[3]))));

        static long Number(string word) => long.Parse(word, CultureInfo.InvariantCulture);
    }

    private delegate WalkTotals Evaluator(ReadOnlySpan<ulong> table);

    private static (long Tables, long Tried, long Pages) ByTable(ulong[] words, int rounds, Evaluator evaluate)
    {
        long tried = 0, pages = 0;
        for (int round = 0; round < rounds; round++)
            for (int table = 0; table < BitSliced.Tables; table++)
            {
                var totals = evaluate(words.AsSpan(table * WordsOfTable, WordsOfTable));
                tried += totals.Tried;
                pages += totals.Pages;
            }
        return ((long)rounds * BitSliced.Tables, tried / rounds, pages / rounds);
    }
}
