//! Whose word counts when: the voters of a mesh, from its founder on.
//!
//! Every set is vouched for by the one before it. An epoch's number is the index of the entry that brought its voters
//! about; the founder is alone from index 1 on. The voters of an epoch certify entries above its number and up to the
//! next one's, and with them everything below: the chain covers it.
//!
//! An entry that the replicas refused to act on (for example a vote for a node that never received the log) looks like a
//! change here and begins an epoch in which no honest voter signs. Believing it gains a liar nothing but one voice in a
//! quorum that needs honest ones too.

use std::collections::BTreeSet;

use super::{Handover, Origin, ReceiptRefusal, Stretch};
use crate::certificate::{Certificate, Phase};
use crate::chain::EntryKind;
use crate::digest::Hash;
use crate::id::{Epoch, Index};
use crate::trust::VoterSet;

/// The epoch of the founder alone: the index at which the chain begins.
const FIRST_EPOCH: Epoch = Epoch(1);

/// The voters of a mesh, epoch by epoch, as far as they were shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Succession {
    /// Invariant: never empty, in ascending order of epoch.
    sets: Vec<VoterSet>,
}

impl Succession {
    /// The founder alone.
    pub fn found(origin: &Origin) -> Self {
        let founder = BTreeSet::from([origin.founder]);
        let set = VoterSet::new(origin.mesh, FIRST_EPOCH, origin.trust, founder);
        let set = set.expect("one voter is neither too few nor too many");
        Self { sets: vec![set] }
    }

    /// Goes on from voters that are believed already.
    pub fn after(set: VoterSet) -> Self {
        Self { sets: vec![set] }
    }

    /// The newest voters that were shown.
    pub fn voters(&self) -> &VoterSet {
        self.sets.last().expect("a succession is never empty")
    }

    /// Takes the next change of voters, if those before it certified it.
    pub fn take(&mut self, handover: &Handover) -> Result<&VoterSet, ReceiptRefusal> {
        let index = handover.stretch.index;
        let current = self.voters();
        if index.0 <= current.epoch().0 {
            let after = Index(current.epoch().0);
            return Err(ReceiptRefusal::HandoverOrder { index, after });
        }
        let epoch = handover.stretch.certificate.statement.epoch;
        if epoch != current.epoch() {
            return Err(ReceiptRefusal::UnknownEpoch { index, epoch });
        }
        let next = handover.succeed(current)?;
        let (stretch, digest) = (&handover.stretch, handover.digest());
        self.certify(stretch, EntryKind::Membership, digest, None)?;
        self.sets.push(next);
        Ok(self.voters())
    }

    /// Whether an entry with this kind and digest of data is certified by the voters whose word counts there, and finally:
    /// by locks where one of them may lie. The signatures of a certificate that was found `good` before are not verified
    /// again.
    pub fn certify(
        &self,
        stretch: &Stretch,
        kind: EntryKind,
        digest: Hash,
        good: Option<&Certificate>,
    ) -> Result<(), ReceiptRefusal> {
        stretch.check(kind, digest)?;
        self.certified(stretch.index, &stretch.certificate, good)
    }

    /// Whether a certificate is the word of voters who count at an index that it covers, and final. The signatures of one
    /// that was found `good` before are not verified again.
    pub fn certified(
        &self,
        index: Index,
        certificate: &Certificate,
        good: Option<&Certificate>,
    ) -> Result<(), ReceiptRefusal> {
        let statement = &certificate.statement;
        let epoch = statement.epoch;
        let known = self.sets.iter().position(|set| set.epoch() == epoch);
        let Some(known) = known else {
            return Err(ReceiptRefusal::UnknownEpoch { index, epoch });
        };
        let set = &self.sets[known];
        if let Some(next) = self.sets.get(known + 1)
            && next.epoch().0 < index.0
        {
            let since = Index(next.epoch().0);
            return Err(ReceiptRefusal::Superseded {
                index,
                epoch,
                since,
            });
        }
        let phase = if set.needs_locks() {
            Phase::Locked
        } else {
            Phase::Held
        };
        if statement.phase != phase {
            return Err(ReceiptRefusal::NotFinal { index });
        }
        if good == Some(certificate) {
            return Ok(());
        }
        let verified = certificate.verify(set);
        verified.map_err(|source| ReceiptRefusal::Certificate { index, source })
    }
}
