//! The catalogue of drills in the simulated world: BYZ-1, BYZ-2 (every fault, with its verdict), BYZ-3 (nobody honest is
//! convicted), BYZ-4 (what is not tolerated is shown to be so), TST-3 (a seed gives the same run twice).
//!
//! `hms drill run NAME --world sim --seed N` runs one of them and tells its story.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use hms_testnet::attack::Attack;
use hms_testnet::drill::catalogue::{drills, find};
use hms_testnet::drill::mixture::mixture;
use hms_testnet::drill::verdict::judge;
use hms_testnet::drill::{Drill, Run, Stage, Verdict, World};
use hms_tests::sim::drill::run;

/// Seeds of every drill.
const SEEDS: u64 = 2;

/// Random combinations of attacks.
const MIXTURES: u64 = 16;

fn simulate(drill: &Drill, seed: u64) -> Run {
    run(drill, seed, &mut |_| ())
}

/// Runs drills on as many threads as the machine has.
fn simulate_all(drills: Vec<(Drill, u64)>) -> Vec<(Drill, Run)> {
    let next = AtomicUsize::new(0);
    let runs = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((drill, seed)) = drills.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let run = simulate(drill, *seed);
                    let mut runs = runs.lock().expect("no thread panics with the lock");
                    runs.push((drill.clone(), run));
                }
            });
        }
    });
    runs.into_inner().expect("no thread panics with the lock")
}

fn simulated() -> Vec<Drill> {
    let drills = drills().into_iter();
    drills
        .filter(|drill| drill.worlds.contains(&World::Sim))
        .collect()
}

/// Every drill of the catalogue comes out as it says, under every seed: no verdict is *failed*.
#[test]
fn no_drill_of_the_catalogue_fails() {
    let every = simulated().into_iter();
    let every = every.flat_map(|drill| (1..=SEEDS).map(move |seed| (drill.clone(), seed)));
    let mut wrong = Vec::new();
    for (drill, run) in simulate_all(every.collect()) {
        let (verdict, findings) = judge(&drill, &run);
        let expected = drill.expect.verdict;
        let fits = verdict == expected || (verdict, expected) == (Verdict::Caught, Verdict::Masked);
        if !fits {
            let (name, seed) = (&drill.name, run.seed);
            wrong.push(format!(
                "{name} seed {seed}: {verdict} instead of {expected}: {findings:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What one attack does not break, two together do not either.
#[test]
fn no_mixture_of_attacks_fails() {
    let mixtures = (0..MIXTURES).map(|seed| (mixture(seed, World::Sim), seed));
    let mut wrong = Vec::new();
    for (drill, run) in simulate_all(mixtures.collect()) {
        let (verdict, findings) = judge(&drill, &run);
        let harmed = run.broken.is_some() || 0 < run.lost || 0 < run.accepted_lies;
        if harmed || !run.wrongly_convicted.is_empty() {
            let (title, seed) = (&drill.title, run.seed);
            wrong.push(format!("mixture {seed} ({title}): {verdict}: {findings:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// TST-3.
#[test]
fn a_drill_of_one_seed_runs_the_same_way_twice() {
    for name in ["equivocate", "two-logs", "off-by-one"] {
        let drill = find(name).expect("it is in the catalogue");
        let (first, second) = (simulate(&drill, 5), simulate(&drill, 5));
        assert_eq!(first, second, "{name}");
        assert_ne!(first.trace, simulate(&drill, 6).trace, "{name}");
    }
}

/// The timeline tells what happened in its order: steady, injected, detected, contained, ended, recovered.
#[test]
fn a_timeline_tells_what_happened() {
    let drill = find("equivocate").expect("it is in the catalogue");
    let mut told = Vec::new();
    let run = run(&drill, 1, &mut |mark| told.push(mark.clone()));
    assert_eq!(told, run.timeline);
    let stages: BTreeSet<Stage> = run.timeline.iter().map(|mark| mark.stage).collect();
    let expected = [
        Stage::Steady,
        Stage::Injected,
        Stage::Detected,
        Stage::Contained,
        Stage::Ended,
        Stage::Recovered,
    ];
    assert!(
        expected.iter().all(|stage| stages.contains(stage)),
        "{stages:?}"
    );
    assert_eq!(run.convicted, ["n4"]);
    assert!(run.evidence[0].starts_with("n4: "), "{:?}", run.evidence);
}

/// The verdict is not given away: with more liars than a mesh of four can stand, the drill shows the harm.
#[test]
fn two_liars_of_four_are_not_tolerated_and_the_drill_shows_it() {
    let mut drill = find("equivocate").expect("it is in the catalogue");
    drill.expect.verdict = Verdict::NotTolerated;
    drill.expect.because = Some("two of four lie".to_owned());
    let mut accomplice = drill.method[0].clone();
    accomplice.by = "n3".to_owned();
    drill.method.push(accomplice);
    let drill = Drill::read(&drill.to_toml()).expect("it admits what it does");
    let run = simulate(&drill, 1);
    let (verdict, findings) = judge(&drill, &run);
    assert_eq!(verdict, Verdict::NotTolerated, "{findings:?} {run:?}");
}

/// A drill whose attack never happens has tested nothing, and says so.
#[test]
fn a_drill_that_does_nothing_fails() {
    let mut drill = find("withhold").expect("it is in the catalogue");
    drill.method[0].when.in_term = Some(1_000);
    let (verdict, findings) = judge(&drill, &simulate(&drill, 1));
    assert_eq!(verdict, Verdict::Failed);
    assert!(findings[0].contains("tested nothing"), "{findings:?}");
    assert_eq!(drill.method[0].attack, Attack::Withhold);
}
