//! The open database with its two threads: shared by everything that is given out of the store.
//!
//! No thread outlives it: a process that ends while RocksDB is still at work would crash.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use hms_consensus::state::checkpoint::Checkpoint;
use tokio::sync::{mpsc, watch};

use super::database::Database;
use super::error::StoreError;
use super::reports::{self, Durable};
use super::retention::Retention;
use super::upkeep::Upkeep;
use super::writer::{Order, Past, Writer};
use crate::limits::STORE_QUEUE_CAPACITY;

#[derive(Debug)]
pub(super) struct Disk {
    pub(super) database: Arc<Database>,
    pub(super) durable: watch::Receiver<Durable>,
    // Invariant: there until the disk is dropped.
    threads: Option<Threads>,
}

#[derive(Debug)]
struct Threads {
    orders: mpsc::Sender<Order>,
    upkeep: Upkeep,
    writing: JoinHandle<()>,
    tidying: JoinHandle<()>,
}

impl Disk {
    pub(super) fn open(directory: &Path, retention: Retention) -> Result<Self, StoreError> {
        let database = Arc::new(Database::open(directory)?);
        let past = Past::read(&database)?;
        let (orders, queue) = mpsc::channel(STORE_QUEUE_CAPACITY);
        let (report, durable) = reports::channel();
        let (upkeep, tidying) =
            Upkeep::start(Arc::clone(&database), orders.downgrade(), retention)?;
        let writer = Writer::new(Arc::clone(&database), past, report, upkeep.compactions());
        let writing = writer.start(queue)?;
        Ok(Self {
            database,
            durable,
            threads: Some(Threads {
                orders,
                upkeep,
                writing,
                tidying,
            }),
        })
    }

    /// Queues something to be written. Waits while the queue is full.
    pub(super) async fn order(&self, order: Order) -> Result<(), StoreError> {
        let sent = self.threads().orders.send(order).await;
        sent.map_err(|_| self.stopped())
    }

    /// Orders a checkpoint to be encoded and written.
    pub(super) async fn encode(&self, checkpoint: Box<Checkpoint>) -> Result<(), StoreError> {
        let sent = self.threads().upkeep.encode(checkpoint).await;
        sent.map_err(|_| self.stopped())
    }

    /// Lets the writer end, and waits until it has.
    pub(super) async fn stop(&self) {
        // A writer that has failed does not take the order, and has nothing left to write.
        let _ = self.order(Order::Stop).await;
        let mut durable = self.durable.clone();
        while durable.changed().await.is_ok() {}
    }

    /// Why nothing is taken any more: the writer tells before it goes.
    pub(super) fn stopped(&self) -> StoreError {
        let failure = self.durable.borrow().failure.clone();
        failure.unwrap_or(StoreError::Stopped)
    }

    fn threads(&self) -> &Threads {
        let threads = self.threads.as_ref();
        threads.expect("the threads are there until the disk is dropped")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let Some(threads) = self.threads.take() else {
            return;
        };
        // The writer ends when it has written what is queued, and the upkeep when the writer has.
        drop((threads.orders, threads.upkeep));
        if threads.writing.join().is_err() || threads.tidying.join().is_err() {
            tracing::error!("a thread of the store has panicked");
        }
    }
}
