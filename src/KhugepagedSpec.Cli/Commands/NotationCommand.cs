using System.CommandLine;
using KhugepagedSpec.Cli.Shell;
using KhugepagedSpec.PageTables;

namespace KhugepagedSpec.Cli.Commands;

/// <summary><c>khugepaged-spec notation</c>: the letters of a page table.</summary>
internal static class NotationCommand
{
    public static Command Create()
    {
        var command = new Verb(
            "notation",
            "Print how a page table is written.",
            """
            Example:
              khugepaged-spec notation
            """);
        command.SetAction(_ => Print());
        return command;
    }

    private static int Print()
    {
        Console.WriteLine("One cell a PTE, lowest address first; spaces and commas between cells are ignored.\n");
        foreach (var (letter, _, meaning) in TableNotation.Letters)
            Console.WriteLine($"  {letter,-10}{meaning}");
        Console.WriteLine(
            """

              x*16      sixteen of them; x16 is read too
              f4        a whole folio of order 4, PTE-mapped; m4 is the same
              f4[8+3]   three of its pages, from page 8; pieces whose pages count from
                        the same address are one folio
              f4*3      three folios
              F4        a folio that is new since the last look
              s[84+32]  32 swap entries whose slots lie in a row from 84: swap-in brings
                        aligned ones back as one folio; of s*32 no two lie in a row
              m9        alone: a huge page mapped by the PMD entry; f9 is PTE-mapped

            Alone, for the PMD entry:
            """);
        foreach (var (word, _, meaning) in TableNotation.PmdEntries)
            Console.WriteLine($"  {word,-10}{meaning}");
        Console.WriteLine(
            """

            Right after a folio (f0 is a single page):
            """);
        foreach (var (letter, _, _, meaning) in TableNotation.Attributes)
            Console.WriteLine($"  {letter,-10}{meaning}");
        Console.WriteLine("  @1        on NUMA node 1");
        return ExitCode.Agree;
    }
}
