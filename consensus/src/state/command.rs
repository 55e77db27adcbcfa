//! Everything that can be decided. A command is proposed by the leader and decided by `apply`, which may refuse it.
//!
//! A log entry is a [`Batch`] of commands under one time stamp. Commands are versioned by the codec: an unknown one
//! halts every replica alike.

use hms_protocol::agent::AgentCertificate;
use hms_protocol::envelope::Sealed;
use hms_protocol::evidence::VoterEvidence;
use hms_protocol::id::{AgentId, Incarnation, NodeId, ServiceName, TaskId};
use hms_protocol::order::SignedOrder;
use hms_protocol::service::{Observation, ServiceSpec};
use hms_protocol::task::{AttemptEnd, Blockage, TaskSpec};
use hms_protocol::time::Moment;

use crate::input::{Admission, Request};

/// The content of one log entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The leader's clock when it proposed. `apply` clamps it: the ledger's time never goes back.
    pub stamped_at: Moment,
    /// At most `BATCH_COMMANDS_MAX`.
    pub commands: Vec<Command>,
}

/// A decision to be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Admit a node that the operator has invited, as what its token allows; or take what a member says of itself.
    Admit(Admission),
    /// A member beats in this incarnation. Ends every attempt that it held in an earlier one.
    Greet {
        /// The member.
        node: NodeId,
        /// Its life.
        incarnation: Incarnation,
    },
    /// A member was not heard for too long. Ends every attempt that it holds, and redraws the services it probes.
    Lose {
        /// The member.
        node: NodeId,
        /// The life that was lost; a newer one makes the command void.
        incarnation: Incarnation,
    },
    /// A node's agents. Each certificate is checked; one that is refused does not stop the others.
    Enrol(Vec<AgentCertificate>),
    /// Agents that their node has stopped for good.
    Retire {
        /// The node.
        node: NodeId,
        /// Its agents.
        agents: Vec<AgentId>,
    },
    /// Take a task.
    Submit {
        /// Its id.
        task: TaskId,
        /// What is asked.
        spec: TaskSpec,
        /// The node whose gateway took it.
        via: NodeId,
    },
    /// Give a task to an agent. A stale suggestion becomes a refusal.
    Assign {
        /// The task.
        task: TaskId,
        /// The attempt that this would be.
        attempt: u32,
        /// The agent.
        agent: AgentId,
    },
    /// A queued task cannot be placed, for this reason.
    Block {
        /// The task.
        task: TaskId,
        /// Why.
        blockage: Blockage,
    },
    /// A blocked task can be placed again.
    Unblock {
        /// The task.
        task: TaskId,
    },
    /// An agent has been at it for a while.
    Start {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: u32,
        /// Who says so.
        agent: AgentId,
    },
    /// An agent's sealed report.
    Report(Sealed),
    /// A verifier's sealed verdict.
    Judge(Sealed),
    /// A round of verification has run out of time: draw again.
    Redraw {
        /// The task.
        task: TaskId,
        /// The round that ran out.
        round: u32,
    },
    /// An attempt is over without a report.
    Expire {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: u32,
        /// How it ended: `LeaseExpired` or `AgentLost`; the ledger checks the former against its time.
        end: AttemptEnd,
    },
    /// The client gives a task up.
    Cancel {
        /// The task.
        task: TaskId,
    },
    /// A task's deadline has passed.
    Lapse {
        /// The task.
        task: TaskId,
    },
    /// Declare a service, or change its declaration.
    Declare(ServiceSpec),
    /// Forget a service.
    Withdraw {
        /// Which.
        service: ServiceName,
    },
    /// A prober's opinion.
    Observe(Observation),
    /// Quarantine a node: signed statements of its own that no honest voter makes. Repeating it is safe.
    Convict(Box<VoterEvidence>),
    /// Carry out an order of the operator, if it is the operator's and was not carried out before.
    Operate(SignedOrder),
    /// Give the seat of a voter that was lost for as long as the charter says to a spare that is present.
    ReplaceLost {
        /// The voter.
        lost: NodeId,
        /// The life that was lost; a newer one makes the command void.
        incarnation: Incarnation,
        /// The spare.
        spare: NodeId,
    },
}

impl Command {
    /// What a client's request becomes in the log. A request that is answered in another way is given back.
    pub fn of(request: Request) -> Result<Self, Box<Request>> {
        match request {
            Request::Admit(admission) => Ok(Self::Admit(admission)),
            Request::Submit { task, spec, via } => Ok(Self::Submit { task, spec, via }),
            Request::Cancel { task } => Ok(Self::Cancel { task }),
            Request::Operate(signed) => Ok(Self::Operate(signed)),
            Request::Declare(spec) => Ok(Self::Declare(spec)),
            Request::Withdraw { service } => Ok(Self::Withdraw { service }),
            Request::Spawn { .. }
            | Request::Stop { .. }
            | Request::Read(_)
            | Request::Glance(_) => Err(Box::new(request)),
        }
    }

    /// Whether it is what a client's request becomes, as anybody may bring it. What a member says of itself without a token is
    /// not: only its own connection shows that it is its word.
    pub const fn is_asked(&self) -> bool {
        match self {
            Self::Admit(admission) => admission.proof.is_some(),
            Self::Submit { .. }
            | Self::Cancel { .. }
            | Self::Operate(_)
            | Self::Declare(_)
            | Self::Withdraw { .. } => true,
            Self::Greet { .. }
            | Self::Lose { .. }
            | Self::Enrol(_)
            | Self::Retire { .. }
            | Self::Assign { .. }
            | Self::Block { .. }
            | Self::Unblock { .. }
            | Self::Start { .. }
            | Self::Report(_)
            | Self::Judge(_)
            | Self::Redraw { .. }
            | Self::Expire { .. }
            | Self::Lapse { .. }
            | Self::Observe(_)
            | Self::Convict(_)
            | Self::ReplaceLost { .. } => false,
        }
    }
}
