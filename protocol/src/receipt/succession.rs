//! Whose word counts when: the voters of a mesh, from its founder on.
//!
//! Every set is vouched for by the one before it. An epoch's number is the index of the entry that brought its voters
//! about; the founder is alone from index 1 on. The voters of an epoch certify entries above its number and up to the
//! next one's, and with them everything below: the chain covers it.
//!
//! An entry that the replicas refused to act on (for example a vote for a node that never received the log) looks like a
//! change here and begins an epoch in which no honest voter signs. Believing it gains a liar nothing but one voice in a
//! quorum that needs honest ones too.
//!
//! Where the voters were lost, the operator has named one node that goes on alone: its order, signed with the key of the
//! genesis or one that came of it, stands for the certificate. Whoever holds the operator's key can thus fork a ledger, and
//! cannot hide it: [`recoveries`](Succession::recoveries) says where it was done.

use std::collections::BTreeSet;

use super::{Cause, Handover, Origin, ReceiptRefusal, Stretch};
use crate::certificate::{Certificate, Phase};
use crate::chain::EntryKind;
use crate::digest::Hash;
use crate::id::{Epoch, Index};
use crate::keyring::PublicKey;
use crate::order::Recover;
use crate::trust::VoterSet;

/// The epoch of the founder alone: the index at which the chain begins.
const FIRST_EPOCH: Epoch = Epoch(1);

/// The voters of a mesh, epoch by epoch, as far as they were shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Succession {
    /// Invariant: never empty, in ascending order of epoch.
    sets: Vec<VoterSet>,
    /// Whose word counts when the voters are lost: the key in the genesis. `None` to whoever goes on from voters.
    operator: Option<PublicKey>,
    recoveries: Vec<Index>,
}

impl Succession {
    /// The founder alone.
    pub fn found(origin: &Origin) -> Self {
        let founder = BTreeSet::from([origin.founder]);
        let set = VoterSet::new(origin.mesh, FIRST_EPOCH, origin.trust, founder);
        let set = set.expect("one voter is neither too few nor too many");
        Self {
            operator: Some(origin.operator),
            ..Self::after(set)
        }
    }

    /// Goes on from voters that are believed already. A recovery after them is not: whose order counts is not known.
    pub fn after(set: VoterSet) -> Self {
        Self {
            sets: vec![set],
            operator: None,
            recoveries: Vec::new(),
        }
    }

    /// The newest voters that were shown.
    pub fn voters(&self) -> &VoterSet {
        self.sets.last().expect("a succession is never empty")
    }

    /// The entries at which the operator gave the ledger to one node because the voters were lost.
    pub fn recoveries(&self) -> &[Index] {
        &self.recoveries
    }

    /// Takes the next change of voters, if those before it certified it or the operator ordered it.
    pub fn take(&mut self, handover: &Handover) -> Result<&VoterSet, ReceiptRefusal> {
        let index = handover.stretch.index;
        let current = self.voters();
        if index.0 <= current.epoch().0 {
            let after = Index(current.epoch().0);
            return Err(ReceiptRefusal::HandoverOrder { index, after });
        }
        match handover.cause {
            Cause::Voters => self.take_change(handover)?,
            Cause::Operator => self.take_recovery(handover)?,
        }
        Ok(self.voters())
    }

    fn take_change(&mut self, handover: &Handover) -> Result<(), ReceiptRefusal> {
        let (stretch, current) = (&handover.stretch, self.voters());
        let (index, epoch) = (stretch.index, stretch.certificate.statement.epoch);
        if epoch != current.epoch() {
            return Err(ReceiptRefusal::UnknownEpoch { index, epoch });
        }
        let next = handover.succeed(current)?;
        let (kind, digest) = handover.entry();
        self.certify(stretch, kind, digest, None)?;
        self.sets.push(next);
        Ok(())
    }

    /// The order names entry, chain and node, so it holds nowhere else; the node itself certifies that it took over.
    fn take_recovery(&mut self, handover: &Handover) -> Result<(), ReceiptRefusal> {
        let (stretch, current) = (&handover.stretch, self.voters());
        let index = stretch.index;
        let unknown = ReceiptRefusal::RecoveryUnknown { index };
        let operator = self.operator.as_ref().ok_or(unknown)?;
        let recovery = handover.recovery()?;
        let (recover, _) = recovery
            .read(operator, current.group())
            .map_err(|source| ReceiptRefusal::Recovery { index, source })?;
        let here = Recover {
            index,
            before: stretch.before,
            ..recover
        };
        if recover != here {
            return Err(ReceiptRefusal::RecoveryPlace { index });
        }
        let next = handover.found(current, BTreeSet::from([recover.survivor]))?;
        let (kind, digest) = handover.entry();
        let alone = Self::after(next.clone());
        alone.certify(stretch, kind, digest, None)?;
        self.sets.push(next);
        self.recoveries.push(index);
        Ok(())
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
