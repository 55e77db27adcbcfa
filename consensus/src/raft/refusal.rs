//! Why the Raft room said no: to its own supervisor, or to a peer's message that no honest peer
//! would send.

use hms_protocol::id::{Index, NodeId, Term};

/// Why something was not done. Nothing has changed when one of these is returned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RaftRefusal {
    /// Only the leader proposes, reads and changes members.
    #[error("this node does not lead")]
    NotLeader {
        /// Who leads, if it is known.
        leader: Option<NodeId>,
    },
    /// Too much is under way; it goes on when something of it is done.
    #[error("{what} are at their bound of {max}")]
    Busy {
        /// What.
        what: &'static str,
        /// Its bound.
        max: u64,
    },
    /// The entry is too large.
    #[error("the entry has {bytes} bytes: at most {max} are allowed")]
    TooLarge {
        /// How large it is.
        bytes: usize,
        /// How large it may be.
        max: usize,
    },
    /// An earlier change of members is not applied yet, or what a change would follow is not certified.
    #[error("a change of members has to wait for what is under way")]
    MembershipBusy,
    /// The change of members makes no sense where the mesh stands.
    #[error("{node} cannot be changed: {reason}")]
    MembershipWrong {
        /// Whom it is about.
        node: NodeId,
        /// Why not.
        reason: &'static str,
    },
    /// The bytes are not a Raft message.
    #[error("not a raft message: {reason}")]
    Malformed {
        /// What is wrong.
        reason: &'static str,
    },
    /// The message is not from the node that sealed it, or not for this node.
    #[error("the message says it is from {from:#x} to {to:#x}")]
    Misaddressed {
        /// The raft id that it claims.
        from: u64,
        /// The raft id that it is for.
        to: u64,
    },
    /// The message is of a kind that never travels.
    #[error("a message of kind {kind} does not travel")]
    Forbidden {
        /// The number of the kind.
        kind: i32,
    },
    /// The sender has no part in this configuration, and its message does not explain why.
    #[error("{node} is neither voter nor learner")]
    UnknownPeer {
        /// The sender.
        node: NodeId,
    },
    /// A counter is zero where it cannot be, or beyond all reason.
    #[error("{field} is {value}")]
    Absurd {
        /// The field.
        field: &'static str,
        /// Its value.
        value: u64,
    },
    /// The entries do not follow each other.
    #[error("the entries break off at {index}: {reason}")]
    BrokenEntries {
        /// Where.
        index: Index,
        /// What is wrong there.
        reason: &'static str,
    },
    /// The message contradicts an entry that is committed here.
    #[error("entry {index} is committed here with term {ours}, the peer says {theirs}")]
    CommittedConflict {
        /// Where.
        index: Index,
        /// Our term there.
        ours: Term,
        /// Theirs.
        theirs: Term,
    },
    /// A second node claims to lead a term.
    #[error("{claimant} claims to lead term {term}, which has another leader")]
    TwoLeaders {
        /// Who claims it.
        claimant: NodeId,
        /// The term.
        term: Term,
    },
    /// A commit index or an acknowledgement is beyond the end of our log.
    #[error("{index} is beyond our last entry {last}")]
    BeyondLog {
        /// What the peer says.
        index: Index,
        /// Our last entry.
        last: Index,
    },
    /// A vote was granted that this node has not asked for yet. Of all that is said of peers'
    /// messages here, this alone happens between honest peers too: an answer to an earlier
    /// candidacy came late.
    #[error("a vote was granted before it was asked for")]
    VoteUnasked,
    /// A vote is not signed as it must be, or not by one of the voters that this node knows: two nodes of which one has not
    /// heard of a change of voters say this of each other.
    #[error("the vote of {node} does not count: {reason}")]
    VoteUncounted {
        /// Whose it is said to be.
        node: NodeId,
        /// Why not.
        reason: &'static str,
    },
    /// A candidate shows less than this voter is locked on. It gets the lock for an answer.
    #[error("{node} asks for a vote and shows no certificate as high as our lock on entry {lock}")]
    BelowLock {
        /// The candidate.
        node: NodeId,
        /// Where the lock is.
        lock: Index,
    },
    /// Nothing shows that the term in which the sender answers was ever due.
    #[error("{node} answers in term {term}, of which nothing is shown")]
    TermUnshown {
        /// The sender.
        node: NodeId,
        /// The term.
        term: Term,
    },
    /// Nothing shows that a quorum has made the sender the leader of this term.
    #[error("{node} claims to lead term {term} and shows no mandate: {reason}")]
    NoMandate {
        /// The sender.
        node: NodeId,
        /// The term.
        term: Term,
        /// What is wrong with what it shows.
        reason: &'static str,
    },
    /// An append would replace what this voter is locked on. The leader gets the lock for an answer.
    #[error("entry {index} would be replaced, and this voter is locked on entry {lock}")]
    LockConflict {
        /// The first entry that would be replaced.
        index: Index,
        /// Where the lock is.
        lock: Index,
    },
    /// An append contradicts what the same leader sent before.
    #[error("entry {index} is another one than the leader of term {term} sent before")]
    TwoChains {
        /// The first one that differs.
        index: Index,
        /// The term.
        term: Term,
    },
    /// The leader wants a change of members that the ledger does not call for. This node leaves its term.
    #[error(
        "entry {index} changes the part of {node}, and the ledger does not call for it: {reason}"
    )]
    UncalledChange {
        /// Where it would stand.
        index: Index,
        /// Whom it is about.
        node: NodeId,
        /// Why the ledger does not call for it.
        reason: &'static str,
    },
    /// The leader wants a command that is not its author's. This node leaves its term.
    #[error("entry {index} holds a command that is not its author's: {reason}")]
    ForgedCommand {
        /// Where it would stand.
        index: Index,
        /// Why it is not.
        reason: &'static str,
    },
    /// What would be replaced is not on stable storage yet. It is asked again.
    #[error("what follows entry {index} is still being written")]
    Unsettled {
        /// The first entry that would be replaced.
        index: Index,
    },
    /// Only the current leader may ask for an election.
    #[error("{node} does not lead and asks for an election")]
    NotTheLeader {
        /// Who asks.
        node: NodeId,
    },
    /// This node has no log yet: it can only be brought up by a leader.
    #[error("this node is not brought up yet")]
    NotReady,
    /// A chunk of a snapshot has no place in it, or in what is under way. Honest peers say this of each other when a chunk of
    /// a snapshot that was given up comes late.
    #[error("the chunk of a snapshot is of no use: {reason}")]
    BadChunk {
        /// Why.
        reason: &'static str,
    },
    /// A snapshot is larger than any node takes.
    #[error("the snapshot has {bytes} bytes: at most {max} are allowed")]
    SnapshotTooLarge {
        /// How large it is.
        bytes: u64,
        /// How large it may be.
        max: u64,
    },
    /// The snapshot is not a checkpoint that this node could continue from.
    #[error("the snapshot is of no use: {reason}")]
    BadSnapshot {
        /// Why.
        reason: &'static str,
    },
}

impl RaftRefusal {
    /// The stable code, for machines.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotLeader { .. } => "HMS-NOT-LEADER",
            Self::Busy { .. } => "HMS-BUSY",
            Self::TooLarge { .. } => "HMS-TOO-LARGE",
            Self::MembershipBusy => "HMS-MEMBERSHIP-BUSY",
            Self::MembershipWrong { .. } => "HMS-MEMBERSHIP-WRONG",
            Self::Malformed { .. } => "HMS-RAFT-MALFORMED",
            Self::Misaddressed { .. } => "HMS-RAFT-MISADDRESSED",
            Self::Forbidden { .. } => "HMS-RAFT-FORBIDDEN",
            Self::UnknownPeer { .. } => "HMS-RAFT-UNKNOWN-PEER",
            Self::Absurd { .. } => "HMS-RAFT-ABSURD",
            Self::BrokenEntries { .. } => "HMS-RAFT-BROKEN-ENTRIES",
            Self::CommittedConflict { .. } => "HMS-RAFT-COMMITTED-CONFLICT",
            Self::TwoLeaders { .. } => "HMS-RAFT-TWO-LEADERS",
            Self::BeyondLog { .. } => "HMS-RAFT-BEYOND-LOG",
            Self::VoteUnasked => "HMS-RAFT-VOTE-UNASKED",
            Self::VoteUncounted { .. } => "HMS-RAFT-VOTE-UNCOUNTED",
            Self::BelowLock { .. } => "HMS-RAFT-BELOW-LOCK",
            Self::TermUnshown { .. } => "HMS-RAFT-TERM-UNSHOWN",
            Self::NoMandate { .. } => "HMS-RAFT-NO-MANDATE",
            Self::LockConflict { .. } => "HMS-RAFT-LOCK-CONFLICT",
            Self::TwoChains { .. } => "HMS-RAFT-TWO-CHAINS",
            Self::UncalledChange { .. } => "HMS-RAFT-UNCALLED-CHANGE",
            Self::ForgedCommand { .. } => "HMS-RAFT-FORGED-COMMAND",
            Self::Unsettled { .. } => "HMS-RAFT-UNSETTLED",
            Self::NotTheLeader { .. } => "HMS-RAFT-NOT-THE-LEADER",
            Self::NotReady => "HMS-RAFT-NOT-READY",
            Self::BadChunk { .. } => "HMS-RAFT-BAD-CHUNK",
            Self::SnapshotTooLarge { .. } => "HMS-RAFT-SNAPSHOT-TOO-LARGE",
            Self::BadSnapshot { .. } => "HMS-RAFT-BAD-SNAPSHOT",
        }
    }
}
