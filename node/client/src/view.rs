//! What a client sees of the mesh, beside the domain's own types.

use std::time::Duration;

use hms_protocol::agent::Agent;
use hms_protocol::certificate::Certificate;
use hms_protocol::digest::Hash;
use hms_protocol::evidence::Guilty;
use hms_protocol::heartbeat::Heartbeat;
use hms_protocol::id::{
    AgentId, Cursor, Index, MeshId, NodeId, NodeName, Position, ServiceName, SkillName, TaskId,
    Term,
};
use hms_protocol::member::{Member, Presence, Role};
use hms_protocol::peer::Run;
use hms_protocol::service::Health;
use hms_protocol::task::{Task, TaskState};
use hms_protocol::time::Moment;

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What is on it.
    pub entries: Vec<T>,
    /// How many there are in all that match.
    pub total: u64,
    /// Asks for the next page; `None` on the last one.
    pub next: Option<Vec<u8>>,
}

/// Who answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ping {
    /// The answering node's software version.
    pub version: String,
    /// The answering node.
    pub node: NodeId,
    /// What people call it.
    pub name: NodeName,
    /// What it does for the mesh.
    pub role: Role,
    /// The mesh.
    pub mesh: MeshId,
    /// The leader as the node knows it.
    pub leader: Option<NodeId>,
    /// The term as the node knows it.
    pub term: Term,
    /// How long the answer took.
    pub took: Duration,
}

/// The mesh in one look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusView {
    /// The mesh.
    pub mesh: MeshId,
    /// Who leads.
    pub leader: Option<NodeId>,
    /// In which term.
    pub term: Term,
    /// The newest committed entry.
    pub committed: Index,
    /// The newest applied entry.
    pub applied: Index,
    /// Digest of the replicated state there.
    pub state_digest: Hash,
    /// Hash of the ledger's chain there.
    pub chain: Hash,
    /// Voters that the leader reaches, itself included.
    pub voters_reached: u32,
    /// Voters in all.
    pub voters: u32,
    /// Members in all.
    pub members: u32,
    /// Agents that are ready.
    pub agents: u64,
    /// Tasks by name of state.
    pub tasks: Vec<(String, u64)>,
    /// Services that nobody calls down.
    pub services_healthy: u64,
    /// Services that some call down.
    pub services_disputed: u64,
    /// Services that are down.
    pub services_down: u64,
    /// Services with too few opinions yet.
    pub services_unknown: u64,
    /// How far the ledger is certified, as the leader says: not checked here.
    pub head: Option<Certificate>,
    /// Pieces of evidence that the ledger keeps.
    pub evidence: u64,
    /// Members that take no part any more.
    pub excluded: Vec<NodeId>,
}

/// A piece of evidence, without what it consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceView {
    /// Its number in the mesh.
    pub number: u64,
    /// The command that brought it into the ledger.
    pub position: Position,
    /// When.
    pub at: Moment,
    /// Who is convicted.
    pub guilty: Guilty,
    /// What it shows, for people.
    pub what: String,
}

/// A submission that the mesh has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// The task: an earlier one if the idempotency key was known.
    pub task: TaskId,
    /// Where it stands in the ledger.
    pub position: Position,
    /// False if it was there already.
    pub fresh: bool,
}

/// Which tasks to list. Every condition that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskQuery {
    /// Name of the state.
    pub state: Option<String>,
    /// Only tasks that this agent tried.
    pub agent: Option<AgentId>,
    /// Only tasks of this skill.
    pub skill: Option<SkillName>,
    /// Submitted at or after this moment.
    pub since: Option<Moment>,
    /// Submitted before this moment.
    pub until: Option<Moment>,
    /// At most so many; the mesh's default if zero.
    pub page_size: u32,
    /// `Page::next` of the page before.
    pub after: Option<Vec<u8>>,
}

/// Why a task is where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The task.
    pub task: Task,
    /// One sentence.
    pub summary: String,
    /// The agents that were looked at, best first.
    pub candidates: Vec<Candidate>,
}

/// One agent's suitability for one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The agent.
    pub agent: AgentId,
    /// Where it lives.
    pub node: NodeId,
    /// Whether it could take the task now.
    pub fit: bool,
    /// Why or why not.
    pub reason: String,
    /// Slots in use.
    pub slots_used: u32,
    /// Slots in all.
    pub slots: u32,
}

/// An agent and what it is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentView {
    /// The roster's record.
    pub agent: Agent,
    /// Whether its node is present.
    pub present: bool,
    /// Tasks that it holds a lease for.
    pub running: Vec<TaskId>,
    /// Attempts that it has ended with a report.
    pub reported: u64,
    /// Bytes in its memory, as its node said; `None` in a list, and when its node could not be asked.
    pub memory_bytes: Option<u64>,
}

/// Why an answer may be out of date: the voters that answer are too few to decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Staleness {
    /// For how long no leader has been known to whoever answered, in milliseconds.
    pub age_ms: u64,
    /// How many voters are needed.
    pub need: u64,
    /// How many there are.
    pub voters: u64,
    /// How many answer.
    pub have: u64,
}

/// How alive a member seems to the leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It is heard.
    Alive,
    /// It is late: nothing new is placed on it.
    Suspect,
    /// It is gone.
    Dead,
}

impl Condition {
    /// Its name on the screen.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alive => "alive",
            Self::Suspect => "suspect",
            Self::Dead => "dead",
        }
    }
}

/// A member and its condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeView {
    /// The roster's record.
    pub member: Member,
    /// How alive it seems.
    pub condition: Condition,
    /// How long ago it was last heard, in milliseconds.
    pub silent_ms: Option<u64>,
    /// Its newest heartbeat.
    pub heartbeat: Option<Heartbeat>,
    /// Whether it leads.
    pub leads: bool,
}

/// A skill and who has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkillView {
    /// Its name.
    pub skill: SkillName,
    /// Versions advertised.
    pub versions: Vec<String>,
    /// One sentence.
    pub summary: String,
    /// What the input must look like.
    pub input: String,
    /// Ready agents that have it.
    pub agents: u64,
    /// Nodes that host such an agent.
    pub nodes: Vec<NodeId>,
}

/// A gossip topic as the asked node sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicView {
    /// Its name.
    pub topic: String,
    /// Peers that are known to subscribe to it.
    pub subscribers: u32,
    /// Peers in the node's gossip mesh for it.
    pub peers: u32,
    /// Messages received since the node started.
    pub received: u64,
    /// Messages published by the node since it started.
    pub published: u64,
}

/// What becomes of a declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declaration {
    /// The service is new.
    Added,
    /// The service was declared otherwise.
    Changed,
    /// The service was declared just so.
    Unchanged,
}

/// What became of one declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// The service.
    pub service: ServiceName,
    /// What became, or in a dry run would become, of it.
    pub what: Declaration,
    /// Its revision; in a dry run the present one, 0 if there is none.
    pub revision: u64,
    /// The fields that differ.
    pub differences: Vec<String>,
}

/// Something that happened in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Where.
    pub cursor: Cursor,
    /// The ledger's time.
    pub at: Moment,
    /// What.
    pub what: Happening,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// The roster has changed.
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
    /// An agent holds a new lease.
    TaskAssigned {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: u32,
    },
    /// Verifiers were drawn.
    VerifiersDrawn {
        /// The task.
        task: TaskId,
        /// The round.
        round: u32,
    },
    /// A run has lost its purpose.
    RunRevoked {
        /// Where it runs.
        node: NodeId,
        /// What runs.
        run: Run,
    },
    /// A service's health has changed.
    HealthChanged {
        /// The service.
        service: ServiceName,
        /// What it is now.
        health: Health,
    },
    /// Who probes what has changed.
    ProbersChanged {
        /// For these nodes.
        nodes: Vec<NodeId>,
    },
    /// An agent was caught reporting a false result.
    AgentConvicted {
        /// The agent.
        agent: AgentId,
        /// The task with which it was caught.
        task: TaskId,
    },
    /// A node signed what no honest voter signs.
    NodeConvicted {
        /// The node.
        node: NodeId,
        /// The number of the evidence.
        evidence: u64,
    },
}
