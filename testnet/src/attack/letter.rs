//! What the wire shows of a Raft message, to whoever reads it without knowing Raft: the liar forges these.
//!
//! The fields are those of the raft crate's own schema, `eraftpb.proto`, by their numbers.

use hms_protocol::chain::{self, EntryKind};
use hms_protocol::digest::Hash;
use hms_protocol::id::{Index, Term};
use prost::Message as _;

/// Kinds of letters that the liar cares for, by the schema's numbers.
pub mod kind {
    /// A leader's entries.
    pub const APPEND: i32 = 3;
    /// A candidate asks for a vote.
    pub const VOTE: i32 = 5;
    /// A vote is given or refused.
    pub const VOTE_ANSWER: i32 = 6;
    /// A node asks whether it would get votes.
    pub const PRE_VOTE: i32 = 17;
    /// It would, or would not.
    pub const PRE_VOTE_ANSWER: i32 = 18;
}

/// A message of Raft.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Letter {
    /// Of which kind.
    #[prost(int32, tag = "1")]
    pub kind: i32,
    /// To whom, by raft id.
    #[prost(uint64, tag = "2")]
    pub to: u64,
    /// From whom.
    #[prost(uint64, tag = "3")]
    pub from: u64,
    /// The sender's term.
    #[prost(uint64, tag = "4")]
    pub term: u64,
    /// The term of the entry before the first one.
    #[prost(uint64, tag = "5")]
    pub log_term: u64,
    /// The index of that entry.
    #[prost(uint64, tag = "6")]
    pub index: u64,
    /// Entries.
    #[prost(message, repeated, tag = "7")]
    pub entries: Vec<Item>,
    /// How far the sender says that its log is committed.
    #[prost(uint64, tag = "8")]
    pub commit: u64,
    /// A snapshot, opaque.
    #[prost(bytes = "vec", optional, tag = "9")]
    pub snapshot: Option<Vec<u8>>,
    /// Whether it is a refusal.
    #[prost(bool, tag = "10")]
    pub reject: bool,
    /// Where a refused leader may go on.
    #[prost(uint64, tag = "11")]
    pub reject_hint: u64,
    /// Of a round of reads, or a transfer.
    #[prost(bytes = "vec", tag = "12")]
    pub context: Vec<u8>,
    /// The term of the committed entry.
    #[prost(uint64, tag = "15")]
    pub commit_term: u64,
}

/// An entry of the log.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Item {
    /// Zero for batches and empty entries.
    #[prost(int32, tag = "1")]
    pub kind: i32,
    /// The term of the leader that made it.
    #[prost(uint64, tag = "2")]
    pub term: u64,
    /// Where it stands.
    #[prost(uint64, tag = "3")]
    pub index: u64,
    /// What it carries.
    #[prost(bytes = "vec", tag = "4")]
    pub data: Vec<u8>,
}

impl Letter {
    /// Reads one; `None` when a frame carries words only.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        Self::decode(bytes).ok().filter(|_| !bytes.is_empty())
    }

    /// The bytes of it.
    pub fn write(&self) -> Vec<u8> {
        self.encode_to_vec()
    }
}

impl Item {
    /// Whether it is a batch of commands.
    pub fn is_batch(&self) -> bool {
        self.kind == 0 && !self.data.is_empty()
    }

    /// The chain hash up to it.
    pub fn link(&self, before: Hash) -> Hash {
        let kind = match (self.kind, self.data.is_empty()) {
            (0, true) => EntryKind::Empty,
            (0, false) => EntryKind::Batch,
            _ => EntryKind::Membership,
        };
        chain::link(before, Term(self.term), Index(self.index), kind, &self.data)
    }
}
