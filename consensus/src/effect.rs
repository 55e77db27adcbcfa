//! Everything that a mind can order. The hands carry it out and turn the consequences into [`Input`](crate::input::Input)s.
//!
//! Effects are carried out in order. A `Send` that depends on a write is only given once that write is persisted, so the
//! hands never have to know which depends on which.

use std::collections::BTreeSet;

use hms_protocol::agent::{Agent, AgentCertificate};
use hms_protocol::certificate::Certificate;
use hms_protocol::evidence::Guilty;
use hms_protocol::heartbeat::Heartbeat;
use hms_protocol::id::{AgentId, Index, NodeId, Position, SkillName, TaskId, Term};
use hms_protocol::member::{Member, MemberStanding, RosterView};
use hms_protocol::peer::{Announcement, Dispatch, PeerMessage, Run};
use hms_protocol::receipt::Handover;
use hms_protocol::refusal::Refusal;
use hms_protocol::service::{Service, ServiceSpec};
use hms_protocol::task::Task;
use hms_protocol::time::Moment;

use crate::input::Ticket;
use crate::outline::Outline;
use crate::state::checkpoint::Checkpoint;
use crate::state::evidence::Evidence;

/// An order to the hands.
#[derive(Debug)]
pub enum Effect {
    /// Write to the log. `Input::Persisted` follows when it is durable.
    Persist(LogWrite),
    /// Encode and store this state. `Input::Checkpointed` follows.
    Checkpoint(Box<Checkpoint>),
    /// Say something to a peer, sealed. May be lost: whoever needs an answer repeats.
    Send {
        /// The peer; never this node itself.
        to: NodeId,
        /// What.
        message: PeerMessage,
    },
    /// Gossip this node's heartbeat.
    Beat(Heartbeat),
    /// Gossip an announcement.
    Announce(Announcement),
    /// Answer the gateway.
    Answer {
        /// Whom.
        ticket: Ticket,
        /// What.
        answer: Result<Answer, Refusal>,
    },
    /// Start a run on a local agent. `Input::Ended` follows, unless it is stopped before.
    Start(Dispatch),
    /// Stop a run at once; its outcome is not wanted any more.
    Stop(Run),
    /// Bring up an agent. `Input::Raised` follows. An agent that exists is reported again.
    Raise {
        /// The id that it has.
        agent: AgentId,
        /// What it must be able to do; empty for all that the node can.
        skills: BTreeSet<SkillName>,
        /// How many tasks it may run at once.
        slots: u32,
    },
    /// Stop an agent for good. `Input::Dismissed` follows.
    Dismiss(AgentId),
    /// Probe a service once. `Input::Probed` follows, within the spec's timeout.
    Probe {
        /// What to probe.
        spec: ServiceSpec,
        /// Of which revision.
        revision: u64,
    },
    /// Tell whoever watches on this node that something happened in the ledger.
    Publish(Notice),
    /// The members have changed: these may speak, and these are where they listen.
    Enrol(RosterView),
    /// The leader has changed, as far as this node knows.
    Follow {
        /// The leader, if there is one.
        leader: Option<NodeId>,
        /// The term.
        term: Term,
    },
    /// Stop the node: going on would break a promise.
    Halt {
        /// Which promise, for people.
        reason: String,
    },
}

impl Effect {
    /// The end of a node that takes no part any more: whatever it went on doing would be refused.
    pub(crate) fn excluded(standing: MemberStanding) -> Self {
        let standing = standing.name();
        let reason = format!("the mesh holds this node as {standing}: see `hms evidence list`");
        Self::Halt { reason }
    }
}

/// A write to the log, opaque to the store. Carried out in this order, durable as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogWrite {
    /// Counts the writes of one run of the node; `Persisted` names the newest one that is durable.
    pub number: u64,
    /// Remove every row from this index on: a new leader overrules them.
    pub truncate_from: Option<Index>,
    /// Rows to append, in order of index.
    pub rows: Vec<(Index, Vec<u8>)>,
    /// Final certificates, by the index that they cover.
    pub certificates: Vec<(Index, Vec<u8>)>,
    /// The certificate of holdings that this voter is locked on.
    pub lock: Option<Vec<u8>>,
    /// Raft's hard state.
    pub hard_state: Option<Vec<u8>>,
    /// A checkpoint received from the leader, which replaces the whole log, and the index that it covers.
    pub install: Option<(Index, std::sync::Arc<[u8]>)>,
    /// Remove rows up to and including this index: a checkpoint covers them.
    pub compact_to: Option<Index>,
    /// Whether somebody waits for durability. If not, the write may be synced with a later one.
    pub sync: bool,
}

/// What the store held at start. The mind checks it before it believes any of it.
#[derive(Clone, Debug, Default)]
pub struct Recovered {
    /// The newest checkpoint.
    pub checkpoint: Option<Vec<u8>>,
    /// Raft's hard state.
    pub hard_state: Option<Vec<u8>>,
    /// The log rows after the checkpoint, in order of index.
    pub rows: Vec<(Index, Vec<u8>)>,
    /// Final certificates, in order of index.
    pub certificates: Vec<(Index, Vec<u8>)>,
    /// The certificate of holdings that this voter is locked on.
    pub lock: Option<Vec<u8>>,
}

/// An answer to the gateway.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The node is admitted, as this, into this mesh.
    Admitted {
        /// What it is now.
        member: Member,
        /// Everybody.
        roster: RosterView,
    },
    /// The task is in the ledger: acknowledged, durable on a quorum.
    Submitted {
        /// Its id; an earlier one if the idempotency key was known.
        task: TaskId,
        /// Where the submit stands in the ledger.
        position: Position,
        /// False if the task was there already.
        fresh: bool,
    },
    /// What a voter without a quorum has: the past.
    Stale {
        /// How old it is, at least.
        staleness: Staleness,
        /// What was read.
        answer: Box<Answer>,
    },
    /// The order is in the ledger and counts.
    Ordered {
        /// Where it stands.
        position: Position,
    },
    /// The task is given up.
    Cancelled(TaskId),
    /// The agent is enrolled.
    Spawned(AgentCertificate),
    /// The agent is stopped.
    Stopped(AgentId),
    /// The service is declared; this is its revision.
    Declared {
        /// Its revision.
        revision: u64,
        /// False if the declaration was there already, unchanged.
        changed: bool,
    },
    /// The service is forgotten.
    Withdrawn,
    /// One task.
    Task(Box<Task>),
    /// A page of tasks, newest first.
    Tasks {
        /// The page.
        tasks: Vec<Task>,
        /// How many there are in all that match.
        total: u64,
    },
    /// Why a task is where it is.
    Why(Box<Explanation>),
    /// A page of agents.
    Agents {
        /// The page.
        agents: Vec<AgentView>,
        /// How many there are in all that match.
        total: u64,
    },
    /// One agent.
    Agent(Box<AgentView>),
    /// Everybody.
    Nodes(Vec<NodeView>),
    /// A page of services, by name.
    Services(Vec<Service>),
    /// One service.
    Service(Box<Service>),
    /// Every skill that an enrolled agent has: name, agents, nodes.
    Skills(Vec<SkillView>),
    /// The mesh in one look.
    Status(StatusView),
    /// Where in the ledger one task's commands stand.
    Outline(Box<Outline>),
    /// How far the ledger goes.
    Extent {
        /// The newest entry that is applied here. What certifies it may be on its way to the disk.
        applied: Index,
        /// Every change of voters, in ascending order.
        handovers: Vec<Handover>,
    },
    /// The state as it is now; `None` while exactly the entry that made it has no certificate.
    Snapshot(Option<Box<Checkpoint>>),
    /// The encoded genesis; its digest is the mesh's id.
    Genesis(Vec<u8>),
    /// A page of evidence, newest first.
    EvidenceList {
        /// The page.
        pieces: Vec<EvidenceView>,
        /// How many pieces are kept in all.
        total: u64,
    },
    /// One piece of evidence.
    Evidence(Box<Evidence>),
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
    pub what: &'static str,
}

impl From<&Evidence> for EvidenceView {
    fn from(piece: &Evidence) -> Self {
        Self {
            number: piece.number,
            position: piece.position,
            at: piece.at,
            guilty: piece.guilty,
            what: piece.exhibit.describe(),
        }
    }
}

/// Why an answer may be out of date, and how long it has been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Staleness {
    /// For how long no leader has been known, in milliseconds.
    pub age_ms: u64,
    /// How many voters are needed.
    pub need: u32,
    /// How many there are.
    pub voters: u32,
    /// How many answer.
    pub have: u32,
}

/// A skill and who has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkillView {
    /// Its name.
    pub skill: SkillName,
    /// Versions advertised, ordered.
    pub versions: Vec<String>,
    /// One sentence, from the newest advert.
    pub summary: String,
    /// What the input must look like.
    pub input: String,
    /// Ready agents that have it.
    pub agents: u64,
    /// Nodes that host such an agent.
    pub nodes: Vec<NodeId>,
}

/// An agent and what it is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentView {
    /// The roster's record.
    pub agent: Agent,
    /// Whether its node is present.
    pub present: bool,
    /// Runs that it holds a lease for.
    pub running: Vec<TaskId>,
    /// Attempts that it has ended with a report since the oldest task kept.
    pub reported: u64,
}

/// A member and its condition as the answering node sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeView {
    /// The roster's record.
    pub member: Member,
    /// `alive`, `suspect` or `dead`.
    pub condition: crate::liveness::Condition,
    /// How long ago it was last heard, in milliseconds.
    pub silent_ms: Option<u64>,
    /// Its newest heartbeat.
    pub heartbeat: Option<Heartbeat>,
    /// Whether it leads.
    pub leads: bool,
}

/// The mesh in one look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusView {
    /// The mesh.
    pub mesh: hms_protocol::id::MeshId,
    /// Who leads; nobody where there is no quorum.
    pub leader: Option<NodeId>,
    /// In which term.
    pub term: Term,
    /// The newest committed entry.
    pub committed: Index,
    /// The newest applied entry.
    pub applied: Index,
    /// Digest of the state there.
    pub state_digest: hms_protocol::digest::Hash,
    /// Chain hash there.
    pub chain: hms_protocol::digest::Hash,
    /// Voters that can be reached, this one included, and voters in all.
    pub voters: (u32, u32),
    /// Members in all.
    pub members: u32,
    /// Agents ready, on present nodes.
    pub agents: u64,
    /// Tasks by name of state, open and kept.
    pub tasks: Vec<(&'static str, u64)>,
    /// Services by health: healthy, disputed, down, unknown.
    pub services: [u64; 4],
    /// How far the ledger is certified: the newest certificate that the leader has.
    pub head: Option<Certificate>,
    /// Pieces of evidence that are kept.
    pub evidence: u64,
    /// Members that take no part any more.
    pub excluded: Vec<NodeId>,
}

/// Why a task is where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The task.
    pub task: Task,
    /// One sentence.
    pub summary: String,
    /// Every agent that was looked at, best first, at most a page of them.
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
    /// Why or why not, for people.
    pub reason: String,
    /// Slots in use, and slots.
    pub slots: (u32, u32),
}

/// Something that happened in the ledger, for whoever watches on this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Where.
    pub position: Position,
    /// The ledger's time.
    pub at: Moment,
    /// What.
    pub event: crate::state::event::Event,
}
