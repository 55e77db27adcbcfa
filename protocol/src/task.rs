//! A task: what was asked, where it stands, who tried, and what came out.
//!
//! The states and what may follow what are DESIGN.md section 5. Nothing here moves a task: that is `consensus`'s
//! `state/ledger.rs`.

mod bounds;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::digest::{Domain, Hash, hash_fields};
use crate::id::{AgentId, Incarnation, NodeId, Position, SkillName, TaskId};
use crate::time::Moment;
use crate::verdict::Verification;

/// What a task is about, which decides how its result is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaskKind {
    /// Any work whose result is bytes.
    Work,
    /// A theorem to prove; the result is a proof.
    Proof,
}

/// What a client asks for. Unchecked until `TaskSpec::check` has passed; the ledger holds only checked ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskSpec {
    /// What the task is about.
    pub kind: TaskKind,
    /// The skill that an agent must have.
    pub skill: SkillName,
    /// The skill's input, at most `TASK_INPUT_BYTES_MAX` bytes.
    pub input: Vec<u8>,
    /// When the task as a whole is given up.
    pub deadline: Moment,
    /// Longest one attempt may take, in milliseconds: the lease of an assignment.
    pub attempt_ms: u64,
    /// How many attempts may be made, at least one.
    pub attempts_max: u32,
    /// Higher runs first; ties go by age.
    pub priority: u8,
    /// Two submits with one key are one task.
    pub idempotency_key: Option<String>,
    /// Offers that an agent must have beside the skill, for example `base=<digest>`.
    pub needs: BTreeSet<String>,
    /// Free text for people; never interpreted.
    pub labels: BTreeMap<String, String>,
    /// How a result is checked before it counts.
    pub verification: Verification,
}

/// Where a task stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskState {
    /// Taken into the ledger, not yet looked at.
    Submitted,
    /// Waiting for an agent.
    Queued,
    /// Waiting, and nobody present could take it.
    Blocked(Blockage),
    /// An agent holds the lease.
    Assigned,
    /// The agent says that it is at work.
    Running,
    /// A result is in; verifiers are looking at it.
    Verifying,
    /// A person must decide.
    AwaitingApproval,
    /// Done, result accepted.
    Succeeded,
    /// Done: the attempts are spent, or the result was refused.
    Failed,
    /// The deadline passed first.
    TimedOut,
    /// The client gave it up.
    Cancelled,
    /// Set aside: nobody may use its result until a person releases it.
    Quarantined,
}

impl TaskState {
    /// Whether nothing will change any more.
    pub const fn is_final(&self) -> bool {
        match self {
            Self::Succeeded
            | Self::Failed
            | Self::TimedOut
            | Self::Cancelled
            | Self::Quarantined => true,
            Self::Submitted
            | Self::Queued
            | Self::Blocked(_)
            | Self::Assigned
            | Self::Running
            | Self::Verifying
            | Self::AwaitingApproval => false,
        }
    }

    /// The state's name on the wire and on the screen.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Queued => "queued",
            Self::Blocked(_) => "blocked",
            Self::Assigned => "assigned",
            Self::Running => "running",
            Self::Verifying => "verifying",
            Self::AwaitingApproval => "awaiting-approval",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed-out",
            Self::Cancelled => "cancelled",
            Self::Quarantined => "quarantined",
        }
    }
}

/// Why a queued task cannot be placed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Blockage {
    /// No enrolled agent has the skill.
    NoSkill,
    /// Agents have the skill, but none offers all that the task needs; one missing need is named.
    NoOffer(String),
    /// Capable agents exist, but their nodes are lost or cordoned, or they are quarantined.
    NobodyPresent,
    /// No verifier for this kind of result is enrolled.
    NoVerifier,
}

impl fmt::Display for Blockage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSkill => out.write_str("no agent has the skill"),
            Self::NoOffer(need) => write!(out, "no agent with the skill offers {need}"),
            Self::NobodyPresent => {
                out.write_str("the agents that could take it are not present, or on cordoned nodes")
            }
            Self::NoVerifier => out.write_str("no agent could check the result"),
        }
    }
}

/// One try at a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// 1 for the first.
    pub number: u32,
    /// Who tries.
    pub agent: AgentId,
    /// Where it lives.
    pub node: NodeId,
    /// Which life of that node.
    pub incarnation: Incarnation,
    /// When the assignment was committed.
    pub assigned_at: Moment,
    /// When the lease ends, whatever the agent does.
    pub lease_until: Moment,
    /// When and how it ended.
    pub ended: Option<(Moment, AttemptEnd)>,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptEnd {
    /// The agent reported a result.
    Reported,
    /// The agent's node was lost, or came back as a new incarnation.
    NodeLost,
    /// The node says that the agent is gone.
    AgentLost,
    /// The lease ran out without a report.
    LeaseExpired,
    /// The task was cancelled, or its deadline passed.
    Withdrawn,
}

impl AttemptEnd {
    /// A word for it, for people and programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::NodeLost => "node lost",
            Self::AgentLost => "agent lost",
            Self::LeaseExpired => "lease expired",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// How a run ended, in the agent's own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The skill did what was asked.
    Success,
    /// The skill says no: a wrong proof, a non-zero exit. Retrying would say the same.
    Failure,
    /// The run was cut off at its time limit.
    Timeout,
    /// The run was cancelled.
    Cancelled,
    /// The skill could not run here (tool missing, input unreadable by it). Another agent may do better.
    Unavailable,
}

impl Outcome {
    /// A word for it, for people and programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
            Self::Unavailable => "unavailable",
        }
    }
}

/// What an agent reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskResult {
    /// How the run ended.
    pub outcome: Outcome,
    /// The product, at most `TASK_OUTPUT_BYTES_MAX` bytes.
    pub output: Vec<u8>,
    /// What the skill printed.
    pub stdout: String,
    /// What the skill complained about.
    pub stderr: String,
    /// How the skill got there, if it tells (the plan's chain of thought).
    pub trace: String,
    /// How long the run took, in milliseconds.
    pub duration_ms: u64,
}

/// A result, and whose and which attempt's it is. This is what an agent signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The task.
    pub task: TaskId,
    /// The attempt that the lease was for.
    pub attempt: u32,
    /// Who ran it.
    pub agent: AgentId,
    /// What came out.
    pub result: TaskResult,
}

impl Report {
    /// What verdicts call this report: a digest of all of its content, whatever its encoding.
    pub fn digest(&self) -> Hash {
        let result = &self.result;
        let outcome: &[u8] = match result.outcome {
            Outcome::Success => b"success",
            Outcome::Failure => b"failure",
            Outcome::Timeout => b"timeout",
            Outcome::Cancelled => b"cancelled",
            Outcome::Unavailable => b"unavailable",
        };
        hash_fields(
            Domain::Report,
            &[
                self.task.as_bytes(),
                &self.attempt.to_le_bytes(),
                self.agent.as_bytes(),
                outcome,
                &result.output,
                result.stdout.as_bytes(),
                result.stderr.as_bytes(),
                result.trace.as_bytes(),
                &result.duration_ms.to_le_bytes(),
            ],
        )
    }
}

/// A step in a task's life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The command that caused it.
    pub position: Position,
    /// The ledger's time.
    pub at: Moment,
    /// The state after the step.
    pub state: TaskState,
    /// Why, for people.
    pub note: String,
}

/// A task as the ledger knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// What was asked.
    pub spec: TaskSpec,
    /// Digest of `spec.input`; stands for the input in digests of the state.
    pub input_digest: Hash,
    /// The node whose gateway took it.
    pub via: NodeId,
    /// Where it stands.
    pub state: TaskState,
    /// Every attempt, oldest first. Invariant: at most one has not ended.
    pub attempts: Vec<Attempt>,
    /// The newest reported result; accepted once the state is `Succeeded`.
    pub result: Option<Report>,
    /// The current round of verification, if there was one.
    pub round: Option<crate::verdict::Round>,
    /// What happened, oldest first.
    pub history: Vec<Transition>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_named_by_all_of_its_content() {
        let report = Report {
            task: TaskId::from_bytes([1; 16]),
            attempt: 1,
            agent: AgentId::from_bytes([2; 16]),
            result: TaskResult {
                outcome: Outcome::Success,
                output: b"out".to_vec(),
                stdout: String::new(),
                stderr: String::new(),
                trace: String::new(),
                duration_ms: 5,
            },
        };
        let mut other = report.clone();
        other.result.outcome = Outcome::Failure;
        assert_ne!(report.digest(), other.digest());
        other = report.clone();
        other.attempt = 2;
        assert_ne!(report.digest(), other.digest());
        assert_eq!(report.digest(), report.clone().digest());
    }
}
