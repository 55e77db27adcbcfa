//! What `apply` says has changed. The supervisor turns events into orders; watchers see them as they are.

use hms_protocol::id::{AgentId, NodeId, ServiceName, TaskId};
use hms_protocol::member::Presence;
use hms_protocol::peer::Run;
use hms_protocol::service::Health;
use hms_protocol::task::TaskState;

/// A change of the replicated state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The roster has a new member, or knows something new about one.
    RosterChanged,
    /// A member is present or lost.
    PresenceChanged {
        /// The member.
        node: NodeId,
        /// What it is now.
        presence: Presence,
    },
    /// Agents of a node were enrolled, retired or quarantined.
    AgentsChanged {
        /// The node.
        node: NodeId,
        /// Which.
        agents: Vec<AgentId>,
    },
    /// A task has taken a step.
    TaskMoved {
        /// The task.
        task: TaskId,
        /// Where it stands now.
        state: TaskState,
    },
    /// An agent holds a new lease: dispatch it.
    Assigned {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: u32,
    },
    /// Verifiers were drawn: dispatch the checks.
    Drawn {
        /// The task.
        task: TaskId,
        /// The round.
        round: u32,
    },
    /// A run has lost its purpose: tell the node to stop it.
    Revoked {
        /// Where it runs.
        node: NodeId,
        /// What.
        run: Run,
    },
    /// A service's health has changed.
    HealthChanged {
        /// The service.
        service: ServiceName,
        /// What it is now.
        health: Health,
    },
    /// Who probes what has changed for these nodes.
    ProbersChanged {
        /// The nodes.
        nodes: Vec<NodeId>,
    },
    /// An agent was caught: its signed report was refused by the kernel of a majority of verifiers.
    Convicted {
        /// The agent.
        agent: AgentId,
        /// The task with which it was caught.
        task: TaskId,
    },
    /// A node was caught: it signed what no honest voter signs.
    NodeConvicted {
        /// The node.
        node: NodeId,
        /// The number of the evidence.
        number: u64,
    },
}
