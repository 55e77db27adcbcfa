//! A change of voters, shown: what turns the voters of one epoch into those of the next.
//!
//! Learners come and go without one. Whether the change was certified is for the [`Succession`](super::Succession) to
//! say; who ought to be a voter is not known here.

use super::{ReceiptRefusal, Stretch};
use crate::chain::{self, EntryKind};
use crate::codec;
use crate::digest::{Domain, Hash, hash_fields};
use crate::id::{Epoch, NodeId};
use crate::trust::VoterSet;

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

/// A change of those who take part in Raft, as an entry of [`EntryKind::Membership`] carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberChange {
    /// Who.
    pub node: NodeId,
    /// What becomes of it.
    pub becomes: Becomes,
}

/// A change of voters and its place in the ledger. Not yet checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handover {
    /// Its place in the ledger.
    pub stretch: Stretch,
    /// The entry's data: an encoded [`MemberChange`].
    pub change: Vec<u8>,
}

impl Handover {
    /// The digest of the entry's data.
    pub(super) fn digest(&self) -> Hash {
        chain::digest(EntryKind::Membership, &self.change)
    }

    /// The voters after the change.
    pub(super) fn succeed(&self, voters: &VoterSet) -> Result<VoterSet, ReceiptRefusal> {
        let index = self.stretch.index;
        let change = codec::decode_exact::<MemberChange>(&self.change)
            .map_err(|source| ReceiptRefusal::BadChange { index, source })?;
        let mut next = voters.voters().clone();
        let changed = match change.becomes {
            Becomes::Voter => next.insert(change.node),
            Becomes::Removed => next.remove(&change.node),
            Becomes::Learner => false,
        };
        if !changed {
            return Err(ReceiptRefusal::NoHandover { index });
        }
        let epoch = Epoch(index.0);
        VoterSet::new(voters.group(), epoch, voters.trust(), next)
            .map_err(|source| ReceiptRefusal::BadVoters { index, source })
    }
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
