//! What takes long and nobody waits for: encoding checkpoints, and giving space back to the disk.
//!
//! A thread of its own, so that neither the loop nor the log has to wait for it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use hms_consensus::state::checkpoint::Checkpoint;
use hms_protocol::id::Index;
use tokio::sync::mpsc::WeakSender;

use super::database::Database;
use super::error::StoreError;
use super::layout;
use super::writer::Order;
use crate::limits::STORE_UPKEEP_CAPACITY;

#[derive(Debug)]
enum Chore {
    Encode(Box<Checkpoint>),
    Compact(Index),
}

/// The thread for chores.
#[derive(Debug)]
pub(super) struct Upkeep {
    chores: SyncSender<Chore>,
    thread: JoinHandle<()>,
}

/// Where the writer orders compactions. One that finds a full queue is left out: a later one covers
/// it.
#[derive(Debug)]
pub(super) struct Compactions(SyncSender<Chore>);

impl Upkeep {
    pub(super) fn start(
        database: Arc<Database>,
        orders: WeakSender<Order>,
    ) -> Result<Self, StoreError> {
        let (chores, queue) = sync_channel(STORE_UPKEEP_CAPACITY);
        let thread = std::thread::Builder::new().name("hms-upkeep".to_owned());
        let started = thread.spawn(move || work(&database, &orders, &queue));
        let thread = started.map_err(|source| StoreError::Thread {
            source: Arc::new(source),
        })?;
        Ok(Self { chores, thread })
    }

    pub(super) fn compactions(&self) -> Compactions {
        Compactions(self.chores.clone())
    }

    /// Orders a checkpoint to be encoded and handed to the writer.
    pub(super) fn encode(&self, checkpoint: Box<Checkpoint>) -> Result<(), StoreError> {
        match self.chores.try_send(Chore::Encode(checkpoint)) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => {
                tracing::warn!(
                    "the checkpoint before is still being written: this one is left out"
                );
                Ok(())
            }
            Err(TrySendError::Disconnected(_)) => Err(StoreError::Stopped),
        }
    }

    /// Waits for the thread to end, which it does when the writer has. `false` if it panicked.
    pub(super) fn stop(self) -> bool {
        drop(self.chores);
        self.thread.join().is_ok()
    }
}

impl Compactions {
    pub(super) fn order(&self, to: Index) {
        // Left out when the thread is busy or gone: the next compaction covers it.
        let _ = self.0.try_send(Chore::Compact(to));
    }
}

fn work(database: &Database, orders: &WeakSender<Order>, queue: &Receiver<Chore>) {
    while let Ok(chore) = queue.recv() {
        match chore {
            Chore::Encode(checkpoint) => {
                let index = checkpoint.index;
                let bytes = Arc::from(checkpoint.encode());
                let Some(orders) = orders.upgrade() else {
                    return;
                };
                if orders
                    .blocking_send(Order::Checkpoint { index, bytes })
                    .is_err()
                {
                    return;
                }
            }
            Chore::Compact(to) => {
                database.compact(layout::LOG, &layout::row_key(to.next()));
                database.compact(layout::CHECKPOINT, &layout::piece_key(u64::MAX, u32::MAX));
            }
        }
    }
}
