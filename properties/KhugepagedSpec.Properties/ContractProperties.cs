using FsCheck.Xunit;
using KhugepagedSpec.Checking;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Invariants;
using KhugepagedSpec.Versions;

namespace KhugepagedSpec.Properties;

/// <summary>Every invariant, over every version that is claimed to satisfy it. The users' five come first.</summary>
[Properties(Arbitrary = [typeof(Scenarios)], MaxTest = 100, QuietOnSuccess = true)]
public sealed class ContractProperties
{
    [Property]
    public void No_number_of_passes_fills_more_empty_ptes_than_max_ptes_none(Scenario scenario) => Holds("no-none-creep", scenario);

    [Property]
    public void No_mthp_collapse_happens_over_swap_or_shared_ptes(Scenario scenario) => Holds("no-mthp-over-swap-or-shared", scenario);

    [Property]
    public void Collapsed_ranges_are_aligned_disjoint_and_of_an_enabled_order(Scenario scenario) => Holds("aligned-disjoint-enabled", scenario);

    [Property]
    public void Stack_and_offset_walks_give_the_same_results(Scenario scenario) => Holds("walks-agree", scenario);

    [Property]
    public void A_uffd_armed_vma_never_loses_an_empty_pte(Scenario scenario) => Holds("uffd-keeps-holes", scenario);

    [Property]
    public void Every_page_reads_as_before(Scenario scenario) => Holds("contents-preserved", scenario);

    [Property]
    public void Ptes_outside_the_collapsed_windows_stay_as_they_were(Scenario scenario) => Holds("neighbours-preserved", scenario);

    [Property]
    public void A_pass_that_collapses_nothing_changes_nothing(Scenario scenario) => Holds("failure-changes-nothing", scenario);

    [Property]
    public void Pinned_locked_and_odd_ptes_are_never_replaced(Scenario scenario) => Holds("odd-ptes-stay", scenario);

    [Property]
    public void A_larger_folio_is_never_demoted(Scenario scenario) => Holds("no-demotion", scenario);

    [Property]
    public void A_collapsed_window_is_one_whole_new_folio(Scenario scenario) => Holds("one-whole-folio", scenario);

    [Property]
    public void Khugepaged_collapses_nothing_that_nobody_uses(Scenario scenario) => Holds("used-lately", scenario);

    [Property]
    public void At_the_pmd_order_the_three_limits_hold(Scenario scenario) => Holds("pmd-limits", scenario);

    [Property]
    public void Below_the_pmd_order_holes_are_filled_only_under_the_maximum(Scenario scenario) => Holds("holes-below-pmd", scenario);

    [Property]
    public void The_attempts_are_those_of_the_buddy_tree(Scenario scenario) => Holds("buddy-tree", scenario);

    [Property]
    public void No_window_is_tried_twice_in_a_pass(Scenario scenario) => Holds("each-window-once", scenario);

    [Property]
    public void A_visit_reports_success_then_failed_allocation_then_the_last_failure(Scenario scenario) => Holds("result-by-priority", scenario);

    [Property]
    public void Statistics_add_up(Scenario scenario) => Holds("statistics-add-up", scenario);

    [Property]
    public void On_plain_pages_the_second_pass_changes_nothing(Scenario scenario) => Holds("settles", scenario);

    [Property]
    public void On_plain_pages_one_pass_leaves_no_worthy_window(Scenario scenario) => Holds("maximal", scenario);

    [Property]
    public void Before_mthp_nothing_that_is_one_folio_was_tried_again(Scenario scenario) => Holds("no-second-attempt", scenario);

    [Property]
    public void Before_mthp_no_plain_window_was_left_behind(Scenario scenario) => Holds("nothing-left-behind", scenario);

    [Fact]
    public void Every_invariant_of_the_contract_is_a_property_here()
    {
        string source = string.Join('\n', typeof(ContractProperties).GetMethods().Select(method => method.Name));
        Assert.Equal(Contract.Invariants.Length, source.Split('\n').Count(name => typeof(ContractProperties).GetMethod(name)!.IsDefined(typeof(PropertyAttribute), false)));
    }

    private static void Holds(string name, Scenario scenario)
    {
        var invariant = Contract.Find(name)!;
        foreach (var version in Catalogue.Versions)
        {
            if (invariant.ExceptionFor(version) is not null || invariant.NotFor.Contains(version.Name))
                continue;
            if (invariant.Check(History.Of(scenario, version, Checker.Passes)) is { } violation)
                Assert.Fail(
                    $"""
                    {version.Name} breaks {invariant.Name}: {invariant.Statement}
                    from: {invariant.Citation}
                    khugepaged-spec explain {scenario} --model {version.Name} --passes {violation.Pass}
                    {violation}
                    """);
        }
    }
}
