//! Random combinations of the attacks of the catalogue: what one attack does not break, two together may.
//!
//! Only what the mesh promises to stand is mixed: one liar among the voters, and whatever befalls the others one at a time.

use super::Verdict;
use super::catalogue::drills;
use super::manifest::{Alarm, Drill, Expect, Rollback, Step, World};
use crate::attack::{Attack, Dice, Seam};

/// Most attacks of one mixture.
const STEPS_MAX: usize = 4;

/// How long a mixture lasts, in milliseconds.
const ATTACK_MS: u64 = 8_000;

/// How long the mesh may take to recover, in milliseconds: whatever was mixed, it is over.
const RECOVER_WITHIN_MS: u64 = 30_000;

/// The mixture of a seed.
pub fn mixture(seed: u64, world: World) -> Drill {
    let mut dice = Dice::new(seed, "mixture");
    let catalogue: Vec<Drill> = drills()
        .into_iter()
        .filter(|drill| {
            drill.worlds.contains(&world) && drill.expect.verdict != Verdict::NotTolerated
        })
        .collect();
    let whole = catalogue.iter().find(|drill| drill.name == "liar");
    let mesh = whole.unwrap_or(&catalogue[0]).mesh.clone();
    let mut method: Vec<Step> = Vec::new();
    let mut names = Vec::new();
    let count = 2 + dice.below(STEPS_MAX - 1);
    while method.len() < count {
        let drill = &catalogue[dice.below(catalogue.len())];
        let mixable = drill.method.len() == 1 && !names.contains(&drill.name);
        if !mixable {
            continue;
        }
        names.push(drill.name.clone());
        let mut step = drill.method[0].clone();
        // One node is to blame for all of it, whatever it does: that is what a mesh of four can stand.
        let liar = step.attack.seam() == Seam::Traffic || step.attack.is_guilt();
        let lost = matches!(step.attack, Attack::Disk { .. });
        if liar || lost || mesh.nodes() < number(&step.by) {
            "n4".clone_into(&mut step.by);
            step.when.toward.retain(|name| name != "n4");
        }
        method.push(step);
    }
    Drill {
        name: format!("mixture-{seed}"),
        fault: "B26".to_owned(),
        title: names.join(" + "),
        hypothesis: "up to f of n = 3f+1 Byzantine voters".to_owned(),
        statement: "no promise is broken, whatever one node of four does at a time".to_owned(),
        worlds: vec![world],
        attack_ms: ATTACK_MS,
        mesh,
        method,
        expect: Expect {
            verdict: Verdict::Masked,
            alarm: Alarm::Nothing,
            detect_within_ms: None,
            contain_within_ms: None,
            recover_within_ms: RECOVER_WITHIN_MS,
            served_within_ms: None,
            slower_permille_max: None,
            leader_changes_max: None,
            because: None,
        },
        rollback: Rollback {
            does: "the adversary stops; the mesh of the drill is taken down".to_owned(),
            complete: false,
        },
    }
}

/// The number of a node that is named by it.
fn number(name: &str) -> u32 {
    name.trim_start_matches('n').parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mixture_is_a_drill_that_does_not_contradict_itself() {
        for seed in 0..200 {
            let drill = mixture(seed, World::Sim);
            assert_eq!(
                Drill::read(&drill.to_toml()),
                Ok(drill.clone()),
                "{}",
                drill.title
            );
            assert_eq!(drill, mixture(seed, World::Sim));
        }
    }
}
