using System.Collections.Immutable;
using FsCheck;
using FsCheck.Xunit;
using KhugepagedSpec.Daemon;
using KhugepagedSpec.Invariants;

namespace KhugepagedSpec.Properties;

/// <summary>Every invariant, over every version that is claimed to satisfy it. The users' five come first.</summary>
[Cases]
public sealed class ContractProperties
{
    private static readonly ImmutableDictionary<string, ContractProperty> Properties = Contract.Invariants.ToImmutableDictionary(
        invariant => invariant.Name, invariant => new ContractProperty(invariant, Subjects.All, Counterexamples.Corpus));

    [Property]
    public Property No_number_of_passes_fills_more_empty_ptes_than_max_ptes_none(Scenario scenario) => Holds("no-none-creep", scenario);

    [Property]
    public Property No_mthp_collapse_happens_over_swap_or_shared_ptes(Scenario scenario) => Holds("no-mthp-over-swap-or-shared", scenario);

    [Property]
    public Property Collapsed_ranges_are_aligned_disjoint_and_of_an_enabled_order(Scenario scenario) =>
        Holds("aligned-disjoint-enabled", scenario);

    [Property]
    public Property Stack_and_offset_walks_give_the_same_results(Scenario scenario) => Holds("walks-agree", scenario);

    [Property]
    public Property A_uffd_armed_vma_never_loses_an_empty_pte(Scenario scenario) => Holds("uffd-keeps-holes", scenario);

    [Property]
    public Property Every_page_reads_as_before(Scenario scenario) => Holds("contents-preserved", scenario);

    [Property]
    public Property Ptes_outside_the_collapsed_windows_stay_as_they_were(Scenario scenario) => Holds("neighbours-preserved", scenario);

    [Property]
    public Property A_pass_that_collapses_nothing_changes_nothing(Scenario scenario) => Holds("failure-changes-nothing", scenario);

    [Property]
    public Property Pinned_locked_and_odd_ptes_are_never_replaced(Scenario scenario) => Holds("odd-ptes-stay", scenario);

    [Property]
    public Property A_larger_folio_is_never_demoted(Scenario scenario) => Holds("no-demotion", scenario);

    [Property]
    public Property A_collapsed_window_is_one_whole_new_folio(Scenario scenario) => Holds("one-whole-folio", scenario);

    [Property]
    public Property Khugepaged_collapses_nothing_that_nobody_uses(Scenario scenario) => Holds("referenced", scenario);

    [Property]
    public Property At_the_pmd_order_the_three_limits_hold(Scenario scenario) => Holds("pmd-limits", scenario);

    [Property]
    public Property Below_the_pmd_order_holes_are_filled_only_under_the_maximum(Scenario scenario) => Holds("holes-below-pmd", scenario);

    [Property]
    public Property The_attempts_are_those_of_the_buddy_tree(Scenario scenario) => Holds("buddy-tree", scenario);

    [Property]
    public Property No_window_is_tried_twice_in_a_pass(Scenario scenario) => Holds("each-window-once", scenario);

    [Property]
    public Property A_visit_reports_success_then_failed_allocation_then_the_last_failure(Scenario scenario) =>
        Holds("result-by-priority", scenario);

    [Property]
    public Property Statistics_add_up(Scenario scenario) => Holds("statistics-add-up", scenario);

    [Property]
    public Property The_mmap_lock_is_free_when_a_visit_ends(Scenario scenario) => Holds("no-lock-left", scenario);

    [Property]
    public Property On_plain_pages_the_second_pass_changes_nothing(Scenario scenario) => Holds("settles", scenario);

    [Property]
    public Property On_plain_pages_one_pass_leaves_no_worthy_window(Scenario scenario) => Holds("maximal", scenario);

    [Property]
    public Property Before_mthp_nothing_that_is_one_folio_was_tried_again(Scenario scenario) => Holds("no-second-attempt", scenario);

    [Property]
    public Property Before_mthp_no_plain_window_was_left_behind(Scenario scenario) => Holds("nothing-left-behind", scenario);

    [Fact]
    public void Every_invariant_of_the_contract_is_a_property_here()
    {
        string source = string.Join('\n', typeof(ContractProperties).GetMethods().Select(method => method.Name));
        Assert.Equal(Contract.Invariants.Length, source.Split('\n')
            .Count(name => typeof(ContractProperties).GetMethod(name)!.IsDefined(typeof(PropertyAttribute), false)));
    }

    private static Property Holds(string name, Scenario scenario) => Properties[name].Holds(scenario);
}
