//! Verdicts: what independent verifiers say of a result.
//!
//! A verdict is only ever given by somebody who did not produce the result, with a kernel that did not search for it.

use std::fmt;

use crate::digest::Hash;
use crate::id::{AgentId, NodeId, SkillName, TaskId};
use crate::time::Moment;

/// How a result is checked before it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verification {
    /// Taken as reported: for work whose result nobody can check.
    Reported,
    /// Checked by a proof kernel on other nodes. Obligatory for skills named `prove.*`; the kernel is the skill
    /// `verify.*` of the same suffix.
    Kernel,
}

/// The skill that checks the results of a proving skill: `verify.x` for `prove.x`. `None` for any other skill.
pub fn verifying_skill(skill: &SkillName) -> Option<SkillName> {
    let suffix = skill.as_str().strip_prefix("prove.")?;
    format!("verify.{suffix}").parse().ok()
}

/// One verifier's answer. This is what the verifying agent signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The task whose result was checked.
    pub task: TaskId,
    /// The attempt that produced the result.
    pub attempt: u32,
    /// The round of verification, from 1.
    pub round: u32,
    /// Who checked.
    pub verifier: AgentId,
    /// Digest of the report that was checked, so that a verdict cannot be moved to another result.
    pub report_digest: Hash,
    /// What the kernel said.
    pub finding: Finding,
}

/// What the kernel said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The result proves the claim.
    Accepted,
    /// It does not; the kernel's reason.
    Rejected(String),
    /// The kernel could not run here, which is never a pass.
    Unavailable(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted => out.write_str("accepted"),
            Self::Rejected(why) => write!(out, "rejected: {why}"),
            Self::Unavailable(why) => write!(out, "could not check: {why}"),
        }
    }
}

/// One round of verification of one result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// From 1.
    pub number: u32,
    /// When the round was drawn.
    pub drawn_at: Moment,
    /// Who was drawn, in the order of the draw.
    pub drawn: Vec<(AgentId, NodeId)>,
    /// What has been said so far, by verifier.
    pub verdicts: Vec<Verdict>,
}
