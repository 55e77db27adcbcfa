//! Words as they travel: what comes with a message and what goes with one.
//!
//! Only the voter's own word counts, and a certificate only once it is verified.

use hms_protocol::certificate::{Attestation, Certificate};
use hms_protocol::codec;
use hms_protocol::frame::Frame;
use hms_protocol::id::{Index, NodeId};
use raft::eraftpb::{Message, MessageType};

use super::Vouching;
use crate::raft::bridge;
use crate::raft::driver::Driver;
use crate::raft::members::raft_id;

impl Driver {
    /// Takes the words that came with a message.
    pub(in crate::raft) fn hear(&mut self, from: NodeId, frame: Frame) {
        self.enter_term();
        if let Some(peer) = self.peers.get_mut(&raft_id(from)) {
            peer.certified = frame.certified;
        }
        self.learn_all(from, frame.certificates);
        if self.leads() {
            for attestation in frame.attestations {
                self.count(from, attestation);
            }
            self.gather();
        }
    }

    /// Counts a word. Only the voter's own word is: what somebody else says that it said is nothing.
    fn count(&mut self, from: NodeId, attestation: Attestation) {
        let Some(set) = &self.vouch.set else {
            return;
        };
        let statement = attestation.statement;
        let counts = attestation.voter == from
            && set.has(from)
            && statement.group == set.group()
            && statement.epoch == set.epoch()
            && statement.term.0 == self.node.raft.term
            && self.vouch.certified < statement.index
            && statement.index <= self.node.store().last().index
            && !self.vouch.accused.contains(&from);
        if !counts {
            return;
        }
        self.vouch.note_lock(attestation);
        let signature = &attestation.signature;
        let checked = self.vouch.verified.has(&statement, from, signature);
        if let Some(evidence) = self.vouch.tally.take(attestation, checked) {
            self.vouch.accused.insert(from);
            self.vouch.evidence.push(evidence);
        }
    }

    /// Takes the certificates that somebody brought. Those of entries or of an epoch that are not here yet wait, in the
    /// place of what the same node brought before: it brings all that is needed with each message.
    pub(in crate::raft) fn learn_all(&mut self, from: NodeId, certificates: Vec<Certificate>) {
        let early: Vec<Certificate> = certificates
            .into_iter()
            .filter_map(|certificate| self.learn(certificate))
            .collect();
        if !early.is_empty() {
            self.vouch.waiting.insert(from, early);
        }
    }

    /// Takes a certificate, or gives it back if it cannot be judged yet.
    fn learn(&mut self, certificate: Certificate) -> Option<Certificate> {
        let set = self.vouch.set.clone()?;
        let statement = certificate.statement;
        let foreign = statement.group != set.group() || statement.epoch < set.epoch();
        if foreign || statement.index <= self.vouch.certified {
            return None;
        }
        if set.epoch() < statement.epoch {
            return Some(certificate);
        }
        let conflict = set
            .needs_locks()
            .then(|| self.conflict(&statement))
            .flatten();
        let last = self.node.store().last().index;
        if last < statement.index && conflict.is_none() {
            return Some(certificate);
        }
        if !self.vouch.keeps(&certificate)
            && let Err(refusal) =
                certificate.verify_beside(&set, self.vouch.said.as_ref(), &self.vouch.verified)
        {
            tracing::debug!(index = %statement.index, %refusal, "a certificate was refused");
            return None;
        }
        if let Some(from) = conflict {
            self.drop_suffix(&statement, from);
            return Some(certificate);
        }
        if !self.holds(&statement) {
            return None;
        }
        if statement.phase == Vouching::final_phase(&set) {
            self.certify(certificate);
        } else if set.needs_locks() {
            self.lock_on(certificate);
        }
        None
    }

    /// Looks again at the certificates that wait: the log has grown, or the epoch has changed.
    pub(in crate::raft) fn review(&mut self) {
        let last = self.node.store().last().index;
        let epoch = self.vouch.set.as_ref().map(|set| set.epoch());
        let due = |certificate: &Certificate| {
            let statement = &certificate.statement;
            let reached = statement.index <= last || self.conflict(statement).is_some();
            reached && epoch.is_some_and(|epoch| statement.epoch <= epoch)
        };
        if !self.vouch.waiting.values().flatten().any(due) {
            return;
        }
        for (from, certificates) in std::mem::take(&mut self.vouch.waiting) {
            self.learn_all(from, certificates);
        }
    }

    /// Brings a certificate of holdings to the other voters.
    pub(in crate::raft) fn spread(&mut self, certificate: &Certificate) {
        let frame = Frame {
            certified: self.vouch.certified,
            certificates: vec![certificate.clone()],
            ..Frame::default()
        };
        let bytes = codec::encode(&frame);
        let others = self.members.voters().into_iter();
        let others = others.filter(|voter| *voter != self.me);
        self.released
            .extend(others.map(|voter| (voter, bytes.clone())));
    }

    /// A message with the words that go with it, as it leaves; `None` for a vote that this voter may not sign any more.
    pub(in crate::raft) fn words(&mut self, message: &Message) -> Option<Frame> {
        let kind = MessageType::from_i32(message.msg_type);
        let known = self.peers.get(&message.to).map(|peer| peer.certified);
        let known = known.unwrap_or_default();
        // A follower gets what its log is as long as; a leader or candidate that is behind gets whatever there is.
        let reach = match kind {
            Some(MessageType::MsgAppend) => Index(message.index + message.entries.len() as u64),
            Some(MessageType::MsgHeartbeat) => Index(message.commit),
            Some(_) | None => self.vouch.certified,
        };
        let changes = self.history.range(known.next()..).map(|(index, _)| index);
        let mut words = Frame {
            message: bridge::encode(message),
            certified: self.vouch.certified,
            certificates: self.vouch.way((known, reach), changes),
            mandate: self.mandate_for(message),
            release: self.release_for(message),
            ..Frame::default()
        };
        match kind {
            Some(MessageType::MsgHeartbeat) => words.certificates.extend(self.open_lock(false)),
            Some(MessageType::MsgAppend) => {
                let before = self.node.store().point(Index(message.index));
                words.before = before.map(|point| point.chain);
                words.certificates.extend(self.open_lock(true));
            }
            Some(MessageType::MsgRequestVote | MessageType::MsgRequestPreVote) => {
                let highest = self.vouch.highest_certificate();
                words.certificates.extend(highest.cloned());
                words.handovers = self.vouch.handovers_from(known);
            }
            Some(MessageType::MsgRequestVoteResponse) if !message.reject => {
                words.vote = Some(self.cast(message)?);
            }
            Some(MessageType::MsgAppendResponse) if !message.reject => {
                words.attestations.extend(self.attest(message));
            }
            Some(_) | None => {}
        }
        Some(words)
    }
}
