//! The leader's half of a transfer: which piece goes next.
//!
//! It begins, and begins again after silence, with a single chunk: only when the receiver has said where it stands are there
//! several under way. Whatever the receiver says, at most a window of bytes follows from it, and a window is sent twice no
//! more often than once per tick.

use std::ops::Range;

use crate::raft::limits;

/// A piece of the snapshot: where it begins and ends, in bytes.
pub(in crate::raft) type Span = Range<u64>;

/// What is known of one receiver.
#[derive(Debug)]
pub(in crate::raft) struct Sender {
    total: u64,
    // Invariant: not zero.
    chunk: u64,
    // How far the receiver says that it has come. Invariant: at most `sent`.
    arrived: u64,
    // What comes next. Invariant: from `arrived` up to a window beyond it.
    next: u64,
    // How far anything was ever sent: nobody can have more.
    sent: u64,
    // The furthest that the receiver has come.
    furthest: u64,
    // Whether a single chunk asks the receiver where it stands.
    asks: bool,
    // Whether a window was sent again since the last tick.
    repeated: bool,
    // Whether nothing is to be sent.
    halted: bool,
    // Ticks since anything was heard or sent again, and since the receiver has come further.
    silent: u64,
    stuck: u64,
}

impl Sender {
    /// A transfer of so many bytes, in chunks of so many. Nothing is on its way yet.
    pub(in crate::raft) fn new(total: u64, chunk: usize) -> Self {
        Self {
            total,
            chunk: chunk.max(1) as u64,
            arrived: 0,
            next: 0,
            sent: 0,
            furthest: 0,
            asks: true,
            repeated: false,
            halted: false,
            silent: 0,
            stuck: 0,
        }
    }

    /// Begins, or begins again where the receiver was: asks it with one chunk.
    pub(in crate::raft) fn begin(&mut self) -> Span {
        (self.halted, self.stuck) = (false, 0);
        self.ask()
    }

    /// Takes note of how far the receiver has come; gives what goes next.
    pub(in crate::raft) fn hear(&mut self, arrived: u64) -> Vec<Span> {
        if self.halted || self.sent < arrived {
            return Vec::new();
        }
        if self.asks {
            (self.next, self.asks) = (arrived, false);
        } else if self.arrived < arrived {
            self.next = self.next.max(arrived);
        } else if arrived == self.arrived && arrived < self.next && !self.repeated {
            // A chunk came and was not the one that is due: that one is lost, or late.
            (self.next, self.repeated) = (arrived, true);
        } else {
            return Vec::new();
        }
        if self.furthest < arrived {
            (self.furthest, self.stuck) = (arrived, 0);
        }
        (self.arrived, self.silent) = (arrived, 0);
        self.fill()
    }

    /// Sends nothing more until it is begun again.
    pub(in crate::raft) fn halt(&mut self) {
        self.halted = true;
    }

    /// Lets a tick pass; gives what is sent again.
    pub(in crate::raft) fn tick(&mut self) -> Option<Span> {
        self.stuck += 1;
        self.silent += 1;
        self.repeated = false;
        let due = !self.halted && limits::CHUNK_REPEAT_TICKS <= self.silent;
        due.then(|| self.ask())
    }

    /// Ticks since the receiver has come further.
    pub(in crate::raft) const fn stuck(&self) -> u64 {
        self.stuck
    }

    /// One chunk, the one that is due; the last one if everything has arrived, because what becomes of it is not known.
    fn ask(&mut self) -> Span {
        (self.asks, self.silent) = (true, 0);
        self.next = self.arrived.min(self.total.saturating_sub(1));
        if self.arrived == self.total {
            self.next -= self.next % self.chunk;
        }
        self.cut(self.total)
    }

    /// Everything that may be on its way and is not.
    fn fill(&mut self) -> Vec<Span> {
        let window = self.chunk.saturating_mul(limits::CHUNKS_IN_FLIGHT_MAX);
        let end = self.arrived.saturating_add(window).min(self.total);
        let mut spans = Vec::new();
        while self.next < end {
            spans.push(self.cut(end));
        }
        spans
    }

    fn cut(&mut self, end: u64) -> Span {
        let from = self.next;
        self.next = from.saturating_add(self.chunk).min(end);
        self.sent = self.sent.max(self.next);
        from..self.next
    }
}
