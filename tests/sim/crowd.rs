//! A mesh of many nodes: the same promises, and the same trace twice.
//!
//! `HMS_CROWD=1000 cargo test -p hms-tests --test sim crowd -- --nocapture` runs one of so many nodes: everybody hears
//! everybody, which makes that sixteen times the work of the usual 250.

use std::env;
use std::io::{self, Write as _};
use std::sync::Mutex;

use hms_tests::sim::plan::Plan;
use hms_tests::sim::run_plan;
use hms_tests::sim::soak::soak_with;

use crate::tell;

/// Nodes of one test run.
const NODES: usize = 250;

/// Those of them that vote.
const VOTERS: usize = 5;

#[test]
fn a_crowd_keeps_every_promise_twice_alike() {
    let nodes = env::var("HMS_CROWD").map_or(NODES, |nodes| {
        nodes.parse().expect("HMS_CROWD is a number of nodes")
    });
    let plan = Plan::crowded(0, nodes - VOTERS);
    let digests = Mutex::new(Vec::new());
    let soaked = soak_with(0..2, |_| {
        let outcome = run_plan(0, &plan);
        let mut digests = digests.lock().expect("nobody panics with the lock");
        digests.push(outcome.trace.digest());
        outcome
    });
    let pace = soaked.pace();
    writeln!(io::stdout(), "{nodes} nodes: {soaked}, {pace}").expect("tests are read");
    assert!(soaked.broken.is_empty(), "{}", tell(&soaked));
    assert!(0 < soaked.tasks, "nothing was acknowledged: {soaked}");
    let digests = digests.into_inner().expect("nobody panics with the lock");
    assert_eq!(digests[0], digests[1]);
}
