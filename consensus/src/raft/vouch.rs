//! What this voter signs of its log, and what it believes because others have signed it.
//!
//! The rule is `consensus/decisions/0001-commit-rule.md`. Followers attest what they acknowledge; the leader gathers the
//! words and makes certificates of them; certificates travel with the leader's messages. Raft is kept from knowing more
//! than is certified: acknowledgements and commit indexes reach it only up to the highest index that a final certificate
//! covers, so whatever comes out as committed is certified.
//!
//! Nothing is signed before it is durable. Certificates that cannot be checked yet, because entries or an epoch are not
//! here, wait.

mod certify;
mod lock;
mod records;
mod witness;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hms_protocol::ballot::Vote;
use hms_protocol::certificate::{Attestation, Certificate, Mark, Phase};
use hms_protocol::codec;
use hms_protocol::evidence::VoterEvidence;
use hms_protocol::id::{Epoch, Index, MeshId, NodeId};
use hms_protocol::keyring::SecretKey;
use hms_protocol::limits::WORDS_PER_FRAME_MAX;
use hms_protocol::receipt::Handover;
use hms_protocol::trust::VoterSet;
use hms_protocol::vetting::Verified;
use raft::eraftpb::Message;

use super::log::Anchor;
use super::tally::Tally;

/// What a voter signs with, and for which group.
#[derive(Clone, Debug)]
pub struct Seat {
    /// The node's key.
    pub key: Arc<SecretKey>,
    /// The mesh.
    pub group: MeshId,
}

/// Words of this voter and of others.
#[derive(Debug)]
pub(super) struct Vouching {
    seat: Seat,
    // Whose words count; nobody's before the node is brought up.
    set: Option<Arc<VoterSet>>,
    // Signatures in the frame at hand that are known to be good.
    pub(super) verified: Verified,
    // The term of the words that are counted.
    term: u64,
    tally: Tally,
    // What this node attested last: saying it again costs nothing.
    said: Option<Attestation>,
    // The newest acknowledgement of each peer that is beyond what is certified.
    acks: BTreeMap<u64, Message>,
    // The log is certified up to here.
    certified: Index,
    // Final certificates of the log that is kept.
    kept: BTreeMap<Index, Certificate>,
    // Those that are not on their way to the disk yet.
    unwritten: BTreeSet<Index>,
    // What ended each epoch: a change of voters, and the certificate of it by the voters before.
    handovers: BTreeMap<Index, Handover>,
    // Certificates of entries, or of an epoch, that are not here yet, by who brought them: at most one frame's of each
    // member. Unchecked.
    waiting: BTreeMap<NodeId, Vec<Certificate>>,
    lock: Option<Lock>,
    // Voters that have contradicted themselves in this term: one proof is enough, and they are not heard again.
    accused: BTreeSet<NodeId>,
    evidence: Vec<VoterEvidence>,
    // The newest vote of each voter that was seen, with a good signature.
    votes_seen: BTreeMap<NodeId, Vote>,
    // The newest lock that each voter is said to have attested. Unchecked.
    locks_heard: BTreeMap<NodeId, Attestation>,
}

/// The highest certificate of holdings that this voter has kept.
#[derive(Clone, Debug)]
struct Lock {
    certificate: Certificate,
    written: Written,
}

/// How far a lock is on its way to stable storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    Not,
    Ordered(u64),
    Durable,
}

impl Vouching {
    /// Nothing said and nothing heard yet; the log is certified up to `certified`.
    pub(super) fn new(seat: Seat, certified: Index) -> Self {
        Self {
            seat,
            set: None,
            verified: Verified::default(),
            term: 0,
            tally: Tally::default(),
            said: None,
            acks: BTreeMap::new(),
            certified,
            kept: BTreeMap::new(),
            handovers: BTreeMap::new(),
            unwritten: BTreeSet::new(),
            waiting: BTreeMap::new(),
            lock: None,
            accused: BTreeSet::new(),
            evidence: Vec::new(),
            votes_seen: BTreeMap::new(),
            locks_heard: BTreeMap::new(),
        }
    }

    /// Takes the lock that was on disk.
    pub(super) fn resume(&mut self, lock: Certificate) {
        self.lock = Some(Lock {
            certificate: lock,
            written: Written::Durable,
        });
    }

    fn keep(&mut self, certificate: Certificate) {
        let index = certificate.statement.index;
        self.certified = self.certified.max(index);
        self.kept.insert(index, certificate);
    }

    /// Forgets certificates of entries that are compacted away.
    pub(super) fn compact(&mut self, to: Index) {
        self.kept = self.kept.split_off(&to.next());
    }

    /// Starts anew after a checkpoint that replaces the log.
    pub(super) fn install(&mut self, anchor: &Anchor) {
        self.kept.clear();
        self.unwritten.clear();
        self.certified = anchor.point.index;
        self.inherit(anchor);
    }

    /// The mesh whose ledger this is.
    pub(super) fn group(&self) -> MeshId {
        self.seat.group
    }

    /// Takes what a checkpoint brings: its handovers, and the certificate of where it ends.
    pub(super) fn inherit(&mut self, anchor: &Anchor) {
        let handovers = anchor.handovers.iter();
        self.handovers = handovers.map(|it| (it.stretch.index, it.clone())).collect();
        if let Some(certificate) = &anchor.certificate {
            self.keep(certificate.clone());
        }
    }

    /// The handovers up to an epoch, its own included.
    pub(super) fn handovers_up_to(&self, epoch: Epoch) -> Vec<Handover> {
        let up_to = self.handovers.range(..=Index(epoch.0));
        up_to.map(|(_, handover)| handover.clone()).collect()
    }

    /// The handovers above an index, as many as go into a frame.
    fn handovers_from(&self, known: Index) -> Vec<Handover> {
        let above = self.handovers.range(known.next()..);
        let missed = above.take(WORDS_PER_FRAME_MAX);
        missed.map(|(_, handover)| handover.clone()).collect()
    }

    /// What is to be written of new certificates.
    pub(super) fn take_unwritten(&mut self) -> Vec<(Index, Vec<u8>)> {
        let indexes = std::mem::take(&mut self.unwritten);
        let kept = |index| Some((index, codec::encode(self.kept.get(&index)?)));
        indexes.into_iter().filter_map(kept).collect()
    }

    /// Whether there are certificates that are not on their way to the disk.
    pub(super) fn has_unwritten(&self) -> bool {
        !self.unwritten.is_empty()
    }

    /// Where this voter is locked.
    pub(super) fn lock_mark(&self) -> Option<Mark> {
        let lock = self.lock.as_ref();
        lock.map(|lock| lock.certificate.statement.mark())
    }

    /// What this voter is locked on.
    pub(super) fn lock_certificate(&self) -> Option<Certificate> {
        self.lock.as_ref().map(|lock| lock.certificate.clone())
    }

    /// The highest certificate that is kept: the lock, or a final one that came without it.
    pub(super) fn highest_certificate(&self) -> Option<&Certificate> {
        let newest = self.kept.values().next_back();
        let lock = self.lock.as_ref().map(|lock| &lock.certificate);
        newest
            .into_iter()
            .chain(lock)
            .max_by_key(|it| it.statement.mark().rank())
    }

    /// The mark of the highest certificate that is kept.
    pub(super) fn highest(&self) -> Option<Mark> {
        self.highest_certificate().map(|it| it.statement.mark())
    }

    /// Whether this is a certificate that was found good before.
    pub(super) fn keeps(&self, certificate: &Certificate) -> bool {
        let lock = self.lock.as_ref().map(|lock| &lock.certificate);
        let kept = self.kept.get(&certificate.statement.index);
        lock == Some(certificate) || kept == Some(certificate)
    }

    /// Certificates that wait, unchecked.
    pub(super) fn early(&self) -> impl Iterator<Item = &Certificate> + Clone {
        self.waiting.values().flatten()
    }

    /// Whose words count now.
    pub(super) fn voters(&self) -> Option<Arc<VoterSet>> {
        self.set.clone()
    }

    /// What ended the epoch before this one.
    pub(super) fn handover(&self, epoch: Epoch) -> Option<&Handover> {
        self.handovers.get(&Index(epoch.0))
    }

    /// What this node signs with.
    pub(super) fn key(&self) -> &SecretKey {
        &self.seat.key
    }

    /// How far the log is certified.
    pub(super) fn certified(&self) -> Index {
        self.certified
    }

    fn final_phase(set: &VoterSet) -> Phase {
        if set.needs_locks() {
            Phase::Locked
        } else {
            Phase::Held
        }
    }

    /// The certificates that bring a peer that is certified up to `from` as far as `to`, which is how far its log goes:
    /// one for each of the `changes` of members on the way, which it may not be able to judge, and the newest; at most a
    /// frame's.
    fn way<'a>(
        &self,
        (from, to): (Index, Index),
        changes: impl Iterator<Item = &'a Index>,
    ) -> Vec<Certificate> {
        if to <= from {
            return Vec::new();
        }
        let reach = from.next()..=to;
        let newest = self.kept.range(reach.clone()).next_back();
        let ends = self.handovers.values().map(|it| &it.stretch.certificate);
        let judged = changes.filter_map(|change| self.kept.get(change));
        let steps = ends.chain(judged).chain(newest.map(|(_, it)| it));
        let steps: BTreeMap<_, _> = steps
            .map(|it| (it.statement.index, it))
            .filter(|(index, _)| reach.contains(index))
            .collect();
        // One place is left for a lock.
        let steps = steps.into_values().take(WORDS_PER_FRAME_MAX - 1);
        steps.cloned().collect()
    }

    /// Evidence since the last time.
    pub(super) fn take_evidence(&mut self) -> Vec<VoterEvidence> {
        std::mem::take(&mut self.evidence)
    }

    /// The final certificates that are kept from an index on.
    #[cfg(test)]
    pub(super) fn kept_from(&self, index: Index) -> impl Iterator<Item = &Certificate> {
        self.kept.range(index..).map(|(_, certificate)| certificate)
    }
}
