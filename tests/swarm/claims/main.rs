//! What the real network keeps to over a simulated one: every claim is a run of its own process.
//!
//! A process has one seed, one clock and one source of random numbers; so these tests start the program `hms-swarm`
//! for each run, and read what it prints. A run that does not hold fails with the program's own words.

use std::process::Command;

/// Plays a scenario and returns what it printed.
///
/// # Panics
/// When the scenario does not hold.
fn play(scenario: &str, nodes: u8, seed: u64) -> String {
    let run = Command::new(env!("CARGO_BIN_EXE_hms-swarm"))
        .arg(scenario)
        .args(["--nodes", &nodes.to_string()])
        .args(["--seed", &seed.to_string()])
        .output()
        .expect("cargo has built the program beside this test");
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{scenario} of {nodes}: {said}");
    String::from_utf8_lossy(&run.stdout).into_owned()
}

/// The hash of everything that happened in a run.
fn trace_of(shown: &str) -> &str {
    let trace = shown
        .split_whitespace()
        .find_map(|word| word.strip_prefix("trace="));
    trace.expect("a run that holds shows its trace")
}

/// Without this every other claim would hold of a network whose pings are never sent.
#[test]
fn timers_fire_in_virtual_time() {
    play("timers", 1, 1);
}

/// MSH-4: a message published on one node reaches all others, once.
#[test]
fn the_gossip_of_each_of_five_reaches_all() {
    play("gossip", 5, 1);
}

/// MSH-4
#[test]
fn the_gossip_of_each_of_eight_reaches_all() {
    play("gossip", 8, 2);
}

/// MSH-4, MSH-13
#[test]
fn the_gossip_of_each_of_thirty_reaches_all() {
    play("gossip", 30, 3);
}

/// MSH-14: each side of a cut goes on by itself; after the heal all hear all without help, in bounded time.
#[test]
fn a_mesh_that_was_cut_in_two_hears_itself_again() {
    play("partition", 10, 1);
}

/// MSH-14: a cut that nobody noticed has killed every connection across it all the same.
#[test]
fn connections_that_a_short_cut_has_killed_are_found_and_replaced() {
    play("hiccup", 6, 1);
}

/// MSH-6: a node that was killed hears and is heard after its restart, in bounded time.
#[test]
fn a_killed_node_is_heard_again_and_hears() {
    play("restart", 5, 1);
}

/// MSH-6: peers that still hold connections to a node that lost its power give them up when it is back.
#[test]
fn a_node_that_lost_its_power_is_heard_again_and_hears() {
    // Who notices first, the newcomer or its peers, is chance.
    for seed in 1..=4 {
        play("power-loss", 5, seed);
    }
}

/// MAC-3: frames between two nodes keep their order, and none is delivered twice, across restarts and cuts.
#[test]
fn frames_keep_their_order_and_none_arrives_twice() {
    for seed in 1..=2 {
        play("frames", 5, seed);
    }
}

/// MSH-3, BYZ-2: who is not enrolled is connected, and neither told nor heard.
#[test]
fn a_stranger_hears_nothing_and_is_not_heard() {
    play("stranger", 5, 1);
}

/// TST-3: a run is its seed, to the last encrypted byte; so a seed that broke something breaks it again.
#[test]
fn one_seed_is_one_run_and_another_seed_is_another() {
    for scenario in ["partition", "frames"] {
        let (run, again) = (play(scenario, 4, 11), play(scenario, 4, 11));
        assert_eq!(run, again);
        let other = play(scenario, 4, 12);
        assert_ne!(trace_of(&run), trace_of(&other));
    }
}
