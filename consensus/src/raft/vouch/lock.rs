//! The lock: the highest certificate of holdings that this voter keeps (clauses D and E). It is on stable storage before it is
//! attested.

use hms_protocol::certificate::{Certificate, Phase};
use hms_protocol::codec;
use hms_protocol::frame::Frame;
use hms_protocol::id::Index;

use super::{Lock, Written};
use crate::effect::LogWrite;
use crate::raft::driver::{Driver, Pending};

impl Driver {
    /// Locks on a certificate of holdings of this log, if it is higher than the lock (clause D).
    pub(in crate::raft) fn lock_on(&mut self, certificate: Certificate) {
        let rank = certificate.statement.mark().rank();
        let held = self.vouch.lock.as_ref();
        let held = held.map(|lock| lock.certificate.statement.mark().rank());
        if held < Some(rank) {
            self.vouch.lock = Some(Lock {
                certificate,
                written: Written::Not,
            });
        } else if held == Some(rank) {
            self.say_lock();
        }
    }

    /// Orders the write of a new lock.
    pub(in crate::raft) fn write_lock(&mut self) {
        let Some(lock) = self.take_lock(Index(self.node.raft.raft_log.last_index())) else {
            return;
        };
        self.order(LogWrite {
            lock: Some(lock),
            sync: true,
            ..LogWrite::default()
        });
    }

    /// Orders that what was cut from the log goes from the disk, too, if no other write has said so.
    pub(in crate::raft) fn write_cut(&mut self) {
        let Some(cut) = self.cut.take() else {
            return;
        };
        self.order(LogWrite {
            truncate_from: Some(cut),
            sync: true,
            ..LogWrite::default()
        });
    }

    /// What the next write is to say of the lock, if it is news and on an entry up to this one.
    pub(in crate::raft) fn take_lock(&mut self, up_to: Index) -> Option<Vec<u8>> {
        let lock = self.vouch.lock.as_mut()?;
        if lock.written != Written::Not || up_to < lock.certificate.statement.index {
            return None;
        }
        lock.written = Written::Ordered(self.writes + 1);
        Some(codec::encode(&lock.certificate))
    }

    /// Orders a write of which Raft knows nothing.
    fn order(&mut self, write: LogWrite) {
        self.writes += 1;
        self.progress.writes.push(LogWrite {
            number: self.writes,
            ..write
        });
        self.pending.push_back(Pending {
            number: self.writes,
            covers: self.pending.back().map_or(0, |before| before.covers),
            term: 0,
            extends: false,
            install: None,
            messages: Vec::new(),
        });
    }

    /// Moves the lock to a certificate of a higher term that conflicts with it (clause G). Nothing is said of it before the
    /// entries are on disk, in the same write.
    pub(in crate::raft) fn lock_anew(&mut self, certificate: Certificate) {
        self.vouch.lock = Some(Lock {
            certificate,
            written: Written::Not,
        });
    }

    /// A write is durable: if it is the lock's, the voter says so.
    pub(in crate::raft) fn lock_written(&mut self, number: u64) {
        if let Some(lock) = &mut self.vouch.lock
            && let Written::Ordered(ordered) = lock.written
            && ordered <= number
        {
            lock.written = Written::Durable;
            self.say_lock();
        }
    }

    /// Attests the lock to the leader, while this voter is in its term (clause E).
    fn say_lock(&mut self) {
        let (Some(set), Some(lock)) = (self.vouch.set.clone(), &self.vouch.lock) else {
            return;
        };
        let locked = lock.certificate.statement;
        let Some(point) = self.node.store().point(locked.index) else {
            return;
        };
        let leader = self.leader().filter(|leader| *leader != self.me);
        if !self.may_sign(&set, Phase::Locked, point) {
            return;
        }
        let Some(leader) = leader else {
            return self.gather();
        };
        let statement = self.statement(&set, Phase::Locked, point);
        let frame = Frame {
            certified: self.vouch.certified,
            attestations: vec![statement.attest(&self.vouch.seat.key)],
            ..Frame::default()
        };
        self.released.push((leader, codec::encode(&frame)));
    }

    /// The lock that is not final yet: who missed it gets it with a heartbeat, and one of an earlier term, which the
    /// followers may have to be released for, with every append.
    pub(in crate::raft) fn open_lock(&self, of_earlier_term: bool) -> Option<Certificate> {
        let lock = self.vouch.lock.as_ref()?;
        let statement = lock.certificate.statement;
        let earlier = statement.term.0 < self.node.raft.term;
        let open = self.vouch.certified < statement.index && (earlier || !of_earlier_term);
        open.then(|| lock.certificate.clone())
    }
}
