//! What convicts a voter, noticed in passing: votes that contradict each other, or a lock that the voter has attested.
//!
//! Words of one term are compared as they are counted, in the [`tally`](crate::raft::tally). Votes are seen by whoever asks
//! for them, and by everybody in the mandate of the one who won. A signature is checked before anything is called evidence;
//! who brought it does not matter.

use hms_protocol::ballot::{Mandate, Vote};
use hms_protocol::certificate::{Attestation, Certificate, Phase};
use hms_protocol::evidence::VoterEvidence;
use hms_protocol::limits::VOTERS_MAX;

use super::Vouching;
use crate::raft::driver::Driver;

impl Vouching {
    /// The newest lock that a voter is known to have attested: to this node, or in a final certificate.
    fn attested_lock(&self, vote: &Vote) -> impl Iterator<Item = Attestation> {
        let heard = self.locks_heard.get(&vote.voter).copied();
        let newest = self.kept.values().next_back();
        let signed = newest.and_then(|certificate| signed_by(certificate, vote));
        heard.into_iter().chain(signed)
    }

    /// Remembers a lock that its voter has attested; the newest of each.
    pub(super) fn note_lock(&mut self, attestation: Attestation) {
        let statement = attestation.statement;
        let known = self.locks_heard.get(&attestation.voter);
        let newer =
            known.is_none_or(|known| known.statement.mark().rank() < statement.mark().rank());
        let room = known.is_some() || self.locks_heard.len() < VOTERS_MAX;
        if statement.phase == Phase::Locked && newer && room {
            self.locks_heard.insert(attestation.voter, attestation);
        }
    }
}

/// What a voter has signed in a certificate of locks.
fn signed_by(certificate: &Certificate, vote: &Vote) -> Option<Attestation> {
    let statement = certificate.statement;
    let mut signers = certificate.signers.iter();
    let (voter, signature) = signers.find(|(voter, _)| *voter == vote.voter)?;
    (statement.phase == Phase::Locked).then_some(Attestation {
        statement,
        voter: *voter,
        signature: *signature,
    })
}

impl Driver {
    /// Looks at a mandate's votes, whoever shows it.
    pub(in crate::raft) fn witness_mandate(&mut self, mandate: &Mandate) {
        for vote in &mandate.votes {
            self.witness_vote(vote);
        }
    }

    /// Holds a vote against what its voter has signed before. One proof in a term is enough.
    pub(in crate::raft) fn witness_vote(&mut self, vote: &Vote) {
        let ballot = &vote.ballot;
        let group = self.vouch.group();
        let known = self.vouch.voters().is_some_and(|set| set.has(vote.voter));
        if !known || ballot.group != group || self.vouch.accused.contains(&vote.voter) {
            return;
        }
        let earlier = self.vouch.votes_seen.get(&vote.voter).copied();
        if earlier == Some(*vote) {
            return;
        }
        let below = |lock: Attestation| VoterEvidence::VoteBelowLock { lock, vote: *vote };
        let two = earlier.map(|first| VoterEvidence::TwoVotes {
            first,
            second: *vote,
        });
        let itself = VoterEvidence::VoteBelowItself { vote: *vote };
        let locks: Vec<Attestation> = self.vouch.attested_lock(vote).collect();
        let suspicions = two
            .into_iter()
            .chain([itself])
            .chain(locks.into_iter().map(below));
        let proof = suspicions
            .into_iter()
            .find(|it| it.verify(group) == Ok(vote.voter));
        if let Some(evidence) = proof {
            self.vouch.accused.insert(vote.voter);
            self.vouch.evidence.push(evidence);
        } else if earlier.is_none_or(|earlier| earlier.ballot.term < ballot.term)
            && vote.check_signature().is_ok()
        {
            self.vouch.votes_seen.insert(vote.voter, *vote);
        }
    }
}
