//! A change of voters, shown: what turns the voters of one epoch into those of the next.
//!
//! Learners come and go without one. Whether the change was certified is for the [`Succession`](super::Succession) to
//! say; who ought to be a voter is not known here.

use super::{ReceiptRefusal, Stretch};
use crate::chain::{self, EntryKind};
use crate::codec;
use crate::digest::Hash;
use crate::id::Epoch;
use crate::membership::{Becomes, MemberChange};
use crate::trust::VoterSet;

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

    /// The voters before the change, to whoever knows those after it; `None` when it does not lead to these.
    pub fn precede(&self, voters: &VoterSet) -> Option<VoterSet> {
        let change = codec::decode_exact::<MemberChange>(&self.change).ok()?;
        let mut before = voters.voters().clone();
        let changed = match change.becomes {
            Becomes::Voter => before.remove(&change.node),
            Becomes::Removed => before.insert(change.node),
            Becomes::Learner => false,
        };
        let epoch = self.stretch.certificate.statement.epoch;
        let leads_here = changed && Epoch(self.stretch.index.0) == voters.epoch();
        let before = VoterSet::new(voters.group(), epoch, voters.trust(), before).ok();
        before.filter(|_| leads_here)
    }
}
