//! What a drill is, as its TOML says it: hypothesis, mesh, method, expectation, rollback.
//!
//! A manifest is read whole and checked whole; one that contradicts itself is refused with the reason, before anything
//! is started.

use std::collections::BTreeSet;
use std::fmt;

use hms_protocol::trust::Trust;
use serde::{Deserialize, Serialize};

use super::Verdict;
use crate::attack::{Attack, Seam, Trigger};

/// Most bytes of a manifest: it is a page, not a program.
pub const MANIFEST_BYTES_MAX: usize = 64 * 1024;

/// Most nodes that a drill in the simulation may have.
pub const SIM_NODES_MAX: u32 = 1_000;

/// Most steps of a method: beyond that nobody can say what was tested.
pub const STEPS_MAX: usize = 16;

/// Longest attack, in milliseconds. A drill is watched by somebody.
pub const ATTACK_MS_MAX: u64 = 10 * 60 * 1_000;

/// A drill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drill {
    /// What it is called.
    pub name: String,
    /// Which fault of the catalogue it is: `B1` to `B27`.
    pub fault: String,
    /// What is done, in one line.
    pub title: String,
    /// Which failure's promise is tested: the row of the table of what tolerates what.
    pub hypothesis: String,
    /// What must hold, in one sentence.
    pub statement: String,
    /// Where it can be run; the first is the usual one.
    pub worlds: Vec<World>,
    /// How long the attack lasts, in milliseconds.
    pub attack_ms: u64,
    /// The mesh.
    pub mesh: Mesh,
    /// What is done.
    pub method: Vec<Step>,
    /// What must follow.
    pub expect: Expect,
    /// How it is undone.
    pub rollback: Rollback,
}

/// Where a drill is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum World {
    /// In one thread, under one seed, in simulated time.
    Sim,
    /// With real nodes, as processes on this machine.
    Testnet,
}

/// The mesh that is attacked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mesh {
    /// How many vote: `n1` to so many.
    pub voters: u32,
    /// How many only work: the next ones.
    #[serde(default)]
    pub workers: u32,
    /// How many hold the ledger without a vote, to take a seat that becomes free: the next ones.
    #[serde(default)]
    pub spares: u32,
    /// How many clients keep it at work.
    pub clients: u32,
}

/// One thing that is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// By which node: a name, `leader` or `follower` as it is when the attack begins.
    pub by: String,
    /// What.
    pub attack: Attack,
    /// When.
    #[serde(default)]
    pub when: Trigger,
}

/// By what the mesh is seen to have noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alarm {
    /// By nothing: it goes on as if nothing had been done.
    Nothing,
    /// Evidence of a node's guilt is in the ledger.
    NodeConvicted,
    /// Evidence of an agent's guilt is in the ledger.
    AgentConvicted,
    /// The ledger counts the node as lost.
    NodeLost,
    /// Another leader is elected.
    LeaderChanged,
    /// What was said is refused and counted.
    Refused,
    /// The node does not start, and says why.
    StartRefused,
}

/// What must follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The verdict.
    pub verdict: Verdict,
    /// By what it is noticed.
    pub alarm: Alarm,
    /// Within how long of the first injection it is noticed, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detect_within_ms: Option<u64>,
    /// Within how long of being noticed it can do no more harm, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contain_within_ms: Option<u64>,
    /// Within how long of the attack's end the mesh is as it was, in milliseconds.
    pub recover_within_ms: u64,
    /// Within how long every client is answered during the attack, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served_within_ms: Option<u64>,
    /// How much longer than before the slowest hundredth of the clients may wait during the attack, in thousandths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slower_permille_max: Option<u64>,
    /// How many changes of leader it may cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader_changes_max: Option<u32>,
    /// Why it is not tolerated, if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// How a drill is undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rollback {
    /// What is done, for people.
    pub does: String,
    /// Whether everything is as it was afterwards: only then may it be run against a mesh that was there before.
    pub complete: bool,
}

/// Why a drill cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DrillFault {
    /// Nobody knows it.
    #[error("there is no drill {name:?}{}", alike.as_ref().map(|it| format!(": did you mean {it:?}?")).unwrap_or_default())]
    Unknown {
        /// What was asked for.
        name: String,
        /// One that is spelt alike, if there is one.
        alike: Option<String>,
    },
    /// The manifest cannot be read.
    #[error("the drill cannot be read: {reason}")]
    Unreadable {
        /// Why.
        reason: String,
    },
    /// The manifest contradicts itself.
    #[error("the drill contradicts itself: {reason}")]
    Contradiction {
        /// How.
        reason: String,
    },
    /// It cannot be run there.
    #[error("drill {name} cannot be run in the world {world}, only in {}", worlds.iter().map(|it| it.name()).collect::<Vec<_>>().join(" and "))]
    OtherWorld {
        /// Which.
        name: String,
        /// Where.
        world: World,
        /// Where it can.
        worlds: Vec<World>,
    },
    /// It may not be run against a mesh that was there before.
    #[error("drill {name} may not be run against a live mesh: {reason}")]
    NotLive {
        /// Which.
        name: String,
        /// Why.
        reason: String,
    },
}

impl DrillFault {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "HMS-DRILL-UNKNOWN",
            Self::Unreadable { .. } => "HMS-DRILL-UNREADABLE",
            Self::Contradiction { .. } => "HMS-DRILL-CONTRADICTION",
            Self::OtherWorld { .. } => "HMS-DRILL-OTHER-WORLD",
            Self::NotLive { .. } => "HMS-DRILL-NOT-LIVE",
        }
    }

    /// What the user can do.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "`hms drill list` shows all of them",
            Self::Unreadable { .. } | Self::Contradiction { .. } => {
                "`hms drill show equivocate` is an example that works"
            }
            Self::OtherWorld { .. } => "choose one of its worlds with --world",
            Self::NotLive { .. } => "leave out --live: the drill makes a mesh of its own",
        }
    }
}

impl World {
    /// Its name, as it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sim => "sim",
            Self::Testnet => "testnet",
        }
    }
}

impl fmt::Display for World {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl Mesh {
    /// All of them.
    pub const fn nodes(&self) -> u32 {
        self.voters + self.workers + self.spares
    }
}

impl Drill {
    /// Reads a manifest and checks it.
    pub fn read(text: &str) -> Result<Self, DrillFault> {
        if MANIFEST_BYTES_MAX < text.len() {
            let reason = format!(
                "it has {} bytes: at most {MANIFEST_BYTES_MAX} are read",
                text.len()
            );
            return Err(DrillFault::Unreadable { reason });
        }
        let drill: Self = toml::from_str(text).map_err(|error| DrillFault::Unreadable {
            reason: error.to_string(),
        })?;
        drill.check()?;
        Ok(drill)
    }

    /// The manifest as text.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a drill is made of tables, texts and numbers")
    }

    /// The same with another number of nodes: voters stay, workers come or go.
    pub fn with_nodes(&self, nodes: u32) -> Result<Self, DrillFault> {
        let fixed = self.mesh.voters + self.mesh.spares;
        let Some(workers) = nodes.checked_sub(fixed) else {
            let reason = format!("it needs {fixed} nodes at least: {nodes} are too few");
            return Err(DrillFault::Contradiction { reason });
        };
        let mut drill = self.clone();
        drill.mesh.workers = workers;
        drill.check()?;
        Ok(drill)
    }

    /// Whether it can be run in a world.
    pub fn check_world(&self, world: World) -> Result<(), DrillFault> {
        if self.worlds.contains(&world) {
            return Ok(());
        }
        Err(DrillFault::OtherWorld {
            name: self.name.clone(),
            world,
            worlds: self.worlds.clone(),
        })
    }

    /// Whether it may be run against a mesh that was there before: everything that it does is undone by itself, and it
    /// touches so many nodes at most.
    pub fn check_live(&self, radius: usize) -> Result<(), DrillFault> {
        let refused = |reason: String| DrillFault::NotLive {
            name: self.name.clone(),
            reason,
        };
        let lasting = |step: &Step| matches!(step.attack, Attack::Pause { .. });
        if !self.rollback.complete || !self.method.iter().all(lasting) {
            return Err(refused("what it does is not undone by itself".to_owned()));
        }
        let touched = self.actors().len();
        if radius < touched {
            return Err(refused(format!(
                "it touches {touched} nodes, and {radius} are allowed"
            )));
        }
        Ok(())
    }

    /// Who does something.
    pub fn actors(&self) -> BTreeSet<&str> {
        self.method.iter().map(|step| step.by.as_str()).collect()
    }

    fn check(&self) -> Result<(), DrillFault> {
        match self.contradiction() {
            Some(reason) => Err(DrillFault::Contradiction { reason }),
            None => Ok(()),
        }
    }

    fn contradiction(&self) -> Option<String> {
        let known = self
            .name
            .chars()
            .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-');
        if self.name.is_empty() || !known {
            return Some("a name has small letters, digits and dashes".to_owned());
        }
        if self.worlds.is_empty() {
            return Some("it names no world to be run in".to_owned());
        }
        if self.mesh.voters == 0 || SIM_NODES_MAX < self.mesh.nodes() {
            return Some(format!(
                "a mesh has 1 to {SIM_NODES_MAX} nodes, one of which votes at least"
            ));
        }
        if !(1..=ATTACK_MS_MAX).contains(&self.attack_ms) {
            return Some(format!(
                "attack_ms is {}: 1 to {ATTACK_MS_MAX} is allowed",
                self.attack_ms
            ));
        }
        if !(1..=STEPS_MAX).contains(&self.method.len()) {
            return Some(format!("a method has 1 to {STEPS_MAX} steps"));
        }
        self.method
            .iter()
            .enumerate()
            .find_map(|(number, step)| {
                Some(format!("step {}: {}", number + 1, self.quarrel(step)?))
            })
            .or_else(|| self.too_many())
            .or_else(|| self.expect.contradiction())
    }

    /// What is wrong with a step.
    fn quarrel(&self, step: &Step) -> Option<String> {
        if let Some(reason) = step.when.contradiction() {
            return Some(reason.to_owned());
        }
        if !self.names(&step.by) {
            return Some(format!(
                "there is no node {} in a mesh of {}",
                step.by,
                self.mesh.nodes()
            ));
        }
        if let Some(stranger) = step.when.toward.iter().find(|name| !self.names(name)) {
            return Some(format!(
                "there is no node {stranger} in a mesh of {}",
                self.mesh.nodes()
            ));
        }
        if step.when.toward.contains(&step.by) {
            return Some(format!("{} acts toward itself", step.by));
        }
        if step.by == "leader" && step.when.leading == Some(false) {
            return Some("the leader is to act only while it does not lead".to_owned());
        }
        if self.attack_ms <= step.when.after_ms {
            return Some(format!(
                "it begins after {} ms, when the attack of {} ms is over",
                step.when.after_ms, self.attack_ms
            ));
        }
        if let Attack::Delay { least_ms, most_ms } = step.attack
            && most_ms < least_ms
        {
            return Some(format!(
                "a delay of {least_ms} ms at least and {most_ms} ms at most"
            ));
        }
        None
    }

    /// More liars among the voters than the mesh can stand are only for a drill that says so.
    fn too_many(&self) -> Option<String> {
        let lies = |step: &&Step| step.attack.seam() == Seam::Traffic && step.attack.is_guilt();
        let liars: BTreeSet<&str> = self
            .method
            .iter()
            .filter(lies)
            .map(|step| step.by.as_str())
            .collect();
        let voters = usize::try_from(self.mesh.voters).unwrap_or(usize::MAX);
        let tolerated = Trust::Byzantine.liars_max(voters);
        if self.expect.verdict != Verdict::NotTolerated && tolerated < liars.len() {
            return Some(format!(
                "{} of {voters} voters lie, and it stands {tolerated}: the verdict can only be \"not tolerated\"",
                liars.len()
            ));
        }
        None
    }

    /// Whether a name means a node of the mesh.
    fn names(&self, name: &str) -> bool {
        let numbered = name
            .strip_prefix('n')
            .and_then(|number| number.parse::<u32>().ok());
        matches!(name, "leader" | "follower")
            || numbered.is_some_and(|number| (1..=self.mesh.nodes()).contains(&number))
    }
}

impl Expect {
    fn contradiction(&self) -> Option<String> {
        let says_why = self.because.as_deref().is_some_and(|why| !why.is_empty());
        if self.verdict == Verdict::Failed {
            return Some("nobody expects a drill to fail".to_owned());
        }
        if self.verdict == Verdict::NotTolerated && !says_why {
            return Some("it is not tolerated, and `because` does not say why".to_owned());
        }
        if self.verdict == Verdict::Caught && self.alarm == Alarm::Nothing {
            return Some("it is to be caught, and nothing is to be noticed".to_owned());
        }
        if self.alarm == Alarm::Nothing && self.detect_within_ms.is_some() {
            return Some("nothing is to be noticed, and within a time".to_owned());
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::catalogue::find;

    /// What is said of the catalogue's first drill when a line of it is another one.
    fn refused(from: &str, to: &str) -> String {
        let text = find("equivocate").unwrap().to_toml();
        assert!(text.contains(from), "{text}");
        match Drill::read(&text.replacen(from, to, 1)) {
            Ok(_) => "it is read".to_owned(),
            Err(fault) => fault.to_string(),
        }
    }

    #[test]
    fn a_manifest_that_contradicts_itself_is_refused_with_the_reason() {
        let by = "by = \"n4\"";
        let attack = "kind = \"equivocate\"";
        let cases = [
            (
                "name = \"equivocate\"",
                "name = \"Equivocate!\"",
                "small letters",
            ),
            ("worlds = [\"testnet\", \"sim\"]", "worlds = []", "no world"),
            ("voters = 4", "voters = 0", "votes at least"),
            ("workers = 1", "workers = 5000", "1 to 1000 nodes"),
            ("attack_ms = 6000", "attack_ms = 0", "attack_ms is 0"),
            (by, "by = \"n9\"", "no node n9 in a mesh of 5"),
            (by, "by = \"somebody\"", "no node somebody"),
            (attack, "kind = \"something-else\"", "unknown variant"),
            (
                attack,
                "kind = \"delay\"\nleast_ms = 9\nmost_ms = 3",
                "9 ms at least and 3 ms at most",
            ),
            (
                "verdict = \"caught\"",
                "verdict = \"failed\"",
                "nobody expects",
            ),
            (
                "verdict = \"caught\"",
                "verdict = \"not-tolerated\"",
                "does not say why",
            ),
            (
                "alarm = \"node-convicted\"",
                "alarm = \"nothing\"",
                "nothing is to be noticed",
            ),
            ("voters = 4", "voters = 3", "and it stands 0"),
            ("title = ", "titel = ", "titel"),
        ];
        for (from, to, expected) in cases {
            let said = refused(from, to);
            assert!(said.contains(expected), "{to}: {said}");
        }
    }

    #[test]
    fn a_trigger_that_can_never_fire_is_refused() {
        let always = "[method.when]\nafter_ms = 0\n";
        let cases = [
            ("for_ms = 0", "never fires"),
            ("permille = 0", "never fires"),
            ("permille = 2000", "above 1000"),
            ("after_ms = 6000", "when the attack of 6000 ms is over"),
            ("toward = [\"n4\"]", "toward itself"),
            ("toward = [\"n77\"]", "no node n77"),
            ("later = 3", "unknown field"),
        ];
        for (when, expected) in cases {
            let said = refused(always, &format!("[method.when]\n{when}\n"));
            assert!(said.contains(expected), "{when}: {said}");
        }
    }

    #[test]
    fn a_live_mesh_is_touched_by_what_undoes_itself_alone_and_in_few_places() {
        let refused = |name: &str, radius: usize| {
            let refused = find(name).unwrap().check_live(radius);
            refused.err().map(|fault| fault.to_string())
        };
        assert_eq!(refused("pause-leader", 1), None);
        let far = refused("pause-leader", 0).unwrap();
        assert!(far.contains("touches 1 nodes, and 0 are allowed"), "{far}");
        for name in [
            "equivocate",
            "stolen-operator-key",
            "damaged-ledger",
            "flood",
        ] {
            let kept = refused(name, 9).unwrap();
            assert!(kept.contains("not undone by itself"), "{name}: {kept}");
        }
    }

    #[test]
    fn nodes_come_and_go_as_workers() {
        let drill = find("equivocate").unwrap();
        assert_eq!(drill.with_nodes(9).unwrap().mesh.workers, 5);
        let few = drill.with_nodes(3).unwrap_err();
        assert!(few.to_string().contains("needs 4 nodes at least"), "{few}");
        assert_eq!(drill.check_world(World::Sim), Ok(()));
    }

    #[test]
    fn what_is_too_long_or_no_toml_is_refused() {
        let long = "#".repeat(MANIFEST_BYTES_MAX + 1);
        for text in [long.as_str(), "name =", ""] {
            let fault = Drill::read(text).unwrap_err();
            assert_eq!(fault.code(), "HMS-DRILL-UNREADABLE");
        }
    }
}
