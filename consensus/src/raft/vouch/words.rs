//! Words as they travel: what comes with a message and what goes with one.
//!
//! Only the voter's own word counts, and a certificate only once it is verified.

use hms_protocol::certificate::{Attestation, Certificate, Statement};
use hms_protocol::codec;
use hms_protocol::frame::Frame;
use hms_protocol::id::{Index, NodeId};
use raft::eraftpb::{Message, MessageType};

use super::Vouching;
use crate::raft::driver::Driver;
use crate::raft::members::raft_id;
use crate::raft::{bridge, limits};

impl Driver {
    /// Takes the words that came with a message.
    pub(in crate::raft) fn hear(&mut self, from: NodeId, frame: Frame) {
        self.enter_term();
        if let Some(peer) = self.peers.get_mut(&raft_id(from)) {
            peer.certified = frame.certified;
        }
        for certificate in frame.certificates {
            self.learn(certificate);
        }
        if self.leads() {
            for attestation in frame.attestations {
                self.count(from, attestation);
            }
            self.gather();
        }
    }

    /// Counts a word. Only the voter's own word is: what somebody else says that it said is nothing.
    pub(in crate::raft) fn count(&mut self, from: NodeId, attestation: Attestation) {
        let Some(set) = &self.vouch.set else {
            return;
        };
        let statement = attestation.statement;
        let counts = attestation.voter == from
            && set.has(from)
            && statement.group == set.group()
            && statement.epoch == set.epoch()
            && statement.term.0 == self.node.raft.term
            && self.vouch.certified < statement.index;
        if counts && let Some(evidence) = self.vouch.tally.take(attestation) {
            self.vouch.evidence.push(evidence);
        }
    }

    /// Takes a certificate that somebody brought.
    pub(in crate::raft) fn learn(&mut self, certificate: Certificate) {
        let Some(set) = self.vouch.set.clone() else {
            return;
        };
        let statement = certificate.statement;
        let foreign = statement.group != set.group() || statement.epoch < set.epoch();
        if foreign || statement.index <= self.vouch.certified {
            return;
        }
        if set.epoch() < statement.epoch || self.node.store().last().index < statement.index {
            return self.wait_for(certificate);
        }
        if let Err(refusal) = certificate.verify(&set) {
            tracing::debug!(index = %statement.index, %refusal, "a certificate was refused");
            return;
        }
        if !self.holds(&statement) {
            self.yield_to(certificate);
        } else if statement.phase == Vouching::final_phase(&set) {
            self.certify(certificate);
        } else if set.needs_locks() {
            self.lock_on(certificate);
        }
    }

    /// Puts a certificate aside until its entries or its epoch are here.
    pub(in crate::raft) fn wait_for(&mut self, certificate: Certificate) {
        let Statement { index, phase, .. } = certificate.statement;
        let waiting = &mut self.vouch.waiting;
        waiting.insert((index, phase), certificate);
        if limits::CERTIFICATES_WAITING_MAX < waiting.len() {
            waiting.pop_last();
        }
    }

    /// This log is not what a quorum attests (clause H): a leader gives up its office, a follower's suffix is replaced by
    /// the next leader's appends.
    pub(in crate::raft) fn yield_to(&mut self, certificate: Certificate) {
        tracing::warn!(index = %certificate.statement.index, "a certificate conflicts with this log");
        if self.leads() {
            let term = self.node.raft.term;
            self.node.raft.become_follower(term, raft::INVALID_ID);
        }
        self.wait_for(certificate);
    }

    /// Looks again at the certificates that wait: the log has grown, or the epoch has changed.
    pub(in crate::raft) fn review(&mut self) {
        let last = self.node.store().last().index;
        let epoch = self.vouch.set.as_ref().map(|set| set.epoch());
        let due = |certificate: &Certificate| {
            let statement = &certificate.statement;
            statement.index <= last && epoch.is_some_and(|epoch| statement.epoch <= epoch)
        };
        if !self.vouch.waiting.values().any(due) {
            return;
        }
        let waiting = std::mem::take(&mut self.vouch.waiting);
        for certificate in waiting.into_values() {
            self.learn(certificate);
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

    /// A message with the words that go with it, as it leaves.
    pub(in crate::raft) fn frame(&mut self, message: &Message) -> Vec<u8> {
        let kind = MessageType::from_i32(message.msg_type);
        let known = self.peers.get(&message.to).map(|peer| peer.certified);
        let known = known.unwrap_or_default();
        let mut attestations = Vec::new();
        // A follower gets what its log is as long as; a leader or candidate that is behind gets whatever there is.
        let reach = match kind {
            Some(MessageType::MsgAppend) => Index(message.index + message.entries.len() as u64),
            Some(MessageType::MsgHeartbeat) => Index(message.commit),
            Some(_) | None => self.vouch.certified,
        };
        let mut certificates = self.vouch.way(known, reach);
        if kind == Some(MessageType::MsgHeartbeat) {
            certificates.extend(self.open_lock());
        }
        if kind == Some(MessageType::MsgAppendResponse) && !message.reject {
            attestations.extend(self.attest(message));
        }
        codec::encode(&Frame {
            message: bridge::encode(message),
            certified: self.vouch.certified,
            attestations,
            certificates,
        })
    }
}
