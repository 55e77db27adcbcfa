//! R5: inside `consensus`, rooms import downwards only.
//!
//! Rooms of one height do not know each other, but for the arrows that this page lists. A room
//! without a place in the order is a finding too: whoever adds a room says where it stands. Tests
//! inside a room are free.

use crate::tidy::finding::Finding;
use crate::tidy::source::{Source, module_of};

const CRATE: &str = "consensus/src/";

/// Rooms by height. Rooms of one height do not know each other.
const HEIGHTS: [(&str, u8); 12] = [
    ("policy", 0),
    ("verdicts", 0),
    ("liveness", 0),
    ("raft", 0),
    ("worker", 0),
    ("turns", 0),
    ("state", 1),
    ("schedule", 2),
    ("heal", 2),
    ("supervisor", 3),
    ("mind", 4),
    ("salvage", 4),
];

/// Arrows along the ground: (from, to), each with its reason.
const SIDEWAYS: [(&str, &str); 1] = [("worker", "liveness")];

/// Pages that every room may read: what rooms exchange and what bounds them. A page may itself read
/// the ground and the state, no more.
const PAGES: [&str; 7] = [
    "birth", "input", "effect", "outbox", "outline", "limits", "quorum",
];
const PAGES_HEIGHT: u8 = 2;

/// Checks one file of `consensus`; others have no order of rooms.
pub(crate) fn check(source: &Source) -> Vec<Finding> {
    if !source.path.starts_with(CRATE) || source.is_trial() {
        return Vec::new();
    }
    let module = module_of(&source.path);
    let Some(room) = module.first() else {
        return Vec::new();
    };
    let Some(height) = height_of(room) else {
        let message =
            format!("room `{room}` has no place in the order of rooms; see tidy/rooms.rs");
        return vec![source.finding(0, "R5", message)];
    };
    let mut findings = Vec::new();
    for mention in source
        .mentions
        .iter()
        .filter(|mention| !mention.in_test && !mention.by_import)
    {
        let [first, target, ..] = mention.path.as_slice() else {
            continue;
        };
        let allowed = PAGES.contains(&target.as_str())
            || SIDEWAYS
                .iter()
                .any(|(from, to)| from == room && to == target);
        if first != "crate" || target == room || allowed {
            continue;
        }
        if height_of(target).is_some_and(|target| height <= target) {
            let message = format!(
                "`{room}` may not import `{}`: arrows point down",
                mention.text()
            );
            findings.push(source.finding(mention.line, "R5", message));
        }
    }
    findings
}

fn height_of(room: &str) -> Option<u8> {
    if PAGES.contains(&room) {
        return Some(PAGES_HEIGHT);
    }
    HEIGHTS
        .iter()
        .find(|(name, _)| *name == room)
        .map(|(_, height)| *height)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_sample(path: &str, text: &str, expected: &[&str]) {
        let source = Source::parse(path, text).expect("the sample parses");
        let texts: Vec<String> = check(&source).iter().map(ToString::to_string).collect();
        assert_eq!(texts, expected);
    }

    #[test]
    fn arrows_point_down() {
        check_sample(
            "consensus/src/state/apply.rs",
            "use crate::verdicts::Tally;",
            &[],
        );
        check_sample(
            "consensus/src/supervisor/lead.rs",
            "use crate::{heal, schedule, state};",
            &[],
        );
        check_sample(
            "consensus/src/state/apply.rs",
            "use crate::schedule::rank;",
            &[
                "consensus/src/state/apply.rs:1: [R5] `state` may not import `crate::schedule::rank`: \
             arrows point down",
            ],
        );
    }

    #[test]
    fn rooms_of_one_height_do_not_know_each_other() {
        check_sample(
            "consensus/src/heal/budget.rs",
            "fn f() { crate::schedule::fit(); }",
            &[
                "consensus/src/heal/budget.rs:1: [R5] `heal` may not import `crate::schedule::fit`: \
             arrows point down",
            ],
        );
        check_sample(
            "consensus/src/raft/log.rs",
            "use super::super::verdicts::tally;",
            &[
                "consensus/src/raft/log.rs:1: [R5] `raft` may not import `crate::verdicts::tally`: \
             arrows point down",
            ],
        );
    }

    #[test]
    fn everybody_may_read_the_pages_and_their_own_room() {
        check_sample(
            "consensus/src/raft/log.rs",
            "use crate::effect::Effect; use super::members;",
            &[],
        );
        check_sample(
            "consensus/src/effect.rs",
            "use crate::state::Command; use crate::input::Input;",
            &[],
        );
    }

    #[test]
    fn a_room_without_a_place_is_found() {
        check_sample(
            "consensus/src/attic.rs",
            "",
            &[
                "consensus/src/attic.rs:0: [R5] room `attic` has no place in the order of rooms; \
             see tidy/rooms.rs",
            ],
        );
    }

    #[test]
    fn tests_inside_a_room_are_free() {
        check_sample(
            "consensus/src/raft.rs",
            "#[cfg(test)] mod tests { use crate::state; }",
            &[],
        );
    }
}
