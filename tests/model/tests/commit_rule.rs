//! The commit rule keeps its promises in every state of every scope below, and loses one of them with any clause left out.

use hms_model::promises;
use hms_model::rule::{Clause, Rule};
use hms_model::steps::{Leaders, Scope};
use stateright::{Checker as _, HasDiscoveries, Model as _};

/// Visits every state, expects all promises to hold, and so many states to be there. The number stands here so that nobody
/// makes the model smaller without noticing.
fn check_whole(scope: Scope, states: usize) {
    let failures = HasDiscoveries::AnyFailures;
    let checker = scope
        .checker()
        .threads(1)
        .finish_when(failures)
        .spawn_bfs()
        .join();
    checker.assert_properties();
    assert_eq!(checker.unique_state_count(), states);
}

/// A clause, the promise that falls without it, in how many steps at the least, and in which scope.
type Case = (Clause, &'static str, usize, Scope);

const fn scope(lengths: &'static [u16], values: u8, leaders: Leaders) -> Scope {
    Scope {
        rule: Rule::WHOLE,
        lengths,
        values,
        leaders,
    }
}

/// How many steps the shortest way to a broken promise has, of those with fewer than `below`.
fn shortest(scope: Scope, promise: &'static str, below: usize) -> Option<usize> {
    let found = HasDiscoveries::AnyOf([promise].into());
    let checker = scope.checker().threads(1).finish_when(found);
    let checker = checker.target_max_depth(below + 1).spawn_bfs().join();
    // The checker reports the last of the ways that it found at once: there may be shorter ones.
    let steps = checker.discovery(promise)?.into_actions().len();
    Some(shortest(scope, promise, steps).unwrap_or(steps))
}

/// Leaves each clause out and expects the promise to fall.
fn check_without(cases: &[Case]) {
    let broken = |(clause, promise, steps, scope): &Case| {
        let rule = Rule::without(*clause);
        let found = shortest(Scope { rule, ..*scope }, promise, steps + 10);
        (*clause, *promise, found)
    };
    let expected = cases.iter().map(|case| (case.0, case.1, Some(case.2)));
    let expected: Vec<_> = expected.collect();
    assert_eq!(cases.iter().map(broken).collect::<Vec<_>>(), expected);
}

#[test]
fn three_entries_in_one_term() {
    check_whole(scope(&[3], 2, Leaders::Anyone), 49_835);
}

#[test]
fn two_entries_in_two_terms_under_any_leaders() {
    check_whole(scope(&[1, 2], 2, Leaders::Anyone), 55_982);
}

#[test]
fn two_entries_in_two_terms_that_may_both_make_them() {
    check_whole(scope(&[2, 2], 2, Leaders::Liar), 1_097_666);
}

#[test]
fn three_entries_in_two_terms() {
    check_whole(scope(&[1, 3], 2, Leaders::Liar), 754_822);
}

#[test]
fn one_entry_in_three_terms() {
    check_whole(scope(&[1, 1, 1], 2, Leaders::Liar), 83_709);
}

#[test]
fn without_any_one_clause_a_promise_falls() {
    use promises::{AGREEMENT, KEPT, NO_WEDGE, OBEYED, ONE_CERTIFICATE, ONE_LEADER};
    const LIAR: Scope = scope(&[1, 1], 2, Leaders::Liar);
    const ANYONE: Scope = scope(&[1, 1], 2, Leaders::Anyone);
    const LONGER: Scope = scope(&[2, 2], 1, Leaders::Liar);
    const THREE_TERMS: Scope = scope(&[1, 1, 1], 2, Leaders::Liar);
    check_without(&[
        (Clause::Quorum, AGREEMENT, 5, LIAR),
        (Clause::OneChain, ONE_CERTIFICATE, 5, LIAR),
        (Clause::AttestLock, AGREEMENT, 14, LONGER),
        (Clause::LockBeforeAnswer, AGREEMENT, 6, LIAR),
        (Clause::LockInTerm, AGREEMENT, 10, LIAR),
        (Clause::HoldLock, KEPT, 7, LIAR),
        (Clause::ReleaseByHigherTerm, KEPT, 9, LIAR),
        (Clause::ReleaseByHigherTerm, AGREEMENT, 14, THREE_TERMS),
        (Clause::Release, NO_WEDGE, 8, LIAR),
        (Clause::DropSuffix, NO_WEDGE, 6, LIAR),
        (Clause::VoteByLock, OBEYED, 5, LIAR),
        (Clause::OneVote, ONE_LEADER, 4, ANYONE),
        (Clause::LeaderCertificate, ONE_LEADER, 3, ANYONE),
    ]);
}
