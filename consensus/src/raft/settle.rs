//! What follows from everything that has happened to Raft: writes, messages, committed entries.
//!
//! A leader's messages leave at once, in parallel with its own write (Raft thesis section 10.2.1),
//! but for the term in which it leads, which must be durable first: a lone voter would otherwise
//! lead the same term twice. Everybody else's messages wait for the writes before them.

use std::sync::Arc;

use hms_protocol::chain::EntryKind;
use hms_protocol::codec;
use hms_protocol::digest::Hash;
use hms_protocol::id::{Index, NodeId, Term};
use raft::Ready;
use raft::eraftpb::{Entry, Message, MessageType, Snapshot};

use super::bundle::bundle;
use super::driver::{Driver, Pending};
use super::limits;
use super::log::{kind, size};
use super::members::{MembershipChange, conf_change, read_conf_change};
use super::progress::{Committed, Progress};
use super::row::Vow;
use crate::effect::LogWrite;

impl Driver {
    /// What has come of it all. To be called after every burst of inputs, until it gives nothing.
    pub fn settle(&mut self) -> Progress {
        self.progress.reads_lost = self.reads.advance(&mut self.node);
        self.tell_certified();
        let mut bytes = 0;
        while self.node.has_ready() && bytes < limits::COMMITTED_BYTES_PER_SETTLE {
            bytes += self.step();
            if std::mem::take(&mut self.leaves) {
                self.leave_term();
            }
            self.draw_timeout();
        }
        let others = self.others_needed();
        self.progress.reads.extend(self.reads.release(others));
        self.hand_out();
        self.write_lock();
        self.write_cut();
        self.write_lazily();
        let mut progress = std::mem::take(&mut self.progress);
        progress.evidence = self.vouch.take_evidence();
        progress.sends = std::mem::take(&mut self.released);
        progress.checkpoint_wanted = self.node.store().take_wanted();
        progress
    }

    /// Takes over what Raft has accepted and not given out, so that it is in the log.
    pub(super) fn absorb(&mut self) {
        let holds = |driver: &Self| {
            let unstable = &driver.node.raft.raft_log.unstable;
            !unstable.entries.is_empty() || unstable.snapshot.is_some()
        };
        while holds(self) {
            self.step();
        }
    }

    /// Takes one `Ready` of Raft apart. Returns how many bytes of committed entries it held.
    fn step(&mut self) -> u64 {
        let mut ready = self.node.ready();
        let number = ready.number();
        let mut messages = ready.take_messages();
        messages.append(&mut ready.take_persisted_messages());
        for state in ready.take_read_states() {
            self.reads.confirm(&state);
        }
        let write = ready.must_sync().then(|| self.write(&mut ready));
        let committed = ready.take_committed_entries();
        let bytes = committed.iter().map(size).sum();
        self.held_back.extend(committed);
        self.node.advance_append_async(ready);
        self.dispatch(write, number, messages);
        self.review();
        self.hand_out();
        bytes
    }

    /// Turns what must be durable into a write.
    fn write(&mut self, ready: &mut Ready) -> LogWrite {
        let mut write = LogWrite {
            sync: true,
            certificates: self.vouch.take_unwritten(),
            ..LogWrite::default()
        };
        if !ready.snapshot().is_empty() {
            let (index, bytes) = self.install(ready.snapshot());
            write.install = Some((index, Arc::clone(&bytes)));
            // The checkpoint covers whatever was to be applied before it.
            self.progress.committed.clear();
            self.held_back.clear();
            self.progress.install = Some((index, bytes));
        }
        let appended = self.node.mut_store().append(ready.take_entries());
        let cut = self.cut.take();
        write.truncate_from = cut.into_iter().chain(appended.truncate_from).min();
        write.rows = appended.rows;
        write.lock = self.take_lock(Index(self.node.raft.raft_log.last_index()));
        let behind = self.written_commit < self.committed().0;
        if ready.hs().is_some() || behind {
            write.hard_state = Some(self.vow());
        }
        write
    }

    fn install(&mut self, snapshot: &Snapshot) -> (Index, Arc<[u8]>) {
        let index = snapshot.get_metadata().index;
        let kept = self.arrived.take();
        let kept = kept.expect("raft accepts no snapshot but the one that arrived");
        assert_eq!(kept.anchor.point.index.0, index, "another snapshot arrived");
        let bytes = Arc::clone(&kept.bytes);
        let newest = self.node.store().last();
        // What was attested in this term may be gone with the log, and nobody can say.
        self.leaves |= self.vouch.certified() < newest.index
            && newest.term.0 == self.node.raft.term
            && self.vouch.voters().is_some_and(|set| set.needs_locks());
        self.members = kept.anchor.members.clone();
        self.history.clear();
        self.history.insert(Index(index), self.members.clone());
        self.compact_to = None;
        self.node.mut_store().install(kept);
        let kept = self.node.store().checkpoint().expect("it was installed");
        self.vouch.install(&kept.anchor);
        self.enter_epoch();
        (Index(index), bytes)
    }

    /// The hard state as it is now, in bytes; it counts as written.
    fn vow(&mut self) -> Vec<u8> {
        let state = self.node.raft.hard_state();
        let commit = self.committed().0;
        self.written_commit = commit;
        let vow = Vow {
            term: state.term,
            vote: state.vote,
            commit,
        };
        vow.encode()
    }

    /// Sends what may leave, and lets the rest wait for the writes before it.
    fn dispatch(&mut self, write: Option<LogWrite>, number: u64, messages: Vec<Message>) {
        if let Some(mut write) = write {
            self.writes += 1;
            write.number = self.writes;
            self.pending.push_back(Pending {
                number: self.writes,
                covers: number,
                term: self.node.raft.term,
                extends: !write.rows.is_empty() || write.install.is_some(),
                install: write.install.as_ref().map(|(index, _)| *index),
                messages: Vec::new(),
            });
            self.progress.writes.push(write);
        }
        let at_once = self.leads() && self.durable_term == self.node.raft.term;
        let Some(last) = self.pending.back_mut() else {
            self.node.on_persist_ready(number);
            return self.release_all(messages);
        };
        last.covers = number;
        if at_once {
            self.release_all(messages);
        } else {
            let room = limits::MESSAGES_HELD_MAX.saturating_sub(last.messages.len());
            last.messages.extend(messages.into_iter().take(room));
        }
    }

    fn release_all(&mut self, messages: Vec<Message>) {
        for message in bundle(messages) {
            self.release(message);
        }
    }

    /// Lets a message leave.
    pub(super) fn release(&mut self, message: Message) {
        if message.msg_type == i32::from(MessageType::MsgSnapshot) {
            return self.deliver(message);
        }
        let Some(node) = self.name(message.to) else {
            return;
        };
        if let Some(words) = self.words(&message) {
            self.released.push((node, codec::encode(&words)));
        }
    }

    /// Hands out committed entries that are certified; changes of members come into force. A lone voter's Raft commits by
    /// itself, and so may the last of several.
    fn hand_out(&mut self) {
        while let Some(entry) = self
            .held_back
            .pop_front_if(|entry| entry.index <= self.vouch.certified().0)
        {
            let last = entry.index;
            let point = self.node.store().point(Index(entry.index));
            let chain = point.expect("a committed entry is in the log").chain;
            let committed = self.accept(entry, chain);
            self.progress.committed.push(committed);
            self.node.advance_apply_to(last);
        }
    }

    fn accept(&mut self, entry: Entry, chain: Hash) -> Committed {
        let (term, index) = (Term(entry.term), Index(entry.index));
        let empty = Committed::Empty { term, index, chain };
        match kind(&entry, &entry.data) {
            // No leader proposes a recovery.
            EntryKind::Empty | EntryKind::Recovery => empty,
            EntryKind::Batch => Committed::Batch {
                term,
                index,
                chain,
                data: entry.data,
            },
            EntryKind::Membership => match read_conf_change(&entry.data) {
                Some((node, change)) if self.change(index, node, change) => Committed::Membership {
                    term,
                    index,
                    chain,
                    node,
                    change,
                },
                Some(_) | None => empty,
            },
        }
    }

    /// Brings a change of members into force; `false` when it makes no sense any more. The same on
    /// every replica.
    fn change(&mut self, index: Index, node: NodeId, change: MembershipChange) -> bool {
        let possible = self.members.objection(node, change).is_none();
        if !possible
            || self
                .node
                .apply_conf_change(&conf_change(node, change))
                .is_err()
        {
            return false;
        }
        let epoch = self.members.epoch();
        self.members.apply(index, node, change);
        if epoch != self.members.epoch() {
            self.hand_over(index, epoch);
        }
        self.history.insert(index, self.members.clone());
        if self.leads() && !self.members.votes(self.node.raft.id) {
            // Raft goes on leading without being a member, and trips over itself.
            let term = self.node.raft.term;
            self.node.raft.become_follower(term, raft::INVALID_ID);
        }
        self.enter_epoch();
        true
    }

    /// Writes what nobody waits for: that a margin of the log can go, and now and then the commit
    /// index.
    fn write_lazily(&mut self) {
        if self.node.has_ready() {
            return;
        }
        let heartbeat = self.settings.heartbeat_ticks as u64;
        let behind = self.written_commit < self.committed().0;
        let behind = behind || self.vouch.has_unwritten();
        let flush =
            behind && heartbeat <= self.ticks - self.flushed && self.progress.writes.is_empty();
        let compact_to = self.compact_to.take();
        if !flush && compact_to.is_none() {
            return;
        }
        self.flushed = self.ticks;
        self.writes += 1;
        let write = LogWrite {
            number: self.writes,
            hard_state: behind.then(|| self.vow()),
            certificates: self.vouch.take_unwritten(),
            compact_to,
            ..LogWrite::default()
        };
        self.progress.writes.push(write);
    }
}
