//! The end of the log, which may still be replaced: by whom, and how far (clauses B, F, G and H of the commit rule).
//!
//! The raft crate takes entries of one index and term for equal. Where a leader may have sent two, logs are compared by
//! chain hash before the crate sees an append: what differs goes first, if it may go. What was attested in a term is never
//! replaced in that term. Nothing needs to be remembered for it: a voter attests only what its log's newest entry shows to
//! be of the term (see [`may_sign`](Driver::may_sign)), and such a log is only added to, or the term is left.
//!
//! It does not say who leads: that is settled before.

use hms_protocol::certificate::{Certificate, Statement};
use hms_protocol::chain;
use hms_protocol::digest::Hash;
use hms_protocol::id::{Index, NodeId, Term};
use raft::eraftpb::{Entry, Message, MessageType};

use super::driver::Driver;
use super::log::{Anchor, Point, kind};
use super::refusal::RaftRefusal;

/// What is to be done with an append that is not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Raft takes it: whatever it replaces may be replaced.
    Clear,
    /// It was answered: this log has another entry before its first one.
    Answered,
}

/// Where an append leaves the log, and the entry that it has there.
struct Parting {
    index: Index,
    term: Term,
}

impl Driver {
    /// Makes way for the entries of an append, if that is allowed.
    pub(super) fn make_way(
        &mut self,
        from: NodeId,
        message: &Message,
        before: Option<Hash>,
        certificates: &[Certificate],
    ) -> Result<Way, RaftRefusal> {
        let lies_matter = self.vouch.voters().is_some_and(|set| set.needs_locks());
        if !lies_matter || message.term < self.node.raft.term {
            return Ok(Way::Clear);
        }
        self.absorb_before(message);
        let committed = self.node.raft.raft_log.committed;
        let point = self.node.store().point(Index(message.index));
        let joins = |point: &Point| committed <= message.index && point.term.0 == message.log_term;
        let Some(point) = point.filter(joins) else {
            // Raft refuses it: the entry before its first one is another, missing, or committed over.
            return Ok(Way::Clear);
        };
        if self.vouch.certified() < point.index && before != Some(point.chain) {
            self.answer_apart(message);
            return Ok(Way::Answered);
        }
        let Some(parting) = self.parting(point, &message.entries) else {
            return Ok(Way::Clear);
        };
        let index = parting.index;
        if index <= self.vouch.certified() {
            return Err(RaftRefusal::CommittedConflict {
                index,
                ours: parting.term,
                theirs: parting.term,
            });
        }
        let last = self.node.store().last();
        if last.term.0 == message.term {
            // Nobody has to follow a leader that contradicts itself.
            self.leave_term();
            let term = last.term;
            return Err(RaftRefusal::TwoChains { index, term });
        }
        let release = self.check_lock(from, message, (point, index), certificates)?;
        let rewrites = message.entries.iter().find(|it| it.index == index.0);
        let same_term = rewrites.is_some_and(|it| it.term == parting.term.0);
        if (same_term || release.is_some()) && !self.is_settled() {
            return Err(RaftRefusal::Unsettled { index });
        }
        if let Some(certificate) = release {
            self.lock_anew(certificate);
        }
        if same_term {
            self.cut(index);
        }
        Ok(Way::Clear)
    }

    /// Entries that Raft has not given out yet are in nobody's chain: they are given out before something is compared with
    /// them. An append that merely continues them needs no comparing.
    fn absorb_before(&mut self, message: &Message) {
        let raft = &self.node.raft;
        let continues = message.index == raft.raft_log.last_index() && message.term == raft.term;
        if !continues {
            self.absorb();
        }
    }

    /// The first of some entries that follow a point of this log and are not in it.
    fn parting(&self, point: Point, entries: &[Entry]) -> Option<Parting> {
        let mut before = point.chain;
        for entry in entries {
            let ours = self.node.store().point(Index(entry.index))?;
            before = link(before, entry);
            if ours.chain != before {
                let Point { index, term, .. } = ours;
                return Some(Parting { index, term });
            }
        }
        None
    }

    /// Whether entries from an index on may be replaced by an append's: all of them if they are above the lock (clause F),
    /// and others if the append brings the log of a certificate of a higher term (clause G), which is given back.
    fn check_lock(
        &mut self,
        from: NodeId,
        message: &Message,
        (point, index): (Point, Index),
        certificates: &[Certificate],
    ) -> Result<Option<Certificate>, RaftRefusal> {
        let held = self.vouch.lock_mark().filter(|lock| {
            let point = self.node.store().point(lock.index);
            point.is_some_and(|point| point.chain == lock.hash)
        });
        let Some(lock) = held.filter(|lock| index <= lock.index) else {
            return Ok(None);
        };
        let mut chain = point.chain;
        let mut brought = Vec::new();
        for entry in &message.entries {
            chain = link(chain, entry);
            brought.push((Index(entry.index), chain));
        }
        let releases = |it: &&Certificate| {
            let Statement {
                term, index, hash, ..
            } = it.statement;
            let set = || self.voters_of(it.statement.epoch);
            lock.term < term
                && brought.contains(&(index, hash))
                && set().is_some_and(|set| it.verify(&set).is_ok())
        };
        let found = {
            let mut known = certificates.iter().chain(self.vouch.early());
            known.find(releases).cloned()
        };
        if found.is_some() {
            return Ok(found);
        }
        self.answer_with_lock(from);
        let lock = lock.index;
        Err(RaftRefusal::LockConflict { index, lock })
    }

    /// Answers an append whose first entry follows one that this log does not have, as Raft does when it is missing: the
    /// leader goes back to what is certified here, which it has.
    fn answer_apart(&mut self, message: &Message) {
        let certified = self.vouch.certified();
        let term = self.node.store().point(certified).map(|point| point.term);
        let raft = &mut self.node.raft;
        if raft.term < message.term || raft.leader_id != message.from {
            raft.become_follower(message.term, message.from);
        }
        raft.election_elapsed = 0;
        let answer = Message {
            msg_type: MessageType::MsgAppendResponse.into(),
            from: raft.id,
            to: message.from,
            term: message.term,
            index: message.index,
            reject: true,
            reject_hint: certified.0,
            log_term: term.unwrap_or_default().0,
            commit: certified.0,
            ..Message::default()
        };
        raft.msgs.push(answer);
    }

    /// From where on this log is certainly not the one that a certificate is of; `None` if it may be.
    pub(super) fn conflict(&self, statement: &Statement) -> Option<Index> {
        let log = self.node.store();
        if let Some(point) = log.point(statement.index) {
            return (point.chain != statement.hash).then_some(Index(0));
        }
        // Every entry of a certified log is of the certificate's term or an earlier one.
        let longer = log.last().index < statement.index;
        longer.then(|| log.first_of_later_term(statement.term))?
    }

    /// Drops what is in the way of a certificate above the lock (clause H). A leader cannot go on: it has proposed something
    /// else. Certified entries come with the next leader's appends.
    pub(super) fn drop_suffix(&mut self, certified: &Statement, from: Index) {
        if self.vouch.lock_mark().map(|lock| lock.rank()) >= Some(certified.mark().rank()) {
            return;
        }
        let was_leading = self.leads();
        if was_leading {
            tracing::warn!(index = %certified.index, "a certificate conflicts with this leader's log");
            self.leave_term();
        }
        self.absorb();
        if !self.is_settled() {
            return;
        }
        let lock = self.vouch.lock_mark();
        let locked = lock.filter(|lock| {
            let point = self.node.store().point(lock.index);
            point.is_some_and(|point| point.chain == lock.hash)
        });
        let committed = Index(self.node.raft.raft_log.committed);
        let kept = locked.map_or(committed, |lock| lock.index.max(committed));
        let from = from.max(kept.next());
        let last = self.node.store().last();
        if from <= last.index {
            tracing::warn!(%from, to = %last.index, "entries are dropped: a certificate conflicts with them");
            if last.term.0 == self.node.raft.term {
                self.leave_term();
            }
            self.cut(from);
        }
    }

    /// Prepares the log for a checkpoint that is certified and conflicts with it.
    pub(super) fn clear_for(&mut self, anchor: &Anchor) -> Result<(), RaftRefusal> {
        self.absorb();
        let ours = self.node.store().point(anchor.point.index);
        if ours.is_none_or(|ours| ours.chain == anchor.point.chain) {
            return Ok(());
        }
        let from = Index(self.node.raft.raft_log.committed).next();
        if !self.is_settled() {
            return Err(RaftRefusal::Unsettled { index: from });
        }
        self.leaves |= self.node.store().last().term.0 == self.node.raft.term;
        self.cut(from);
        Ok(())
    }

    /// Leads no more, if it did.
    pub fn step_down(&mut self) {
        if self.leads() {
            self.leave_term();
        }
    }

    /// Goes on to the next term, without a leader: what was attested in this one is about to be replaced.
    pub(super) fn leave_term(&mut self) {
        let term = self.node.raft.term + 1;
        self.node.raft.become_follower(term, raft::INVALID_ID);
    }

    /// Removes entries from an index on, here at once and on disk with the next write.
    fn cut(&mut self, from: Index) {
        assert!(
            self.is_settled() && Index(self.node.raft.raft_log.committed) < from,
            "only what is settled and not committed is cut"
        );
        self.node.mut_store().truncate(from);
        let log = &mut self.node.raft.raft_log;
        log.unstable.offset = from.0;
        log.persisted = log.persisted.min(from.0 - 1);
        self.cut = Some(self.cut.map_or(from, |cut| cut.min(from)));
    }
}

/// The chain hash up to an entry.
pub(super) fn link(before: Hash, entry: &Entry) -> Hash {
    let (term, index) = (Term(entry.term), Index(entry.index));
    chain::link(before, term, index, kind(entry, &entry.data), &entry.data)
}
