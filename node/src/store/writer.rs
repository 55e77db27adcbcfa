//! The thread that writes: whatever is queued becomes one batch and one fsync (group commit).
//!
//! It ends when its queue is closed, when it is told to, or at the first failure: after a failed
//! sync nobody knows what the disk holds, so nothing is tried again.

use std::sync::Arc;
use std::thread::JoinHandle;

use hms_consensus::effect::LogWrite;
use hms_protocol::id::Index;
use tokio::sync::mpsc;

use super::checkpoint::{self, Piecewise};
use super::database::{Batch, Database};
use super::error::StoreError;
use super::layout;
use super::raft_log;
use super::reports::Report;
use super::seen::SeenWindow;
use super::upkeep::Compactions;
use super::witness;
use crate::limits::STORE_GROUP_MAX;

/// Something to write.
#[derive(Debug)]
pub(super) enum Order {
    /// A log write.
    Log(LogWrite),
    /// A checkpoint of this node's own.
    Checkpoint { index: Index, bytes: Arc<[u8]> },
    /// A replay window's record.
    Seen {
        window: SeenWindow,
        number: u64,
        record: Vec<u8>,
    },
    /// Nothing more: finish what was queued before.
    Stop,
}

pub(super) struct Writer {
    database: Arc<Database>,
    report: Report,
    compactions: Compactions,
    newest_checkpoint: Option<Index>,
    // A checkpoint of which pieces are still to be written.
    unfinished: Option<Piecewise>,
    // The newest batch, and the newest that is on stable storage.
    serial: u64,
    synced: u64,
}

/// What earlier lives of the node have written.
pub(super) struct Past {
    serial: u64,
    newest_checkpoint: Option<Index>,
}

impl Past {
    /// Reads it, and refuses a database that has lost a part of it.
    pub(super) fn read(database: &Database) -> Result<Self, StoreError> {
        Ok(Self {
            serial: witness::check(database)?,
            newest_checkpoint: checkpoint::index(database)?,
        })
    }
}

impl Writer {
    pub(super) fn new(
        database: Arc<Database>,
        past: Past,
        report: Report,
        compactions: Compactions,
    ) -> Self {
        Self {
            database,
            report,
            compactions,
            newest_checkpoint: past.newest_checkpoint,
            unfinished: None,
            serial: past.serial,
            synced: past.serial,
        }
    }

    pub(super) fn start(
        mut self,
        mut queue: mpsc::Receiver<Order>,
    ) -> Result<JoinHandle<()>, StoreError> {
        let thread = std::thread::Builder::new().name("hms-store".to_owned());
        let started = thread.spawn(move || {
            if let Err(failure) = self.run(&mut queue) {
                tracing::error!(code = failure.code(), %failure, "the disk has failed");
                self.report
                    .send_modify(|durable| durable.failure = Some(failure));
            }
        });
        started.map_err(|source| StoreError::Thread {
            source: Arc::new(source),
        })
    }

    fn run(&mut self, queue: &mut mpsc::Receiver<Order>) -> Result<(), StoreError> {
        let mut group = Vec::new();
        let mut open = true;
        while open {
            open = self.take(queue, &mut group);
            open &= !group.iter().any(|order| matches!(order, Order::Stop));
            self.commit(std::mem::take(&mut group))?;
            self.write_piece()?;
        }
        while self.unfinished.is_some() {
            self.write_piece()?;
        }
        witness::note(self.database.directory(), self.synced)
    }

    /// Takes what is queued; waits if there is nothing else to do. `false` when the queue is
    /// closed.
    fn take(&self, queue: &mut mpsc::Receiver<Order>, group: &mut Vec<Order>) -> bool {
        if self.unfinished.is_none() {
            let Some(order) = queue.blocking_recv() else {
                return false;
            };
            group.push(order);
        }
        while group.len() < STORE_GROUP_MAX {
            match queue.try_recv() {
                Ok(order) => group.push(order),
                Err(mpsc::error::TryRecvError::Empty) => break,
                Err(mpsc::error::TryRecvError::Disconnected) => return false,
            }
        }
        true
    }

    /// Writes a group as one batch, then tells that it is written.
    fn commit(&mut self, group: Vec<Order>) -> Result<(), StoreError> {
        let database = Arc::clone(&self.database);
        let mut batch = database.batch();
        let (mut sync, mut written, mut compact_to) = (false, None, None);
        let mut seen = [None; SeenWindow::COUNT];
        let mut empty = true;
        for order in group {
            match order {
                Order::Log(write) => {
                    empty = false;
                    if let Some((index, bytes)) = &write.install {
                        self.install(*index, bytes, &mut batch)?;
                    }
                    raft_log::add(&write, &mut batch);
                    sync |= write.sync;
                    written = Some(write.number);
                    compact_to = write.compact_to.or(compact_to);
                }
                Order::Seen {
                    window,
                    number,
                    record,
                } => {
                    empty = false;
                    batch.put(layout::SEEN, window.key(), record);
                    sync = true;
                    seen[window.place()] = Some(number);
                }
                Order::Checkpoint { index, bytes } => self.begin_checkpoint(index, bytes)?,
                Order::Stop => {}
            }
        }
        if empty {
            return Ok(());
        }
        self.write(batch, sync)?;
        self.report.send_modify(|durable| {
            durable.written = written.unwrap_or(durable.written);
            durable.syncs += u64::from(sync);
            for (known, newest) in durable.seen.iter_mut().zip(seen) {
                *known = newest.unwrap_or(*known);
            }
        });
        if let Some(to) = compact_to {
            self.compactions.order(to, self.synced);
        }
        Ok(())
    }

    /// Writes a batch under the next serial.
    fn write(&mut self, mut batch: Batch<'_>, sync: bool) -> Result<(), StoreError> {
        self.serial += 1;
        batch.put(layout::META, layout::SERIAL, self.serial.to_le_bytes());
        self.database.write(batch, sync)?;
        if sync {
            self.synced = self.serial;
        }
        Ok(())
    }

    /// Writes a leader's checkpoint at once: nothing goes on without it.
    fn install(
        &mut self,
        index: Index,
        bytes: &Arc<[u8]>,
        batch: &mut Batch<'_>,
    ) -> Result<(), StoreError> {
        // Whatever this node was writing of its own is older.
        if let Some(older) = self.unfinished.take() {
            self.report_checkpoint(older.index(), older.bytes(), 0);
        }
        let mut pieces = Piecewise::begin(&self.database, index, Arc::clone(bytes))?;
        while pieces.write_next(&self.database)? {}
        pieces.finish(batch);
        self.newest_checkpoint = Some(index);
        Ok(())
    }

    fn begin_checkpoint(&mut self, index: Index, bytes: Arc<[u8]>) -> Result<(), StoreError> {
        let writing = self.unfinished.as_ref().map(Piecewise::index);
        if Some(index) <= self.newest_checkpoint.max(writing) {
            self.report_checkpoint(index, bytes, 0);
            return Ok(());
        }
        if let Some(older) = self.unfinished.take() {
            self.report_checkpoint(older.index(), older.bytes(), 0);
        }
        self.unfinished = Some(Piecewise::begin(&self.database, index, bytes)?);
        Ok(())
    }

    /// Writes one piece of the checkpoint that is under way; with the last piece it counts.
    fn write_piece(&mut self) -> Result<(), StoreError> {
        let Some(mut pieces) = self.unfinished.take() else {
            return Ok(());
        };
        if pieces.write_next(&self.database)? {
            self.unfinished = Some(pieces);
            return Ok(());
        }
        let database = Arc::clone(&self.database);
        let mut batch = database.batch();
        pieces.finish(&mut batch);
        self.write(batch, true)?;
        self.newest_checkpoint = Some(pieces.index());
        self.report_checkpoint(pieces.index(), pieces.bytes(), 1);
        Ok(())
    }

    fn report_checkpoint(&self, index: Index, bytes: Arc<[u8]>, syncs: u64) {
        self.report.send_modify(|durable| {
            durable.checkpoints += 1;
            durable.checkpoint = Some((index, bytes));
            durable.syncs += syncs;
        });
    }
}
