//! The mesh under a thousand fates: MSH-8 (one leader, nothing committed is lost), MSH-9 (equal states), MSH-10
//! (restart from disk, snapshots), BYZ-3 (a voter that lies), DAT-6 (receipts), SUP-6, SUP-8, SUP-9 (leases, retries, reassignment), VER-4 (wrong results).
//!
//! `HMS_SEED=n` runs one seed and tells its story, `HMS_LIAR_SEED=n` one with a liar, `HMS_TWINS_SEED=n` one with a key that
//! runs twice, `HMS_REWOUND_SEED=n` one with a disk of the past.

mod crowd;
mod intolerable;
mod shrink;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::io::{self, Write as _};
use std::ops::Range;

use hms_protocol::codec;
use hms_protocol::digest::Hash;
use hms_protocol::frame::Frame;
use hms_protocol::id::NodeId;
use hms_protocol::peer::PeerMessage;
use hms_tests::sim::harvest::Harvest;
use hms_tests::sim::host::CHUNK_BYTES;
use hms_tests::sim::plan::Plan;
use hms_tests::sim::scenario::{Kind, Scenario};
use hms_tests::sim::soak::{Soaked, soak_with};
use hms_tests::sim::{Outcome, run, run_plan};

/// Seeds of one test run. A soak takes more: `hms-soak`.
const SEEDS: u64 = 500;

/// Seeds of one test run in which one voter of four lies.
const SEEDS_WITH_LIAR: u64 = 1_350;

/// Seeds in which one key of four runs twice.
const SEEDS_WITH_TWINS: u64 = 100;

/// Seeds in which one disk of four is put back.
const SEEDS_WITH_REWIND: u64 = 60;

/// Seeds in which the oracle must see that something is wrong at least once.
const SEEDS_TO_SEE: u64 = 24;

#[test]
fn every_seed_keeps_every_promise() {
    let soaked = soak_all(Kind::Honest, &seeds("HMS_SEED", SEEDS));
    assert!(0 < soaked.tasks, "nothing was acknowledged: {soaked}");
    let receipts = soaked.seeds == 1 || 0 < soaked.receipts;
    assert!(receipts, "no receipt was taken: {soaked}");
}

/// One liar of four voters breaks no promise, and convicts nobody but itself.
#[test]
fn every_seed_with_a_liar_keeps_every_promise() {
    let soaked = soak_all(Kind::Liar, &seeds("HMS_LIAR_SEED", SEEDS_WITH_LIAR));
    let dull = soaked.lies < 10 * soaked.seeds || soaked.tasks == 0;
    let dull = dull || (1 < soaked.seeds && (soaked.receipts == 0 || soaked.coups == 0));
    assert!(!dull, "nothing happened: {soaked}");
}

/// So many seeds, or the one that somebody wants to look at.
fn seeds(variable: &str, count: u64) -> Range<u64> {
    env::var(variable).map_or(0..count, |seed| {
        let seed = seed.parse().expect("a seed is a number");
        seed..seed + 1
    })
}

/// Runs seeds of a kind of plan, none of which may break a promise, and says how fast.
fn soak_all(kind: Kind, seeds: &Range<u64>) -> Soaked {
    let soaked = soak_with(seeds.clone(), |seed| Scenario::draw(kind, seed).run());
    let pace = soaked.pace();
    // Beside the test's captured words, so that it is seen when all is well, too.
    writeln!(io::stdout(), "{kind}: {soaked}, {pace}").expect("somebody reads what tests say");
    assert!(soaked.broken.is_empty(), "{}", tell(&soaked));
    soaked
}

/// With one liar more than a mesh of four can stand, histories part, and the oracle must see it.
#[test]
fn the_oracle_sees_what_two_liars_of_four_do() {
    let conspired = |seed| run_plan(seed, &Plan::with_two_liars(seed));
    let soaked = soak_with(0..SEEDS_TO_SEE, conspired);
    let mut seen = soaked.broken.iter().filter(|outcome| is_unsafe(outcome));
    assert!(seen.next().is_some(), "it went unnoticed: {soaked}");
}

/// TST-3: a run that went wrong can be looked at as often as one likes.
#[test]
fn a_seed_gives_the_same_trace_twice() {
    for kind in Kind::ALL {
        for seed in [3, 14, 159] {
            let scenario = Scenario::draw(kind, seed);
            let (first, second) = (scenario.run(), scenario.run());
            let same = first.trace.digest() == second.trace.digest();
            assert!(same, "{kind} {seed}: another trace");
            let events = first.trace.events();
            assert!(1_000 < events || first.broken.is_some(), "{kind} {seed}");
        }
    }
    assert_ne!(run(3).trace.digest(), run(4).trace.digest());
}

/// MSH-10: in the simulation, too, a checkpoint is a conversation: several chunks, each with its answer.
#[test]
fn checkpoints_travel_in_several_chunks() {
    let mut answered = 0;
    let mut chunks: BTreeMap<(NodeId, Hash), BTreeSet<u64>> = BTreeMap::new();
    for (_, to, message) in Harvest::gather(7).said {
        let PeerMessage::Raft(bytes) = message else {
            continue;
        };
        let frame: Frame = codec::decode(&bytes).expect("a mind sends frames");
        answered += usize::from(frame.arrival.is_some());
        if let Some(chunk) = frame.chunk {
            assert!(chunk.bytes.len() <= CHUNK_BYTES);
            let offsets = chunks.entry((to, chunk.digest)).or_default();
            offsets.insert(chunk.offset);
        }
    }
    let several = chunks.values().filter(|offsets| 3 < offsets.len()).count();
    assert!(
        1 < several && 8 < answered,
        "{several} checkpoints, {answered} answers"
    );
}

/// B27: one key of four runs twice. No promise is broken, and nobody else is convicted.
#[test]
fn every_seed_with_twins_keeps_every_promise() {
    let soaked = soak_all(Kind::Twins, &seeds("HMS_TWINS_SEED", SEEDS_WITH_TWINS));
    let dull = 1 < soaked.seeds && soaked.convicted == 0;
    assert!(!dull, "nobody was found out: {soaked}");
}

/// B18: one disk of four is put back to what it was. No promise is broken, and nobody else is convicted.
#[test]
fn every_seed_with_a_disk_of_the_past_keeps_every_promise() {
    soak_all(Kind::Rewound, &seeds("HMS_REWOUND_SEED", SEEDS_WITH_REWIND));
}

/// Without honest disks no mesh keeps its promises, and the oracle must see it.
#[test]
fn the_oracle_sees_that_disks_forget_what_they_called_durable() {
    let dishonest = |seed| run_plan(seed, &Plan::on_dishonest_disks(seed));
    let soaked = soak_with(0..SEEDS_TO_SEE, dishonest);
    let seen = soaked
        .broken
        .iter()
        .filter(|outcome| is_unsafe(outcome))
        .count();
    assert!(0 < seen, "it went unnoticed: {soaked}");
}

/// Not coming to rest is no proof: only a promise that was broken is.
fn is_unsafe(outcome: &Outcome) -> bool {
    use hms_tests::sim::oracle::Violation;
    match &outcome.broken {
        None | Some(Violation::Stuck(_)) => false,
        Some(
            Violation::TwoLeaders(..)
            | Violation::Diverged(..)
            | Violation::Lost(..)
            | Violation::Undone(..)
            | Violation::TwoHolders(..)
            | Violation::Halted(..)
            | Violation::HonestConvicted(_)
            | Violation::StaleRead(_)
            | Violation::BadReceipt(..)
            | Violation::AgainstReceipt(..)
            | Violation::Usurped(..)
            | Violation::RanOnDamage(_)
            | Violation::Swallowed(..)
            | Violation::Harmed(_),
        ) => true,
    }
}

/// The story of the first seed that went wrong, and the names of the others.
fn tell(soaked: &Soaked) -> String {
    let names: Vec<String> = soaked.broken.iter().map(ToString::to_string).collect();
    let story = soaked
        .broken
        .first()
        .map(|outcome| outcome.trace.to_string());
    format!(
        "{soaked}\n{}\n{}",
        names.join("\n"),
        story.unwrap_or_default()
    )
}
