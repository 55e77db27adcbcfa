//! The lock: the highest certificate of holdings that this voter keeps (clauses D and E). It is on stable storage before it is
//! attested.

use hms_protocol::certificate::{Certificate, Phase};
use hms_protocol::codec;
use hms_protocol::frame::Frame;

use super::{Lock, Written};
use crate::effect::LogWrite;
use crate::raft::driver::{Driver, Pending};
use crate::raft::progress::Progress;

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
    pub(in crate::raft) fn write_lock(&mut self, progress: &mut Progress) {
        let Some(lock) = &mut self.vouch.lock else {
            return;
        };
        if lock.written != Written::Not {
            return;
        }
        self.writes += 1;
        lock.written = Written::Ordered(self.writes);
        progress.writes.push(LogWrite {
            number: self.writes,
            lock: Some(codec::encode(&lock.certificate)),
            sync: true,
            ..LogWrite::default()
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

    /// The lock that is not final yet: who missed it gets it with a heartbeat.
    pub(in crate::raft) fn open_lock(&self) -> Option<Certificate> {
        let lock = self.vouch.lock.as_ref()?;
        let statement = lock.certificate.statement;
        let open = self.vouch.certified < statement.index && statement.term.0 == self.vouch.term;
        open.then(|| lock.certificate.clone())
    }
}
