//! What a receipt proves, for people: the task's commands in order, opened.

use std::collections::BTreeSet;

use crate::certificate::Certificate;
use crate::digest::Hash;
use crate::id::{AgentId, Epoch, Index, MeshId, NodeId, Position, TaskId, Term};
use crate::task::{AttemptEnd, Blockage, Report, TaskSpec};
use crate::time::Moment;
use crate::verdict::Verdict;

/// What a receipt proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The mesh.
    pub mesh: MeshId,
    /// The task.
    pub task: TaskId,
    /// What was asked.
    pub spec: TaskSpec,
    /// The node whose gateway took it.
    pub via: NodeId,
    /// Its commands, in the order of the ledger; the first is the submission.
    pub commands: Vec<ProvenCommand>,
    /// Up to where the ledger is certified.
    pub head: Head,
    /// The entries before there at which the operator gave the ledger to one node, because its voters were lost.
    pub recoveries: Vec<Index>,
}

/// A command that stands in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenCommand {
    /// Where.
    pub position: Position,
    /// The clock of the leader that proposed it.
    pub stamped_at: Moment,
    /// What it says.
    pub deed: Deed,
}

/// What a command says of its task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// The task was taken.
    Submitted,
    /// It was given to an agent.
    Assigned {
        /// Which attempt this is.
        attempt: u32,
        /// The agent.
        agent: AgentId,
    },
    /// It could not be placed.
    Blocked(Blockage),
    /// It could be placed again.
    Unblocked,
    /// An agent was at it.
    Started {
        /// The attempt.
        attempt: u32,
        /// The agent.
        agent: AgentId,
    },
    /// An agent reported.
    Reported {
        /// What it said.
        report: Box<Report>,
        /// What verdicts call that.
        digest: Hash,
        /// The node that certified the agent's key.
        node: NodeId,
    },
    /// A verifier judged a report.
    Judged {
        /// What it said.
        verdict: Box<Verdict>,
        /// The node that certified the verifier's key.
        node: NodeId,
    },
    /// A round of verification ran out of time.
    Redrawn {
        /// The round.
        round: u32,
    },
    /// An attempt was over without a report.
    Expired {
        /// The attempt.
        attempt: u32,
        /// How it ended.
        end: AttemptEnd,
    },
    /// The client gave it up.
    Cancelled,
    /// Its deadline passed.
    Lapsed,
}

impl Deed {
    /// The agent that sealed it, if one did.
    pub fn sealer(&self) -> Option<AgentId> {
        match self {
            Self::Reported { report, .. } => Some(report.agent),
            Self::Judged { verdict, .. } => Some(verdict.verifier),
            Self::Submitted
            | Self::Assigned { .. }
            | Self::Blocked(_)
            | Self::Unblocked
            | Self::Started { .. }
            | Self::Redrawn { .. }
            | Self::Expired { .. }
            | Self::Cancelled
            | Self::Lapsed => None,
        }
    }

    /// A word for it, for people and programs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Assigned { .. } => "assigned",
            Self::Blocked(_) => "blocked",
            Self::Unblocked => "unblocked",
            Self::Started { .. } => "started",
            Self::Reported { .. } => "reported",
            Self::Judged { .. } => "judged",
            Self::Redrawn { .. } => "redrawn",
            Self::Expired { .. } => "expired",
            Self::Cancelled => "cancelled",
            Self::Lapsed => "lapsed",
        }
    }
}

/// Up to where a ledger is certified, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The last certified entry that the receipt knows.
    pub index: Index,
    /// The term in which it was certified.
    pub term: Term,
    /// Whose epoch it was.
    pub epoch: Epoch,
    /// The chain hash up to there.
    pub hash: Hash,
    /// Who signed.
    pub signers: BTreeSet<NodeId>,
}

impl Head {
    /// What a certificate says. Whether it is good is not decided here.
    pub fn of(certificate: &Certificate) -> Self {
        let statement = &certificate.statement;
        Self {
            index: statement.index,
            term: statement.term,
            epoch: statement.epoch,
            hash: statement.hash,
            signers: certificate.signers.iter().map(|(node, _)| *node).collect(),
        }
    }
}
