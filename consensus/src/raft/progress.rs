//! What the Raft room gives back: what to write, what to send, what is committed, and how it
//! stands.

use std::sync::Arc;

use hms_protocol::digest::Hash;
use hms_protocol::evidence::VoterEvidence;
use hms_protocol::id::{Index, NodeId, Term};

use super::members::MembershipChange;
use crate::effect::LogWrite;

/// What came of everything that happened since the last time.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// Writes, in order. Each is answered by [`Driver::persisted`](super::Driver::persisted) with
    /// its number.
    pub writes: Vec<LogWrite>,
    /// Messages that may leave now. Whatever they depend on is on stable storage.
    pub sends: Vec<(NodeId, Vec<u8>)>,
    /// A checkpoint from the leader that replaces the state, before anything in `committed` is
    /// applied.
    pub install: Option<(Index, Arc<[u8]>)>,
    /// Entries that are committed, in order, each given exactly once.
    pub committed: Vec<Committed>,
    /// What convicts a voter.
    pub evidence: Vec<VoterEvidence>,
    /// Reads that may be answered once the state has applied this index.
    pub reads: Vec<(u64, Index)>,
    /// Reads that will never be answered here: this node does not lead any more.
    pub reads_lost: Vec<u64>,
    /// A peer cannot be brought up with the newest checkpoint: make one now, of the state after
    /// `committed`. Said again until [`Driver::checkpointed`](super::Driver::checkpointed) has come
    /// with one that fits.
    pub checkpoint_wanted: bool,
}

impl Progress {
    /// Whether nothing came of it.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
            && self.sends.is_empty()
            && self.install.is_none()
            && self.committed.is_empty()
            && self.evidence.is_empty()
            && self.reads.is_empty()
            && self.reads_lost.is_empty()
            && !self.checkpoint_wanted
    }
}

/// An entry that a quorum has on stable storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Committed {
    /// Commands.
    Batch {
        /// The term of the leader that proposed it.
        term: Term,
        /// Where it stands.
        index: Index,
        /// The chain hash up to and including it.
        chain: Hash,
        /// What was proposed.
        data: Vec<u8>,
    },
    /// A change of the voters or learners, in force from now on.
    Membership {
        /// The term of the leader that proposed it.
        term: Term,
        /// Where it stands.
        index: Index,
        /// The chain hash up to and including it.
        chain: Hash,
        /// Whom it is about.
        node: NodeId,
        /// What has become of it.
        change: MembershipChange,
    },
    /// Nothing, or a change of members that made no sense any more when its turn came.
    Empty {
        /// The term of the leader that made it.
        term: Term,
        /// Where it stands.
        index: Index,
        /// The chain hash up to and including it.
        chain: Hash,
    },
}

impl Committed {
    /// Where it stands.
    pub const fn index(&self) -> Index {
        match self {
            Self::Batch { index, .. }
            | Self::Membership { index, .. }
            | Self::Empty { index, .. } => *index,
        }
    }

    /// The term of the leader that made it.
    pub const fn term(&self) -> Term {
        match self {
            Self::Batch { term, .. } | Self::Membership { term, .. } | Self::Empty { term, .. } => {
                *term
            }
        }
    }

    /// The chain hash up to and including it.
    pub const fn chain(&self) -> Hash {
        match self {
            Self::Batch { chain, .. }
            | Self::Membership { chain, .. }
            | Self::Empty { chain, .. } => *chain,
        }
    }
}

/// What a node is to Raft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RaftRole {
    /// It leads: a quorum voted for it, and has answered within an election timeout.
    Leader,
    /// It asks for votes.
    Candidate,
    /// It votes and follows.
    Follower,
    /// It follows without a vote.
    Learner,
    /// It is not brought up yet, or was removed.
    Outsider,
}

/// How Raft stands on this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RaftStatus {
    /// Who leads, as far as this node knows.
    pub leader: Option<NodeId>,
    /// The newest term that it has heard of.
    pub term: Term,
    /// What this node is.
    pub role: RaftRole,
    /// The newest entry that it knows to be committed.
    pub committed: Index,
    /// The newest entry that it has.
    pub last: Index,
    /// Who votes.
    pub voters: Vec<NodeId>,
    /// Who receives the log without a vote.
    pub learners: Vec<NodeId>,
    /// Voters and learners heard within an election timeout, this node included. A follower hears
    /// the leader only.
    pub reachable: Vec<NodeId>,
}
