//! What nodes say to each other on their direct streams. One page; gossip carries only heartbeats and announcements.
//!
//! Every message travels inside an envelope sealed by the sending node. What an *agent* says ([`Report`], [`Verdict`]) is
//! sealed by the agent as well, because it is kept in the ledger. An [`Observation`] is the word of its node.
//!
//! [`Report`]: crate::task::Report
//! [`Verdict`]: crate::verdict::Verdict
//! [`Observation`]: crate::service::Observation

use std::collections::BTreeSet;

use crate::agent::AgentCertificate;
use crate::certificate::Certificate;
use crate::digest::Hash;
use crate::envelope::Sealed;
use crate::evidence::VoterEvidence;
use crate::id::{AgentId, Epoch, Incarnation, Index, NodeId, Sequence, SkillName, TaskId, Term};
use crate::member::RosterView;
use crate::service::{Observation, ServiceSpec};
use crate::task::Report;
use crate::time::Moment;

/// A message from one node to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerMessage {
    /// Voter to voter: a Raft message, opaque outside `consensus/src/raft`.
    Raft(Vec<u8>),
    /// Leader to node, several times per fence period: I lead, your leases hold.
    Lead(Lead),
    /// Worker to leader: send me the roster if it is newer than this.
    AskRoster {
        /// The revision that the worker has.
        have_revision: u64,
    },
    /// Leader to worker: the roster.
    Roster(RosterView),
    /// Node to voter: show me how the voters came about, from this epoch on.
    AskSuccession {
        /// The newest voters that the node knows; 0 if it knows none.
        have: Epoch,
    },
    /// Voter to node: what the mesh began with, and every change of voters since the epoch that was asked for.
    Succession(SuccessionShown),
    /// Leader to node: run this.
    Dispatch(Dispatch),
    /// Leader to node: stop this, whatever became of it.
    Withdraw {
        /// What to stop.
        run: Run,
    },
    /// Node to leader: this has been running for a while, and is. Repeated while it runs; if the leader knows better, it
    /// answers with `Withdraw`.
    Started {
        /// What runs.
        run: Run,
        /// Who runs it.
        agent: AgentId,
    },
    /// Node to leader: a sealed [`Report`] of an agent. Repeated until taken.
    Report(Sealed),
    /// Node to leader: a sealed verdict of a verifying agent. Repeated until taken.
    Verdict(Sealed),
    /// Leader to node: that report or verdict is in the ledger, or never will be. Stop repeating it.
    Taken {
        /// What it was about.
        run: Run,
    },
    /// Leader to node: bring up an agent.
    Spawn {
        /// The id that it will have.
        agent: AgentId,
        /// What it must be able to do; empty for all that the node can.
        skills: BTreeSet<SkillName>,
        /// How many tasks it may run at once.
        slots: u32,
    },
    /// Leader to node: stop an agent for good.
    Stop {
        /// Which.
        agent: AgentId,
    },
    /// Node to leader: these agents are mine. Repeated until the leader says so too.
    Enrol(Vec<AgentCertificate>),
    /// Node to leader: these agents are gone for good.
    Retire(Vec<AgentId>),
    /// Leader to node: the ledger holds these agents of yours.
    Enrolled {
        /// The agents in question, and whether the ledger has them as ready.
        agents: Vec<(AgentId, bool)>,
    },
    /// Prober to leader: what I watch is not what you say I should; send me the list.
    AskWatch,
    /// Leader to prober: this is all that you watch now.
    Watch {
        /// Everything that the node probes, with the revision of each.
        services: Vec<(ServiceSpec, u64)>,
    },
    /// Prober to leader: what a node thinks of a service.
    Observed(Observation),
    /// Node to voter: this convicts a voter. Repeated until the ledger has it; whoever gets it checks it for itself, and
    /// whoever sends it is not to blame for it.
    Evidence(Box<VoterEvidence>),
    /// Node to voter, and voter to voter: a client's request was brought to the leader, which has not decided it. Whoever
    /// leads takes it; the others watch whether it does.
    Petition {
        /// The encoded command that the request becomes, opaque outside `consensus`.
        command: Vec<u8>,
    },
    /// Voter to voter: my state's digest at an index, to be compared with yours.
    Digest {
        /// Where.
        index: Index,
        /// The digest of the whole replicated state.
        state: Hash,
        /// The chain hash of the entry.
        chain: Hash,
    },
}

/// How the voters came about. Whoever knows the mesh's id can check it, whoever brings it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuccessionShown {
    /// The encoded genesis: the mesh's id is its digest.
    pub genesis: Vec<u8>,
    /// Encoded [`Handover`](crate::receipt::Handover)s, in ascending order.
    pub handovers: Vec<Vec<u8>>,
}

/// A leader's word to one node. It is only given after a quorum has confirmed the leadership (a `ReadIndex` round), and
/// what it says it has heard, it had heard before it asked the quorum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lead {
    /// The leader's term.
    pub term: Term,
    /// The newest roster revision, so that a node knows to ask.
    pub roster_revision: u64,
    /// The voters that certify now, so that a node knows to ask how they came about.
    pub epoch: Epoch,
    /// [`watch_digest`](crate::service::watch_digest) of what this node is to probe, so that it knows to ask.
    pub watch: Hash,
    /// The ledger's time: no command of the past has a later stamp.
    pub at: Moment,
    /// The newest beat of this life of the node that the leader has heard. The node's leases hold for
    /// [`FENCE_AFTER_MS`](crate::heartbeat::FENCE_AFTER_MS) from when it *sent* that beat, so that no delay on the way
    /// can stretch them.
    pub heard: Option<Echo>,
}

/// A beat that was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo {
    /// Which beat.
    pub sequence: Sequence,
    /// How long before this message it was heard, in milliseconds of the leader's clock.
    pub ago_ms: u64,
}

/// Which execution is meant: an attempt at a task, or one verifier's turn at its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Run {
    /// An attempt.
    Attempt {
        /// The task.
        task: TaskId,
        /// The attempt, from 1.
        attempt: u32,
    },
    /// A verifier's turn.
    Check {
        /// The task whose result is checked.
        task: TaskId,
        /// The attempt that produced it.
        attempt: u32,
        /// The round of verification, from 1.
        round: u32,
        /// The verifier: one round has several.
        verifier: AgentId,
    },
}

/// An order to run something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispatch {
    /// Which execution.
    pub run: Run,
    /// Who runs it.
    pub agent: AgentId,
    /// Which life of the node the order is for: a restarted node refuses orders to its former self.
    pub incarnation: Incarnation,
    /// The newest beat of the node that the leader had heard when a quorum last confirmed it. An order that was under
    /// way for so long that this beat is older than the fence is refused.
    pub as_of: Sequence,
    /// The skill to use.
    pub skill: SkillName,
    /// The skill's input.
    pub input: Vec<u8>,
    /// For a check: the report to be checked.
    pub report: Option<Report>,
    /// How long it may take from receipt, in milliseconds.
    pub limit_ms: u64,
    /// When the lease ends in the ledger's time.
    pub lease_until: Moment,
    /// What shows that the ledger holds the command behind it: an encoded [`ShownEntry`](crate::receipt::ShownEntry) of the
    /// assignment; for a check, of the report. Empty if the leader has it no more: then only a node that was shown it
    /// before obeys.
    pub warrant: Vec<u8>,
}

/// What a node announces by gossip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Announcement {
    /// The leader: the roster has changed.
    Membership {
        /// The newest revision.
        roster_revision: u64,
        /// The leader.
        leader: NodeId,
        /// Its term.
        term: Term,
    },
    /// A node: what it can do.
    Capabilities(Vec<crate::skill::SkillSpec>),
    /// The leader: something happened in the ledger.
    Happened(Happening),
    /// The leader: the newest certificate of the ledger, so that everybody knows how far it goes. Whoever gets it checks it.
    Head(Box<Certificate>),
}

/// An event of the ledger, short enough to gossip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// Where in the ledger.
    pub position: crate::id::Position,
    /// The ledger's time.
    pub at: Moment,
    /// What it is about: a task id, a service name, a node id.
    pub subject: String,
    /// What happened, for people.
    pub text: String,
}
