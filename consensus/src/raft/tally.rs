//! What the voters have attested of one log in one term, until it is a quorum's word.
//!
//! It keeps words as they come and checks a signature only when that word would complete a quorum, so that what comes too
//! late costs nothing. It does not know the log: whoever asks says which hash counts at an index.

use std::collections::BTreeMap;

use hms_protocol::certificate::{Attestation, Certificate, Phase, Statement};
use hms_protocol::evidence::VoterEvidence;
use hms_protocol::id::{Index, NodeId};
use hms_protocol::trust::VoterSet;

use super::limits;

/// The words of one term and one epoch.
#[derive(Debug, Default)]
pub(super) struct Tally {
    words: BTreeMap<(Phase, Index), BTreeMap<NodeId, Word>>,
}

#[derive(Clone, Copy, Debug)]
struct Word {
    attestation: Attestation,
    /// Whether the signature is known to be good.
    checked: bool,
}

impl Tally {
    /// Takes the word of a voter. If it contradicts an earlier word of the same voter, and both are signed by it, that is
    /// evidence; the earlier word stands. `checked` says that its signature is known to be good.
    pub(super) fn take(
        &mut self,
        attestation: Attestation,
        checked: bool,
    ) -> Option<VoterEvidence> {
        let Statement { phase, index, .. } = attestation.statement;
        let words = self.words.entry((phase, index)).or_default();
        let fresh = Word {
            attestation,
            checked,
        };
        let earlier = words.entry(attestation.voter).or_insert(fresh);
        let evidence = contradiction(earlier, attestation);
        self.bound(phase);
        evidence
    }

    fn bound(&mut self, phase: Phase) {
        let of_phase = |(it, _): &&(Phase, Index)| *it == phase;
        if limits::INDEXES_TALLIED_MAX < self.words.keys().filter(of_phase).count()
            && let Some(lowest) = self.words.keys().find(of_phase).copied()
        {
            self.words.remove(&lowest);
        }
    }

    /// Forgets the words on indexes up to this one.
    pub(super) fn forget(&mut self, phase: Phase, up_to: Index) {
        self.words
            .retain(|(it, index), _| *it != phase || up_to < *index);
    }

    /// Forgets everything: a new term or epoch has begun.
    pub(super) fn clear(&mut self) {
        self.words.clear();
    }

    /// The indexes of which there are words, highest first.
    pub(super) fn indexes(&self, phase: Phase) -> Vec<Index> {
        let indexes = self.words.keys().rev();
        indexes
            .filter(|(it, _)| *it == phase)
            .map(|(_, index)| *index)
            .collect()
    }

    /// The certificate of this statement, if enough voters have signed it; `own` adds one more word when it is needed. A
    /// word whose signature is not its voter's is dropped.
    pub(super) fn certify(
        &mut self,
        set: &VoterSet,
        statement: Statement,
        own: impl FnOnce() -> Option<Attestation>,
    ) -> Option<Certificate> {
        let mut signed = self.signed(set, statement);
        if signed.len() < set.quorum() && set.quorum() <= signed.len() + 1 {
            signed.extend(own());
        }
        Certificate::gather(set, statement, &signed)
    }

    /// At most a quorum's words that are good.
    fn signed(&mut self, set: &VoterSet, statement: Statement) -> Vec<Attestation> {
        let key = (statement.phase, statement.index);
        let Some(words) = self.words.get_mut(&key) else {
            return Vec::new();
        };
        let same = |word: &Word| word.attestation.statement == statement;
        if words.values().filter(|word| same(word)).count() + 1 < set.quorum() {
            return Vec::new();
        }
        let mut signed = Vec::new();
        words.retain(|_, word| {
            if !same(word) || signed.len() == set.quorum() {
                return true;
            }
            word.checked = word.checked || word.attestation.verify(set).is_ok();
            if word.checked {
                signed.push(word.attestation);
            }
            word.checked
        });
        signed
    }
}

fn contradiction(earlier: &mut Word, later: Attestation) -> Option<VoterEvidence> {
    if earlier.attestation.statement.hash == later.statement.hash {
        return None;
    }
    if !earlier.checked && earlier.attestation.check_signature().is_err() {
        // Somebody else put it there: the voter's own word takes its place.
        *earlier = Word {
            attestation: later,
            checked: false,
        };
        return None;
    }
    earlier.checked = true;
    later.check_signature().ok()?;
    let (first, second) = (earlier.attestation, later);
    Some(VoterEvidence::TwoAttestations { first, second })
}
