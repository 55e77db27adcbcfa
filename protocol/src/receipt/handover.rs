//! A change of voters, shown: what turns the voters of one epoch into those of the next.
//!
//! Learners come and go without one. Whether the change was certified, or ordered by the operator, is for the
//! [`Succession`](super::Succession) to say; who ought to be a voter is not known here.

use std::collections::BTreeSet;

use super::{ReceiptRefusal, Stretch};
use crate::chain::{self, EntryKind};
use crate::codec;
use crate::digest::Hash;
use crate::id::{Epoch, NodeId};
use crate::membership::{Becomes, MemberChange};
use crate::recovery::Recovery;
use crate::trust::VoterSet;

/// A change of voters and its place in the ledger. Not yet checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handover {
    /// Its place in the ledger.
    pub stretch: Stretch,
    /// Who has made it.
    pub cause: Cause,
    /// The entry's data: an encoded [`MemberChange`], or an encoded [`Recovery`].
    pub change: Vec<u8>,
}

/// Who makes a change of voters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The voters before it.
    Voters,
    /// The operator, because those are lost. Whoever comes after it certifies it.
    Operator,
}

impl Cause {
    /// What the entry is.
    const fn kind(self) -> EntryKind {
        match self {
            Self::Voters => EntryKind::Membership,
            Self::Operator => EntryKind::Recovery,
        }
    }
}

impl Handover {
    /// What the entry is, and the digest of its data.
    pub(super) fn entry(&self) -> (EntryKind, Hash) {
        let kind = self.cause.kind();
        (kind, chain::digest(kind, &self.change))
    }

    /// The voters after a change that those before have made.
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
        self.found(voters, next)
    }

    /// What the operator has ordered, as the entry carries it.
    pub(super) fn recovery(&self) -> Result<Recovery, ReceiptRefusal> {
        let index = self.stretch.index;
        codec::decode_exact(&self.change)
            .map_err(|source| ReceiptRefusal::BadChange { index, source })
    }

    /// The voters of the epoch that begins here.
    pub(super) fn found(
        &self,
        before: &VoterSet,
        voters: BTreeSet<NodeId>,
    ) -> Result<VoterSet, ReceiptRefusal> {
        let index = self.stretch.index;
        VoterSet::new(before.group(), Epoch(index.0), before.trust(), voters)
            .map_err(|source| ReceiptRefusal::BadVoters { index, source })
    }

    /// The voters before the change, to whoever knows those after it; `None` when it does not lead to these, or nobody can
    /// tell.
    pub fn precede(&self, voters: &VoterSet) -> Option<VoterSet> {
        if self.cause == Cause::Operator {
            return None;
        }
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
