using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using KhugepagedSpec.Properties.Programs;
using KhugepagedSpec.Scenarios;

namespace KhugepagedSpec.Properties;

/// <summary>Whole programs, with khugepaged at work between their steps.</summary>
[Cases]
public sealed class ProgramProperties
{
    [Property(Arbitrary = [typeof(ProgramGenerator)])]
    public Property Programs_read_what_they_wrote_and_the_contract_holds_after_every_step(ProgramRun program) =>
        program.Run(Subjects.Linux72) is { } wrong ? false.Label($"{wrong}\n\n{program}") : true.ToProperty();

    // As a failure prints it. Found by the property: the drop of a lazyfree folio was decided by its first page alone.
    [Fact]
    public void A_lazyfree_folio_of_which_one_page_was_written_again_is_not_dropped() =>
        Assert.Null(new ProgramRun(3, [
            new Write(1, 5, 4),
            new Free(1, 3, 13),
            new Write(1, 9, 1),
            new SwapOut(1, 5, 11),
        ]).Run(Versions.Catalogue.Linux72));

    [Theory]
    [InlineData("holes-not-cleared", 4)]
    [InlineData("last-page-not-copied", 3)]
    [InlineData("rollback-leaves-one-out", 4)]
    [InlineData("one-pte-too-many", 4)]
    [InlineData("uffd-not-rechecked", 5)]
    [InlineData("pins-forgotten", 4)]
    [InlineData("lazyfree-forgotten", 4)]
    [InlineData("uffd-wp-forgotten", 5)]
    [InlineData("shared-allowed-below-pmd", 5)]
    [InlineData("larger-folio-demoted", 4)]
    public void A_known_bad_variant_shows_in_a_program_of_few_steps(string name, int steps)
    {
        var variant = Versions.Catalogue.Find(name)!;
        var program = Enumerable.Range(0, 5000).Select(seed => ProgramGenerator.Next(new RandomChoices((ulong)seed)))
            .First(program => program.Run(variant) is not null);
        for (bool simpler = true; simpler;)
        {
            var next = ProgramGenerator.Simpler(program).FirstOrDefault(candidate => candidate.Run(variant) is not null);
            simpler = next is not null;
            program = next ?? program;
        }
        Assert.InRange(program.Steps.Length, 2, steps);
    }

    [Fact]
    public void Programs_are_not_idle()
    {
        int collapsed = 0, huge = 0, forked = 0, programs = 1000;
        for (int seed = 0; seed < programs; seed++)
        {
            var program = ProgramGenerator.Next(new RandomChoices((ulong)seed));
            var state = new ProgramState(Subjects.Linux72, program.PmdOrder);
            foreach (var step in program.Steps)
                step.Run(state);
            collapsed += state.Machine.Statistics.PagesCollapsed > 0 ? 1 : 0;
            huge += state.Subjects.Any(subject => subject.Mm.Tables.Any(table => table.Pmd == PageTables.PmdState.Huge)) ? 1 : 0;
            forked += state.Subjects.Count > 1 ? 1 : 0;
        }
        Assert.True(collapsed > programs / 10 && huge > programs / 10
            && forked > programs / 10, $"{collapsed} collapsed, {huge} huge, {forked} forked");
    }
}
