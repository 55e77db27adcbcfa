//! What this voter signs, and what becomes certified: as a follower its words on what it acknowledges, as the leader the
//! certificates that it makes of everybody's.

use std::sync::Arc;

use hms_protocol::certificate::{Attestation, Certificate, Phase, Statement};
use hms_protocol::id::{Index, Term};
use hms_protocol::trust::VoterSet;
use raft::eraftpb::Message;

use super::{Vouching, Written};
use crate::raft::bridge::Kind;
use crate::raft::driver::Driver;
use crate::raft::log::Point;
use crate::raft::progress::RaftRole;

impl Driver {
    /// The words that were counted are of another term: they count no more.
    pub(in crate::raft) fn enter_term(&mut self) {
        if self.vouch.term != self.node.raft.term {
            self.vouch.term = self.node.raft.term;
            self.vouch.tally.clear();
            self.vouch.said = None;
            self.vouch.accused.clear();
            self.vouch.acks.clear();
            self.election.enter_term(self.node.raft.term);
        }
    }

    /// The voters are others: what was said by the earlier ones counts no more.
    pub(in crate::raft) fn enter_epoch(&mut self) {
        let set = self.members.voter_set(self.vouch.seat.group);
        if set.as_ref() != self.vouch.set.as_deref() {
            self.vouch.set = set.map(Arc::new);
            self.vouch.tally.clear();
            self.vouch.said = None;
            self.review_office();
            self.review();
            self.gather();
        }
    }

    /// Keeps Raft from knowing more than is certified.
    pub(in crate::raft) fn curb(&mut self, mut message: Message, kind: Kind) -> Message {
        let certified = self.vouch.certified.0;
        match kind {
            Kind::Append | Kind::Heartbeat => message.commit = message.commit.min(certified),
            Kind::Vote | Kind::VoteAnswer | Kind::PreVote | Kind::PreVoteAnswer => {
                if certified < message.commit {
                    (message.commit, message.commit_term) = (0, 0);
                }
            }
            Kind::AppendAnswer if !message.reject && certified < message.index => {
                self.enter_term();
                if self.leads() && message.term == self.node.raft.term {
                    let held = self.vouch.acks.entry(message.from).or_default();
                    if held.index < message.index {
                        *held = message.clone();
                    }
                }
                message.index = certified;
            }
            Kind::AppendAnswer | Kind::Snapshot | Kind::HeartbeatAnswer | Kind::TimeoutNow => {}
        }
        message
    }

    /// Makes what certificates can be made, as the leader.
    pub(in crate::raft) fn gather(&mut self) {
        if !self.leads() {
            return;
        }
        self.enter_term();
        self.claim_office();
        let Some(set) = self.vouch.set.clone() else {
            return;
        };
        if set.needs_locks()
            && let Some(certificate) = self.seek(&set, Phase::Held)
        {
            self.spread(&certificate);
            self.lock_on(certificate);
        }
        if let Some(certificate) = self.seek(&set, Vouching::final_phase(&set)) {
            self.certify(certificate);
        }
    }

    /// A leader that knows more to be certified than its peers' acknowledgements have told Raft says so.
    pub(in crate::raft) fn tell_certified(&mut self) {
        let certified = self.vouch.certified.0;
        if self.leads() && self.node.raft.raft_log.committed < certified {
            self.node.raft.raft_log.commit_to(certified);
            self.node.raft.bcast_append();
        }
    }

    /// The certificate of the highest index that enough voters attest as this log has it.
    fn seek(&mut self, set: &VoterSet, phase: Phase) -> Option<Certificate> {
        let mut above = self.vouch.certified;
        if let Some(lock) = &self.vouch.lock
            && phase == Phase::Held
            && lock.certificate.statement.term.0 == self.node.raft.term
        {
            above = above.max(lock.certificate.statement.index);
        }
        let end = self.epoch_end();
        let mut indexes = self.vouch.tally.indexes(phase);
        if set.quorum() == 1 {
            // Nobody else's word comes: this voter's reaches as far as it may.
            let persisted = Index(self.node.raft.raft_log.persisted);
            indexes = vec![end.map_or(persisted, |end| end.min(persisted))];
        }
        let within = |index: &Index| end.is_none_or(|end| *index <= end);
        let above = indexes.into_iter().take_while(|index| above < *index);
        for index in above.filter(within) {
            let Some(point) = self.node.store().point(index) else {
                continue;
            };
            let statement = self.statement(set, phase, point);
            let may = self.may_sign(set, phase, point);
            let key = &self.vouch.seat.key;
            let own = || may.then(|| statement.attest(key));
            let certificate = self.vouch.tally.certify(set, statement, own);
            if certificate.is_some() {
                return certificate;
            }
        }
        None
    }

    pub(in crate::raft) fn statement(
        &self,
        set: &VoterSet,
        phase: Phase,
        point: Point,
    ) -> Statement {
        Statement {
            group: set.group(),
            epoch: set.epoch(),
            phase,
            term: Term(self.node.raft.term),
            index: point.index,
            hash: point.chain,
        }
    }

    /// Whether this voter may attest a point of its log: clauses B, C, E, K and L of the rule, and with them Raft's own
    /// condition where nobody lies (its section 5.4.2: an entry of an earlier term is not committed by counting).
    ///
    /// For B the newest entry on disk must be of the term: it shows, after a restart, too, that something may have been
    /// attested in it, and such a log is only added to.
    pub(in crate::raft) fn may_sign(&self, set: &VoterSet, phase: Phase, point: Point) -> bool {
        if !set.has(self.me) || self.node.raft.raft_log.persisted < point.index.0 {
            return false;
        }
        let term = self.node.raft.term;
        let lock = self.vouch.lock.as_ref();
        let ended = self.epoch_end().is_some_and(|end| end < point.index);
        if ended || !self.election.is_decided(term) {
            return false;
        }
        match phase {
            Phase::Held if set.needs_locks() => {
                let persisted = self
                    .node
                    .store()
                    .point(Index(self.node.raft.raft_log.persisted));
                persisted.is_some_and(|newest| newest.term.0 == term) && self.contains_lock(point)
            }
            Phase::Held => point.term.0 == term,
            Phase::Locked => lock.is_some_and(|lock| {
                let locked = lock.certificate.statement;
                let same = (locked.index, locked.hash) == (point.index, point.chain);
                lock.written == Written::Durable
                    && same
                    && locked.term.0 == term
                    && locked.epoch == set.epoch()
            }),
        }
    }

    /// Whether the log up to a point contains the lock (clause C). What is final contains every lock that is not above it.
    fn contains_lock(&self, point: Point) -> bool {
        let Some(lock) = &self.vouch.lock else {
            return true;
        };
        let locked = lock.certificate.statement;
        let newest = self.vouch.kept.values().next_back();
        let newest = newest.map(|it| it.statement.mark().rank());
        Some(locked.mark().rank()) <= newest || (locked.index <= point.index && self.holds(&locked))
    }

    /// Where the words of the present epoch end: at a change of members that is not in force yet. Where nobody lies, one
    /// of an earlier term is passed over while it is not certified, because it is committed with an entry of this term.
    fn epoch_end(&self) -> Option<Index> {
        let set = self.vouch.set.as_ref()?;
        let certified = self.vouch.certified;
        let in_force = Index(self.node.raft.raft_log.applied).min(certified);
        let change = self.node.store().next_change(in_force)?;
        let point = self.node.store().point(change)?;
        let this_term = point.term.0 == self.node.raft.term;
        let counts = change <= certified || set.needs_locks() || this_term;
        counts.then_some(change)
    }

    /// Whether this log is what a statement says, up to its index.
    pub(in crate::raft) fn holds(&self, statement: &Statement) -> bool {
        let point = self.node.store().point(statement.index);
        point.is_some_and(|point| point.chain == statement.hash)
    }

    /// This voter's word on what it acknowledges, if it may give it and it is news.
    pub(in crate::raft) fn attest(&mut self, acknowledged: &Message) -> Option<Attestation> {
        self.enter_term();
        let set = self.vouch.set.clone()?;
        let acknowledged_to = Index(acknowledged.index);
        let index = self
            .epoch_end()
            .map_or(acknowledged_to, |end| end.min(acknowledged_to));
        if acknowledged.term != self.node.raft.term || index <= self.vouch.certified {
            return None;
        }
        let point = self.node.store().point(index)?;
        if !self.may_sign(&set, Phase::Held, point) {
            return None;
        }
        let statement = self.statement(&set, Phase::Held, point);
        let said = self.vouch.said.filter(|said| said.statement == statement);
        let attestation = said.unwrap_or_else(|| statement.attest(&self.vouch.seat.key));
        self.vouch.said = Some(attestation);
        Some(attestation)
    }

    /// The log is certified up to this certificate, and so committed.
    pub(in crate::raft) fn certify(&mut self, certificate: Certificate) {
        let index = certificate.statement.index;
        let change = self.node.store().next_change(self.vouch.certified);
        self.vouch.unwritten.insert(index);
        self.vouch.keep(certificate);
        self.vouch.tally.forget(Phase::Held, index);
        self.vouch.tally.forget(Phase::Locked, index);
        if self.leads() {
            self.pass_acks();
            return;
        }
        self.node.raft.raft_log.commit_to(index.0);
        if change.is_some_and(|change| change <= index) && self.role() == RaftRole::Candidate {
            // It asks for votes under a configuration that is over, perhaps without it.
            let term = self.node.raft.term;
            self.node.raft.become_follower(term, raft::INVALID_ID);
        }
    }

    /// Tells Raft of the acknowledgements that were held back, as far as they are certified now.
    fn pass_acks(&mut self) {
        let certified = self.vouch.certified.0;
        let mut acks = std::mem::take(&mut self.vouch.acks);
        acks.retain(|_, ack| ack.term == self.node.raft.term);
        for ack in acks.values() {
            let mut message = ack.clone();
            message.index = message.index.min(certified);
            if self.node.step(message).is_err() {
                tracing::debug!(from = ack.from, "the acknowledgement of no member");
            }
        }
        acks.retain(|_, ack| certified < ack.index);
        self.vouch.acks = acks;
    }
}
