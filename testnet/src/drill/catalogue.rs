//! Every drill that HMS brings along: one manifest each in `tests/drills`, carried in the program.

use super::{Drill, DrillFault};

/// The manifests, by name.
const MANIFESTS: [&str; 37] = [
    include_str!("../../../tests/drills/acknowledge-falsely.toml"),
    include_str!("../../../tests/drills/bogus-result.toml"),
    include_str!("../../../tests/drills/censor.toml"),
    include_str!("../../../tests/drills/crash-leader.toml"),
    include_str!("../../../tests/drills/damaged-ledger.toml"),
    include_str!("../../../tests/drills/eclipse.toml"),
    include_str!("../../../tests/drills/equivocate.toml"),
    include_str!("../../../tests/drills/false-accusation.toml"),
    include_str!("../../../tests/drills/flip-flop.toml"),
    include_str!("../../../tests/drills/flood.toml"),
    include_str!("../../../tests/drills/forge-signature.toml"),
    include_str!("../../../tests/drills/forged-warrant.toml"),
    include_str!("../../../tests/drills/freeze-heartbeat.toml"),
    include_str!("../../../tests/drills/garbage.toml"),
    include_str!("../../../tests/drills/gray-slowness.toml"),
    include_str!("../../../tests/drills/inflate-terms.toml"),
    include_str!("../../../tests/drills/lazy-verifier.toml"),
    include_str!("../../../tests/drills/liar.toml"),
    include_str!("../../../tests/drills/off-by-one.toml"),
    include_str!("../../../tests/drills/one-way.toml"),
    include_str!("../../../tests/drills/pause-leader.toml"),
    include_str!("../../../tests/drills/poison-snapshot.toml"),
    include_str!("../../../tests/drills/replay.toml"),
    include_str!("../../../tests/drills/rolled-back-ledger.toml"),
    include_str!("../../../tests/drills/shelve.toml"),
    include_str!("../../../tests/drills/silence-relay.toml"),
    include_str!("../../../tests/drills/skew-clock.toml"),
    include_str!("../../../tests/drills/slander.toml"),
    include_str!("../../../tests/drills/stolen-operator-key.toml"),
    include_str!("../../../tests/drills/sybils.toml"),
    include_str!("../../../tests/drills/tamper-relayed.toml"),
    include_str!("../../../tests/drills/truncated-ledger.toml"),
    include_str!("../../../tests/drills/twins.toml"),
    include_str!("../../../tests/drills/two-logs.toml"),
    include_str!("../../../tests/drills/usurp.toml"),
    include_str!("../../../tests/drills/vote-for-all.toml"),
    include_str!("../../../tests/drills/withhold.toml"),
];

/// How unlike a name may be to one that exists, to be taken for a slip of the pen, in edits.
const SLIP_MAX: usize = 4;

/// Every drill, by fault and name.
pub fn drills() -> Vec<Drill> {
    let read = MANIFESTS.iter().map(|text| Drill::read(text));
    let mut drills: Vec<Drill> = read
        .map(|drill| drill.expect("the tests read every manifest of the catalogue"))
        .collect();
    drills.sort_by_key(|drill| (number(&drill.fault), drill.name.clone()));
    drills
}

/// The drill of this name.
pub fn find(name: &str) -> Result<Drill, DrillFault> {
    let drills = drills();
    let distance = |drill: &Drill| strsim::levenshtein(&drill.name, name);
    if let Some(drill) = drills.iter().find(|drill| drill.name == name) {
        return Ok(drill.clone());
    }
    let nearest = drills.iter().min_by_key(|drill| distance(drill));
    Err(DrillFault::Unknown {
        name: name.to_owned(),
        alike: nearest
            .filter(|drill| distance(drill) <= SLIP_MAX)
            .map(|drill| drill.name.clone()),
    })
}

/// Faults are counted: `B2` comes before `B10`.
fn number(fault: &str) -> u32 {
    fault.trim_start_matches('B').parse().unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::drill::World;

    /// BYZ-2: a drill for every fault of the list, B1 to B27.
    #[test]
    fn every_fault_has_a_drill_that_can_be_read() {
        let faults: BTreeSet<u32> = drills().iter().map(|drill| number(&drill.fault)).collect();
        assert_eq!(faults, (1..=27).collect());
    }

    #[test]
    fn names_are_unique_and_those_of_the_files() {
        let drills = drills();
        let names: BTreeSet<&str> = drills.iter().map(|drill| drill.name.as_str()).collect();
        assert_eq!(names.len(), MANIFESTS.len());
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/drills");
        let files = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path());
        let stems: BTreeSet<String> = files
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        assert!(stems.iter().map(String::as_str).eq(names), "{stems:?}");
    }

    #[test]
    fn what_is_not_run_in_both_worlds_says_why() {
        for (drill, text) in MANIFESTS.map(|text| (Drill::read(text).unwrap(), text)) {
            let missing = [
                (World::Sim, "# Not in the simulation: "),
                (World::Testnet, "# Not on a testnet: "),
            ];
            for (world, reason) in missing {
                let says = text.lines().any(|line| line.starts_with(reason));
                assert_ne!(says, drill.worlds.contains(&world), "{}", drill.name);
            }
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_one_that_is_spelt_alike() {
        let found = |name| match find(name) {
            Err(DrillFault::Unknown { alike, .. }) => alike,
            Ok(_) | Err(_) => unreachable!("nobody calls a drill so"),
        };
        assert_eq!(found("equivocat").as_deref(), Some("equivocate"));
        assert_eq!(found("something-else-altogether"), None);
    }

    #[test]
    fn a_manifest_survives_being_written() {
        for drill in drills() {
            assert_eq!(Drill::read(&drill.to_toml()), Ok(drill));
        }
    }
}
