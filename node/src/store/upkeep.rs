//! What takes long and must not hold up the log: encoding checkpoints, forgetting the oldest part
//! of the ledger, and giving space back to the disk.
//!
//! A thread of its own, so that neither the loop nor the writer has to wait for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use hms_consensus::state::checkpoint::Checkpoint;
use hms_protocol::id::Index;
use tokio::sync::mpsc;

use super::database::Database;
use super::error::StoreError;
use super::layout;
use super::retention::{self, Retention};
use super::witness;
use super::writer::Order;
use crate::clock::Clock;
use crate::limits::STORE_UPKEEP_CAPACITY;

#[derive(Debug)]
enum Chore {
    Encode(Box<Checkpoint>),
    Compact {
        to: Index,
        /// The newest batch that is on stable storage.
        serial: u64,
    },
}

/// The thread for chores.
#[derive(Debug)]
pub(super) struct Upkeep {
    chores: mpsc::Sender<Chore>,
    compacting: Arc<AtomicBool>,
}

/// Where the writer orders compactions.
#[derive(Debug)]
pub(super) struct Compactions {
    chores: mpsc::Sender<Chore>,
    // Set while a compaction waits, so that compactions never fill the queue.
    waiting: Arc<AtomicBool>,
}

impl Upkeep {
    pub(super) fn start(
        database: Arc<Database>,
        orders: mpsc::WeakSender<Order>,
        retention: Retention,
    ) -> Result<(Self, JoinHandle<()>), StoreError> {
        let (chores, queue) = mpsc::channel(STORE_UPKEEP_CAPACITY);
        let compacting = Arc::new(AtomicBool::new(false));
        let worker = Worker {
            database,
            orders,
            compacting: Arc::clone(&compacting),
            retention,
            clock: Clock::start(),
        };
        let thread = std::thread::Builder::new().name("hms-upkeep".to_owned());
        let started = thread.spawn(move || worker.run(queue));
        let thread = started.map_err(|source| StoreError::Thread {
            source: Arc::new(source),
        })?;
        Ok((Self { chores, compacting }, thread))
    }

    pub(super) fn compactions(&self) -> Compactions {
        Compactions {
            chores: self.chores.clone(),
            waiting: Arc::clone(&self.compacting),
        }
    }

    /// Orders a checkpoint to be encoded and handed to the writer. Waits while too many are
    /// waiting.
    pub(super) async fn encode(&self, checkpoint: Box<Checkpoint>) -> Result<(), StoreError> {
        let sent = self.chores.send(Chore::Encode(checkpoint)).await;
        sent.map_err(|_| StoreError::Stopped)
    }
}

impl Compactions {
    /// Orders everything up to an index to be compacted away. Left out while one waits: a later one
    /// covers it.
    pub(super) fn order(&self, to: Index, serial: u64) {
        if !self.waiting.swap(true, Ordering::AcqRel) {
            // A thread that is gone compacts nothing any more, and nothing depends on it.
            let _ = self.chores.try_send(Chore::Compact { to, serial });
        }
    }
}

struct Worker {
    database: Arc<Database>,
    orders: mpsc::WeakSender<Order>,
    compacting: Arc<AtomicBool>,
    retention: Retention,
    clock: Clock,
}

impl Worker {
    fn run(&self, mut queue: mpsc::Receiver<Chore>) {
        while let Some(chore) = queue.blocking_recv() {
            match chore {
                Chore::Encode(checkpoint) => self.encode(*checkpoint),
                Chore::Compact { to, serial } => {
                    self.compacting.store(false, Ordering::Release);
                    self.leave(to);
                    self.note(serial);
                }
            }
        }
    }

    fn encode(&self, checkpoint: Checkpoint) {
        let index = checkpoint.index;
        let bytes = Arc::from(checkpoint.encode());
        // A writer that has stopped takes no checkpoint, and the node stops with it.
        if let Some(orders) = self.orders.upgrade() {
            let _ = orders.blocking_send(Order::Checkpoint { index, bytes });
        }
    }

    fn note(&self, serial: u64) {
        if let Err(error) = witness::note(self.database.directory(), serial) {
            // The writer meets the same disk, and stops the node if it has failed.
            tracing::warn!(code = error.code(), %error, "the newest batch could not be noted");
        }
    }

    /// Raft has left the entries up to an index behind.
    fn leave(&self, to: Index) {
        let left = retention::leave(&self.database, self.retention, to, self.clock.now());
        match left {
            Ok(Some(oldest)) => tracing::info!(%oldest, "older entries are forgotten"),
            Ok(None) => {}
            // The writer meets the same disk, and stops the node if it has failed.
            Err(error) => tracing::warn!(code = error.code(), %error, "nothing was forgotten"),
        }
        let pieces = layout::piece_key(u64::MAX, u32::MAX);
        self.database.compact(layout::CHECKPOINT, &pieces);
    }
}
