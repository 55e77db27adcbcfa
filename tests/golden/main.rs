//! Every golden script is played by the test of its name and must tell what is written in it.

use std::path::{Path, PathBuf};

use hms_tests::golden::play;

/// One test for each script: `lease_runs_out` plays `lease-runs-out.script`.
macro_rules! play_each {
    ($($test:ident)*) => {
        $(
            #[test]
            fn $test() {
                let played = play(&script(stringify!($test)));
                assert!(played.is_ok(), "{played:?}");
            }
        )*

        const PLAYED: &[&str] = &[$(stringify!($test)),*];
    };
}

play_each! {
    agent_is_spawned_and_stopped
    cancel_reaches_the_agent
    convicted_voter_loses_its_work
    cut_follower_catches_up
    cut_leader_is_replaced
    cut_leader_starts_nothing
    cut_node_fences_itself
    deadline_lapses
    first_leader_is_enough
    forged_order_is_not_obeyed
    guilty_leader_is_replaced
    late_result_is_refused
    leader_dies_after_assignment
    lease_runs_out
    lost_node_is_replaced
    lost_voter_gives_its_seat_to_a_spare
    no_agent_can_do_it
    resubmit_is_one_task
    service_is_down_by_quorum
    short_cut_costs_nothing
    sleeping_node_drops_its_work
    verifier_is_lost
    verifiers_are_drawn_again
    voter_is_replaced_by_order
    voter_joins_by_checkpoint
    whole_mesh_restarts
    wrong_proof_is_refused
}

#[test]
fn every_script_is_played_and_says_first_what_it_is_about() {
    let files = std::fs::read_dir(folder()).expect("the folder of scripts is there");
    let mut found: Vec<PathBuf> = files
        .map(|file| file.expect("the folder can be read").path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "script"))
        .collect();
    found.sort();
    for path in &found {
        let text = std::fs::read_to_string(path).expect("scripts are text");
        assert!(text.starts_with("# "), "{} has no preface", path.display());
    }
    let mut played: Vec<PathBuf> = PLAYED.iter().map(|test| script(test)).collect();
    played.sort();
    assert_eq!(found, played);
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

fn script(test: &str) -> PathBuf {
    folder().join(test.replace('_', "-") + ".script")
}
