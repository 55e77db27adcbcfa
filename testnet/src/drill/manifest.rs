//! What a drill is, as its TOML says it: hypothesis, mesh, method, expectation, rollback.
//!
//! A manifest is read whole and checked whole; one that contradicts itself is refused with the reason, before anything
//! is started.

use std::collections::BTreeSet;
use std::fmt;

use hms_protocol::trust::Trust;
use serde::{Deserialize, Serialize};

use super::{DrillFault, Verdict};
use crate::Plan;
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

    /// The node that a name means when this one leads: itself, the leader, or the first voter that does not lead.
    pub fn resolve(&self, name: &str, leader: &str) -> String {
        match name {
            "leader" => leader.to_owned(),
            "follower" => {
                let mut voters = (1..=self.mesh.voters).map(Plan::name_of);
                voters
                    .find(|name| name != leader)
                    .unwrap_or_else(|| leader.to_owned())
            }
            name => name.to_owned(),
        }
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
mod tests;
