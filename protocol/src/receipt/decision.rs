//! A command about one task, as the ledger holds it.
//!
//! Only what can be shown by a receipt: commands about nodes, agents and services are none of it.

use crate::envelope::Sealed;
use crate::id::{AgentId, NodeId, TaskId};
use crate::task::{AttemptEnd, Blockage, TaskSpec};
use crate::time::Moment;

/// A command about one task. What is sealed is not opened yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Take the task.
    Submit {
        /// What is asked.
        spec: Box<TaskSpec>,
        /// The node whose gateway took it.
        via: NodeId,
    },
    /// Give it to an agent.
    Assign {
        /// The attempt that this would be.
        attempt: u32,
        /// The agent.
        agent: AgentId,
    },
    /// It cannot be placed.
    Block(Blockage),
    /// It can be placed again.
    Unblock,
    /// An agent is at it.
    Start {
        /// The attempt.
        attempt: u32,
        /// Who says so.
        agent: AgentId,
    },
    /// An agent's sealed report.
    Report(Box<Sealed>),
    /// A verifier's sealed verdict.
    Judge(Box<Sealed>),
    /// A round of verification has run out of time.
    Redraw {
        /// The round that ran out.
        round: u32,
    },
    /// An attempt is over without a report.
    Expire {
        /// The attempt.
        attempt: u32,
        /// How it ended.
        end: AttemptEnd,
    },
    /// The client gives it up.
    Cancel,
    /// Its deadline has passed.
    Lapse,
}

/// A command of a batch, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownCommand {
    /// The batch's time stamp.
    pub stamped_at: Moment,
    /// The task that it names in clear. A sealed one names it inside.
    pub task: Option<TaskId>,
    /// What it says.
    pub decision: Decision,
}
