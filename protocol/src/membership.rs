//! A change of those who take part in Raft, as the log holds it.
//!
//! One node at a time becomes a learner, becomes a voter, or is removed. Who should is not decided here, nor whether a
//! change can be made where it stands.

use crate::digest::{Domain, hash_fields};
use crate::id::NodeId;

/// What becomes of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Becomes {
    /// It votes.
    Voter,
    /// It has no part any more.
    Removed,
    /// It receives the log and has no vote.
    Learner,
}

/// A change of those who take part in Raft, as an entry of
/// [`EntryKind::Membership`](crate::chain::EntryKind::Membership) carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberChange {
    /// Who.
    pub node: NodeId,
    /// What becomes of it.
    pub becomes: Becomes,
}

/// The id under which Raft knows a node: the first eight bytes of the digest of its key, never zero.
pub fn raft_id(node: NodeId) -> u64 {
    let digest = hash_fields(Domain::RaftId, &[node.as_bytes()]);
    let (head, _) = digest
        .as_bytes()
        .split_first_chunk::<8>()
        .expect("a digest has 32 bytes");
    // Zero means "nobody" to Raft.
    u64::from_le_bytes(*head).max(1)
}
