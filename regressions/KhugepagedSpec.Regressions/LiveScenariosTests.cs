using System.Collections.Immutable;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Guests.Live;
using KhugepagedSpec.PageTables;
using KhugepagedSpec.Recordings;

namespace KhugepagedSpec.Regressions;

/// <summary>What a running kernel is asked to do, without one.</summary>
public sealed partial class LiveScenariosTests
{
    private const int Batches = 40;

    // Of each kernel, where a scenario is written down and read back.
    private static int BatchesWritten => Math.Max(Batches, ScenarioCodecTests.Cases / LiveScenarios.Together);

    private static readonly KernelAbilities Linux72 = KernelAbilities.FromGreeting("7.2.13 #1\nkhugepaged 1\nswap 1\n");
    private static readonly KernelAbilities Linux612WithoutSwap = KernelAbilities.FromGreeting("6.12.107 #1\nkhugepaged 1\nswap 0\n");

    public static TheoryData<string> Greetings => new("7.2.13 #1\nswap 1\n", "7.1.13 #1\nswap 1\n", "6.12.107 #1\nswap 0\n");

    [Fact]
    public void The_same_seed_and_number_give_the_same_batch_and_others_another()
    {
        var texts = All(Linux72, seed: 1).Select(Text).ToList();
        // In any order, and not one after another.
        foreach (int number in new[] { 7, 3, 0 })
            Assert.Equal(texts[number], Text(new LiveScenarios(1, Linux72).Batch(number)));
        Assert.Equal(Batches, texts.Distinct().Count());
        Assert.Empty(texts.Intersect(All(Linux72, seed: 2).Select(Text)));

        static string Text(ImmutableArray<Scenario> batch) => string.Join('\n', batch);
    }

    // Whether a page was used lately no capture tells: a folio that is cold would be predicted wrongly, and the kernel be right.
    [Fact]
    public void What_is_predicted_is_predicted_of_pages_that_a_capture_shows()
    {
        var made = All(Linux72, seed: 1).SelectMany(batch => batch).SelectMany(scenario => scenario.Table.Cells)
            .Where(cell => cell.Kind == PteKind.Page).ToList();
        Assert.Contains(made, cell => cell.Order > 0 && IsCold(cell));
        Assert.DoesNotContain(made.Select(Prediction.AsSeen), IsCold);

        static bool IsCold(Cell cell) => !cell.Has(CellFlags.Young) && !cell.Has(CellFlags.LazyFree);
    }

    [Theory]
    [MemberData(nameof(Greetings))]
    public void All_of_a_batch_share_their_settings_and_who_collapses(string greeting) =>
        Assert.All(All(KernelAbilities.FromGreeting(greeting), seed: 1), batch =>
        {
            Assert.Equal(LiveScenarios.Together, batch.Length);
            Assert.Single(batch.Select(scenario => (scenario.Settings, scenario.Kind)).Distinct());
        });

    [Theory]
    [MemberData(nameof(Greetings))]
    public void What_fits_a_kernel_is_fitted_already(string greeting)
    {
        var kernel = KernelAbilities.FromGreeting(greeting);
        Assert.All(All(kernel, seed: 3).SelectMany(batch => batch), scenario =>
        {
            Assert.Equal(scenario, LiveInput.Fit(scenario, kernel));
            Assert.Empty(FolioPlan.Impossible(scenario.Table));
        });
    }

    [Theory]
    [MemberData(nameof(Greetings))]
    public void An_input_asks_for_the_scenario_it_was_made_of(string greeting) =>
        Assert.All(All(KernelAbilities.FromGreeting(greeting), seed: 5, BatchesWritten).SelectMany(batch => batch), scenario =>
        {
            var input = LiveInput.Of("a_1", scenario, passes: 2, beside: true);
            Assert.Equal(("a_1", 2), (input.Id, input.Passes));
            Assert.Null(ScenarioDifference.First(scenario, LiveInput.ScenarioOf(input)));
        });

    // So that the command that compare prints of a difference is refused by nobody, and asks for the same.
    [Theory]
    [MemberData(nameof(Greetings))]
    public void What_is_compared_can_be_asked_for_by_hand(string greeting)
    {
        var kernel = KernelAbilities.FromGreeting(greeting);
        var options = new KhugepagedSpec.Cli.Shell.ScenarioOptions();
        var command = new System.CommandLine.Command("record");
        options.AddTo(command);
        Assert.All(All(kernel, seed: 5, BatchesWritten).SelectMany(batch => batch), scenario =>
        {
            string text = scenario.ToString();
            var asked = options.Scenario(
                command.Parse([.. Words().Matches(text).Select(match => match.Groups[1].Success ? match.Groups[1].Value : match.Value)]));
            bool hasNeighbours = LiveInput.HasNeighbours(scenario.Vma, Geometry.X86.Pages);
            var request = KhugepagedSpec.Cli.Commands.RecordRequest.Of(asked, kernel, passes: 3, hasNeighbours);
            Assert.Equal(LiveInput.Of("recorded", scenario, 3, beside: true).ToString(), request.Input?.ToString());
        });
    }

    [Fact]
    public void A_third_of_the_scenarios_has_runs_of_swap_and_some_begin_as_a_program()
    {
        var all = All(Linux72, seed: 1).SelectMany(batch => batch).ToList();
        Assert.InRange(all.Count(scenario => scenario.Table.Cells.Any(cell => cell.Slot > 0)), all.Count / 4, all.Count / 2);
        Assert.InRange(all.Count(scenario => !scenario.Program.IsEmpty), all.Count / 30, all.Count / 5);
        Assert.DoesNotContain(All(Linux612WithoutSwap, seed: 1).SelectMany(batch => batch), scenario =>
            scenario.Table.Cells.Any(cell => cell.Kind == PteKind.Swap)
                || scenario.Program.Any(step => step.Verb == UserSpace.ProgramVerb.PageOut));
    }

    [Fact]
    public void Only_what_the_kernel_has_is_asked_for()
    {
        Assert.Equal([.. ".KLSWZbfghklopqrswxz"], Letters(Linux72));
        Assert.Equal([.. ".LWZbfhklopqrwxz"], Letters(Linux612WithoutSwap));

        static IEnumerable<char> Letters(KernelAbilities kernel) => All(kernel, seed: 1).SelectMany(batch => batch)
            .SelectMany(scenario => scenario.Table.Cells)
            .Select(cell => cell is { Kind: PteKind.Page, Order: > 0 } ? 'f' : TableNotation.LetterOf(cell) ?? '?')
            .Distinct().Order();
    }

    [Fact]
    public void Before_7_2_the_size_of_the_pmd_is_always_enabled()
    {
        Assert.All(All(Linux612WithoutSwap, seed: 1), batch => Assert.True(batch[0].Settings.OrdersFor(advised: true).Contains(9)));
        Assert.Contains(All(Linux72, seed: 1), batch => !batch[0].Settings.OrdersFor(advised: true).Contains(9));
    }

    [Fact]
    public void Both_who_collapse_and_every_shape_of_a_vma_occur()
    {
        var all = Enumerable.Range(0, 10).SelectMany(seed => All(Linux72, (ulong)seed)).SelectMany(batch => batch).ToList();
        Assert.Equal(Enum.GetValues<Settings.CollapseKind>(), all.Select(scenario => scenario.Kind).Distinct().Order());
        Assert.Equal(Enum.GetValues<VmaShape>(), all.Select(scenario => LiveInput.Of("a", scenario, 1, beside: true).Shape).Distinct()
            .Order());
    }

    [Fact]
    public void Nobody_is_eligible_unasked_where_a_page_is_shared() =>
        Assert.All(All(Linux72, seed: 1)
            .Where(batch => batch.Any(scenario => scenario.Table.Cells.Any(cell => cell.Has(CellFlags.Shared)))), batch =>
            Assert.Equal(OrderSet.Empty, batch[0].Settings.OrdersFor(advised: false)));

    [Theory]
    [InlineData("7.2.13", "i v D t a x*507", "x*512")]
    [InlineData("7.2.13", "f4[8+3]h f2 f1 x*503", "f4[8+3] f2 x*505")]
    [InlineData("7.2.13", "f4[8+3]h f2h f1 x*503", "f4[8+3]h f2h x*505")]
    [InlineData("7.2.13", "x*8 f4[8+1] f4[1+1] x*502", "x*8 f4[8+1] x*503")]
    [InlineData("7.2.13", "K Z x*510", "K x*511")]
    [InlineData("7.2.13", "Z s g x*509", "Z s g x*509")]
    [InlineData("6.12.107", "K Z s S g b x*506", "x Z s S x b x*506")]
    public void What_cannot_be_made_is_a_plain_page(string release, string table, string fitted) => Assert.Equal(
        fitted,
        TableNotation.Write(LiveInput.Fit(Scenario.Of(PageTable.Parse(table, Geometry.X86)),
            KernelAbilities.FromGreeting($"{release} #1\nswap 1\n")).Table));

    [Fact]
    public void Outside_the_vma_there_is_nothing()
    {
        var scenario = Scenario.Of(PageTable.Parse("x*512", Geometry.X86));
        var vma = scenario.Vma;
        Assert.Equal(". x*511", TableNotation.Write(LiveInput.Fit(scenario with { Vma = vma with { Start = 1 } }, Linux72).Table));
        Assert.Equal("x*511 .", TableNotation.Write(LiveInput.Fit(scenario with { Vma = vma with { End = 511 } }, Linux72).Table));
        // Not one of the shapes.
        var other = LiveInput.Fit(scenario with { Vma = vma with { Start = 7 } }, Linux72);
        Assert.Equal(("x*512", 0L, 512L), (TableNotation.Write(other.Table), other.Vma.Start, other.Vma.End));
    }

    private static IEnumerable<ImmutableArray<Scenario>> All(KernelAbilities kernel, ulong seed, int batches = Batches)
    {
        var scenarios = new LiveScenarios(seed, kernel);
        return Enumerable.Range(0, batches).Select(scenarios.Batch);
    }

    [System.Text.RegularExpressions.GeneratedRegex(@"'([^']*)'|\S+")]
    private static partial System.Text.RegularExpressions.Regex Words();
}
