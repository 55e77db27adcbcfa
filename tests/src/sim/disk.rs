//! A disk that keeps what was synced, and forgets at a crash what was not.
//!
//! A write is durable as a whole or not at all, and never without the writes before it: that is what a write-ahead log
//! gives. How many of the unsynced writes survive a crash is chance.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use hms_consensus::effect::{LogWrite, Recovered};
use hms_protocol::id::{Incarnation, Index};
use hms_protocol::member::Role;

use hms_testnet::attack::Dice;

use crate::sim::directory::Members;

/// What a node keeps.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    checkpoint: Option<(Index, Arc<[u8]>)>,
    hard_state: Option<Vec<u8>>,
    rows: BTreeMap<Index, Vec<u8>>,
    certificates: BTreeMap<Index, Vec<u8>>,
    lock: Option<Vec<u8>>,
    /// Every row and certificate that was ever kept, and not replaced by another.
    rows_ever: BTreeMap<Index, Vec<u8>>,
    certificates_ever: BTreeMap<Index, Vec<u8>>,
    unsynced: VecDeque<LogWrite>,
    /// The node's newest life.
    pub incarnation: Incarnation,
    /// What it was admitted as.
    pub role: Option<Role>,
    /// Whether it is full: nothing can be written any more.
    pub full: bool,
    /// What has changed by itself, if anything.
    pub rotten: Option<Part>,
    /// The members that it knew last.
    pub members: Arc<Members>,
}

/// A part of what a disk holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Any row of the log.
    Row,
    /// The checkpoint.
    Checkpoint,
    /// What Raft has promised.
    HardState,
    /// The last third of the rows of the log: it is cut off.
    Tail,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 4] = [Self::Row, Self::Checkpoint, Self::HardState, Self::Tail];

    /// Whether a disk on which it is damaged must be refused. A log that was cut off where nothing of it was committed yet
    /// is only shorter.
    pub const fn must_be_seen(self) -> bool {
        match self {
            Self::Row | Self::Checkpoint | Self::HardState => true,
            Self::Tail => false,
        }
    }
}

impl Disk {
    /// The disk of a founder.
    pub fn founded(checkpoint: Vec<u8>, index: Index) -> Self {
        Self {
            checkpoint: Some((index, checkpoint.into())),
            ..Self::default()
        }
    }

    /// Takes a write that is not durable yet.
    pub fn write(&mut self, write: LogWrite) {
        self.unsynced.push_back(write);
    }

    /// Makes the writes up to this number durable.
    pub fn sync(&mut self, number: u64) {
        while let Some(write) = self.unsynced.pop_front_if(|write| write.number <= number) {
            self.keep(write);
        }
    }

    fn keep(&mut self, write: LogWrite) {
        if let Some((index, bytes)) = write.install {
            self.rows.clear();
            // What was never certified here may be another history than the checkpoint's.
            let certified = self.certificates_ever.last_key_value();
            let certified = certified.map_or(Index(0), |(index, _)| *index);
            self.rows_ever.split_off(&certified.next());
            self.certificates.clear();
            self.checkpoint = Some((index, bytes));
        }
        if let Some(from) = write.truncate_from {
            self.rows.split_off(&from);
            self.rows_ever.split_off(&from);
        }
        self.rows_ever.extend(write.rows.iter().cloned());
        self.certificates_ever
            .extend(write.certificates.iter().cloned());
        self.rows.extend(write.rows);
        self.certificates.extend(write.certificates);
        self.lock = write.lock.or(self.lock.take());
        if write.hard_state.is_some() {
            self.hard_state = write.hard_state;
        }
        if let Some(to) = write.compact_to {
            self.rows = self.rows.split_off(&to.next());
            self.certificates = self.certificates.split_off(&to.next());
        }
    }

    /// Keeps a checkpoint, unless a newer one came meanwhile.
    pub fn checkpoint(&mut self, index: Index, bytes: Arc<[u8]>) {
        if self
            .checkpoint
            .as_ref()
            .is_none_or(|(kept, _)| *kept < index)
        {
            self.checkpoint = Some((index, bytes));
        }
    }

    /// The power fails: some of what was not synced is kept, the rest is gone.
    pub fn crash(&mut self, dice: &mut Dice) {
        let kept = dice.below(self.unsynced.len() + 1);
        for write in std::mem::take(&mut self.unsynced).into_iter().take(kept) {
            self.keep(write);
        }
    }

    /// What a copy of it holds: what was synced.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self {
            unsynced: VecDeque::new(),
            ..self.clone()
        }
    }

    /// One byte of a part changes, or the part is gone. Says whether there was one.
    pub fn rot(&mut self, part: Part, dice: &mut Dice) -> bool {
        let place = dice.between(0, u64::MAX);
        let flipped = match part {
            Part::Row => {
                let row = usize::try_from(place).unwrap_or(usize::MAX) % self.rows.len().max(1);
                let row = self.rows.values_mut().nth(row);
                row.is_some_and(|row| flip(row, place))
            }
            Part::Checkpoint => self.checkpoint.as_mut().is_some_and(|(_, bytes)| {
                let mut spoiled = bytes.to_vec();
                let flipped = flip(&mut spoiled, place);
                *bytes = spoiled.into();
                flipped
            }),
            Part::HardState => {
                let state = self.hard_state.as_mut();
                state.is_some_and(|state| flip(state, place))
            }
            Part::Tail => self.cut(),
        };
        if flipped {
            self.rotten = Some(part);
        }
        flipped
    }

    /// The end of the log is gone, with what certifies it: a third of the rows, and one at least. Says whether there was one.
    fn cut(&mut self) -> bool {
        let lost = self.rows.len().div_ceil(3);
        let first = self.rows.keys().rev().nth(lost.saturating_sub(1)).copied();
        if let Some(first) = first {
            let kept = [&mut self.rows, &mut self.rows_ever];
            let certified = [&mut self.certificates, &mut self.certificates_ever];
            for entries in kept.into_iter().chain(certified) {
                entries.split_off(&first);
            }
        }
        first.is_some()
    }

    /// What a node finds when it starts.
    pub fn recovered(&self) -> Recovered {
        Recovered {
            checkpoint: self.checkpoint.as_ref().map(|(_, bytes)| bytes.to_vec()),
            hard_state: self.hard_state.clone(),
            rows: self.rows.clone().into_iter().collect(),
            certificates: self.certificates.clone().into_iter().collect(),
            lock: self.lock.clone(),
        }
    }

    /// The rows from one index to another, those under a checkpoint too.
    pub fn rows_ever(&self, from: Index, to: Index) -> impl Iterator<Item = (Index, &[u8])> {
        let rows = self.rows_ever.range(from..=to);
        rows.map(|(index, row)| (*index, row.as_slice()))
    }

    /// Every certificate, those under a checkpoint too.
    pub fn certificates_ever(&self) -> impl Iterator<Item = (Index, &[u8])> {
        let certificates = self.certificates_ever.iter();
        certificates.map(|(index, bytes)| (*index, bytes.as_slice()))
    }

    /// How many log rows are kept.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }
}

/// Changes one bit of a byte at some place; `false` when there is none.
fn flip(bytes: &mut [u8], place: u64) -> bool {
    let at = usize::try_from(place / 8).unwrap_or(0) % bytes.len().max(1);
    let byte = bytes.get_mut(at);
    byte.map(|byte| *byte ^= 1 << (place % 8)).is_some()
}
