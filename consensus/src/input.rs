//! Everything that can happen to a mind. The hands turn whatever the world does into one of these.

use std::collections::BTreeSet;
use std::sync::Arc;

use hms_protocol::agent::AgentCertificate;
use hms_protocol::codec;
use hms_protocol::envelope::Sealed;
use hms_protocol::frame::Frame;
use hms_protocol::heartbeat::Heartbeat;
use hms_protocol::id::{AgentId, Index, NodeId, NodeName, ServiceName, SkillName, TaskId};
use hms_protocol::member::Role;
use hms_protocol::order::SignedOrder;
use hms_protocol::peer::{Announcement, PeerMessage, Run};
use hms_protocol::service::{ServiceSpec, Sight};
use hms_protocol::task::TaskSpec;
use hms_protocol::time::Moment;
use hms_protocol::token::JoinProof;
use hms_protocol::vetting::{Need, Vetted, Vetter};

/// Something happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// Time has passed. The first input of every burst, and one at least every [`TICK_MS`] or a little later, never with
    /// an earlier moment than before. What follows it in the burst counts as having happened then.
    Tick {
        /// The node's clock: wall time at start, then monotonic.
        now: Moment,
    },
    /// The hands measured how this node does.
    Measured(Vitals),
    /// A peer's message arrived; its envelope was opened, and `from` is a member.
    Received {
        /// The node that sealed it.
        from: NodeId,
        /// What it says.
        message: PeerMessage,
    },
    /// A voter's frame arrived in the same way, and was read and vetted.
    Framed {
        /// The node that sealed it.
        from: NodeId,
        /// What it says.
        frame: Box<Vetted>,
    },
    /// A heartbeat arrived by gossip; its envelope was opened. Every node keeps the newest of every other.
    Heard(Arc<Heartbeat>),
    /// An announcement arrived by gossip; its envelope was opened.
    Announced {
        /// The node that sealed it.
        from: NodeId,
        /// What it says.
        announcement: Arc<Announcement>,
    },
    /// The direct connection to a peer came up or went down.
    Linked {
        /// The peer.
        node: NodeId,
        /// Whether it is up now.
        up: bool,
    },
    /// The gateway asks; exactly one `Effect::Answer` with the ticket follows, now or later.
    Asked {
        /// Which answer is whose.
        ticket: Ticket,
        /// What is asked.
        request: Request,
    },
    /// A request was brought to the leader by this node's gateway, and has had no answer for a while.
    Unanswered(Request),
    /// A log write, and every one before it, is on stable storage.
    Persisted {
        /// The number of the write.
        number: u64,
    },
    /// A checkpoint is on stable storage.
    Checkpointed {
        /// The index that it covers.
        index: Index,
        /// Its bytes, kept to bring up peers that are too far behind.
        bytes: Arc<[u8]>,
    },
    /// An agent of this node is up (raised by order, or found on disk at start).
    Raised(AgentCertificate),
    /// An agent of this node is gone for good.
    Dismissed(AgentId),
    /// A run came to an end: the agent's sealed report or verdict.
    Ended {
        /// Which run.
        run: Run,
        /// What the agent sealed.
        sealed: Sealed,
    },
    /// A probe came back.
    Probed {
        /// The service.
        service: ServiceName,
        /// The revision that was probed.
        revision: u64,
        /// What was seen.
        sight: Sight,
        /// How long it took, in milliseconds.
        latency_ms: u64,
        /// What the probe says.
        detail: String,
    },
}

impl Input {
    /// What comes of a message whose envelope was opened, at a node with this need. Words that its mind would have to verify
    /// are verified here: the hands do this beside the mind.
    pub fn arrived(
        from: NodeId,
        message: PeerMessage,
        (vetter, need): (&mut Vetter, &Need),
    ) -> Self {
        if let PeerMessage::Raft(bytes) = &message
            && let Ok(frame) = codec::decode::<Frame>(bytes)
        {
            let frame = Box::new(vetter.vet(frame, need));
            return Self::Framed { from, frame };
        }
        Self::Received { from, message }
    }
}

/// How often the hands tick the mind, in milliseconds. Raft's tick.
pub const TICK_MS: u64 = 40;

/// Pairs a request with its answer. Made by the gateway, unique within one run of the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// How a node does, as its hands measure it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vitals {
    /// Share of the processors in use, in thousandths.
    pub load_permille: u32,
    /// How late the loop ran at worst since the last measurement, in milliseconds.
    pub lag_ms: u32,
    /// Resident memory, in bytes.
    pub memory_bytes: u64,
}

/// What may be asked of the supervisor. A node that does not lead answers `NotLeader`, and its gateway passes the call
/// on; nothing is remembered of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Admit a node. Its proof was checked against nothing yet; the ledger does.
    Admit(Admission),
    /// Take a task into the ledger. Repeating it with the same id is safe.
    Submit {
        /// Its id, made by the gateway.
        task: TaskId,
        /// What is asked.
        spec: TaskSpec,
        /// The node whose gateway took it.
        via: NodeId,
    },
    /// Give a task up.
    Cancel {
        /// Which.
        task: TaskId,
    },
    /// Bring up an agent. Answered when it is enrolled.
    Spawn {
        /// Its id, made by the gateway.
        agent: AgentId,
        /// Where; the least loaded member if not said.
        node: Option<NodeId>,
        /// What it must be able to do; empty for all that the node can.
        skills: BTreeSet<SkillName>,
        /// How many tasks it may run at once.
        slots: u32,
    },
    /// Stop an agent for good. Answered when the ledger has it as stopped.
    Stop {
        /// Which.
        agent: AgentId,
    },
    /// Carry out an order of the operator.
    Operate(SignedOrder),
    /// Declare a service, or change its declaration.
    Declare(ServiceSpec),
    /// Stop watching a service and forget it.
    Withdraw {
        /// Which.
        service: ServiceName,
    },
    /// Read the state as of now (a linearizable read, by Raft's ReadIndex).
    Read(Question),
    /// Read the state as this voter has it, however old that is. Answered only while there is no quorum.
    Glance(Question),
}

/// A node's wish to join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// Its key, proved by the transport.
    pub id: NodeId,
    /// What it wants to be called.
    pub name: NodeName,
    /// The role it wants; `None` for what its token allows.
    pub role: Option<Role>,
    /// Where it listens.
    pub addresses: Vec<String>,
    /// Its gateway, as `host:port`.
    pub gateway: String,
    /// That the operator has invited it; `None` where a member says where it is now.
    pub proof: Option<JoinProof>,
}

/// What may be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// One task.
    Task(TaskId),
    /// Tasks, newest first.
    Tasks {
        /// Which.
        filter: TaskFilter,
        /// Only those older than this one (the last of the page before).
        after: Option<TaskId>,
        /// At most so many.
        limit: u32,
    },
    /// Why a task is where it is, with every candidate.
    Why(TaskId),
    /// Agents, by id.
    Agents {
        /// Only those of this node.
        node: Option<NodeId>,
        /// Only those with a greater id.
        after: Option<AgentId>,
        /// At most so many.
        limit: u32,
    },
    /// One agent.
    Agent(AgentId),
    /// Members with what is known of their condition.
    Nodes,
    /// Services with their health and their history, by name.
    Services {
        /// Only those with a greater name.
        after: Option<ServiceName>,
        /// At most so many.
        limit: u32,
    },
    /// One service with its history.
    Service(ServiceName),
    /// Skills with their coverage.
    Skills,
    /// The mesh in one look.
    Status,
    /// Where in the ledger one task's commands stand: with it a receipt is made of what is on disk.
    Outline(TaskId),
    /// How far the ledger goes, and every change of voters: with it anybody knows whose certificates count.
    Extent,
    /// The state as it is now, with what certifies it: a snapshot.
    Snapshot,
    /// What the mesh began with: whoever checks a receipt needs it.
    Genesis,
    /// Evidence, newest first.
    EvidenceList {
        /// Only pieces with a lower number than this one; zero for all.
        before: u64,
        /// At most so many.
        limit: u32,
    },
    /// One piece of evidence.
    Evidence(u64),
}

/// Which tasks to list. Every condition that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// Name of the state, as `TaskState::name` gives it.
    pub state: Option<String>,
    /// Only tasks that this agent tried.
    pub agent: Option<AgentId>,
    /// Only tasks of this skill.
    pub skill: Option<SkillName>,
    /// Submitted at or after this moment.
    pub since: Option<Moment>,
    /// Submitted before this moment.
    pub until: Option<Moment>,
}
