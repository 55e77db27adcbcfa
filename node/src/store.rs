//! The only room that knows RocksDB: what a node must not forget.
//!
//! A log write that was reported as written survives `kill -9` and a power cut. Whatever is queued
//! when the disk becomes free is written as one batch with one fsync. What is read at start is what
//! was written, or the node does not start and says which file or entry is damaged. The disk that a
//! log of constant length needs is bounded.
//!
//! It never looks into a row, a hard state or a checkpoint, and it repairs nothing: damage is for
//! the operator, who brings the node up anew from its peers.

mod checkpoint;
mod database;
mod error;
mod layout;
mod raft_log;
mod reports;
mod seen;
mod shelf;
mod upkeep;
mod witness;
mod writer;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use hms_consensus::effect::{LogWrite, Recovered};
use hms_consensus::state::checkpoint::Checkpoint;
use hms_protocol::id::{MeshId, NodeId};
use tokio::sync::mpsc;

pub use error::StoreError;
pub use reports::{Reports, Stored};
pub use seen::{Seen, SeenWindow};
pub use shelf::Shelf;

use crate::limits::STORE_QUEUE_CAPACITY;
use checkpoint::Piecewise;
use database::Database;
use upkeep::Upkeep;
use writer::{Order, Past, Writer};

/// A node's disk. Dropping it writes what is queued; [`Store::close`] also waits for that.
#[derive(Debug)]
pub struct Store {
    database: Arc<Database>,
    orders: mpsc::Sender<Order>,
    upkeep: Upkeep,
    writer: std::thread::JoinHandle<()>,
    saved: tokio::sync::watch::Receiver<reports::Durable>,
}

impl Store {
    /// Opens the store in a directory of its own, which is made if it is not there, and starts its
    /// threads.
    ///
    /// # Errors
    ///
    /// The directory cannot be made or written, is in use by another process, was written by a
    /// newer version, or is damaged.
    pub fn open(directory: &Path) -> Result<(Self, Reports), StoreError> {
        let database = Arc::new(Database::open(directory)?);
        let past = Past::read(&database)?;
        let (orders, queue) = mpsc::channel(STORE_QUEUE_CAPACITY);
        let (report, durable) = reports::channel();
        let upkeep = Upkeep::start(Arc::clone(&database), orders.downgrade())?;
        let writer = Writer::new(Arc::clone(&database), past, report, upkeep.compactions());
        let writer = writer.start(queue)?;
        let store = Self {
            database,
            orders,
            upkeep,
            writer,
            saved: durable.clone(),
        };
        Ok((store, Reports::new(durable)))
    }

    /// Makes the store this node's and this mesh's, or finds that it is somebody else's.
    ///
    /// # Errors
    ///
    /// The store belongs to another node or mesh, or it cannot be read or written.
    pub fn claim(&self, node: NodeId, mesh: MeshId) -> Result<(), StoreError> {
        self.database.claim(node, mesh)
    }

    /// Reads the ledger back. Called once, before anything is written.
    ///
    /// # Errors
    ///
    /// Something cannot be read as it was written.
    pub fn recover(&self) -> Result<Recovered, StoreError> {
        let start = raft_log::start(&self.database)?;
        Ok(Recovered {
            checkpoint: checkpoint::read(&self.database)?,
            hard_state: raft_log::read_hard_state(&self.database)?,
            rows: raft_log::read_rows(&self.database, start)?,
        })
    }

    /// Writes the checkpoint that a founder starts from. Durable when this returns. A founding that
    /// was interrupted is begun anew: nobody has heard of it.
    ///
    /// # Errors
    ///
    /// There is a ledger already, or it cannot be written.
    pub fn found(&self, genesis: &Checkpoint) -> Result<(), StoreError> {
        if raft_log::has_history(&self.database)? {
            let directory = self.database.directory().to_owned();
            return Err(StoreError::LedgerExists { directory });
        }
        let bytes = genesis.encode();
        let mut pieces = Piecewise::begin(&self.database, genesis.index, Arc::from(bytes))?;
        while pieces.write_next(&self.database)? {}
        let mut batch = self.database.batch();
        pieces.finish(&mut batch);
        self.database.write(batch, true)
    }

    /// Queues a log write. Waits while the queue is full; [`Reports`] tells when it is durable.
    ///
    /// # Errors
    ///
    /// The disk has failed before; the reason was reported.
    pub async fn write(&self, write: LogWrite) -> Result<(), StoreError> {
        let sent = self.orders.send(Order::Log(write)).await;
        sent.map_err(|_| StoreError::Stopped)
    }

    /// Orders a checkpoint to be encoded and written, beside the log writes. [`Reports`] tells when
    /// that is done.
    ///
    /// # Errors
    ///
    /// The disk has failed before; the reason was reported.
    pub async fn checkpoint(&self, checkpoint: Box<Checkpoint>) -> Result<(), StoreError> {
        self.upkeep.encode(checkpoint).await
    }

    /// The record of what a replay window has let in.
    pub fn seen(&self, window: SeenWindow) -> Seen {
        Seen::new(
            window,
            Arc::clone(&self.database),
            self.orders.downgrade(),
            self.saved.clone(),
        )
    }

    /// Small things of the agent room, by agent.
    pub fn agents(&self) -> Shelf {
        Shelf::new(Arc::clone(&self.database))
    }

    /// Writes what is queued and closes the database; returns when that is done.
    pub async fn close(self) {
        let Self {
            orders,
            upkeep,
            writer,
            ..
        } = self;
        // A writer that has failed does not take the order, and has nothing left to write.
        let _ = orders.send(Order::Stop).await;
        drop(orders);
        let joined = tokio::task::spawn_blocking(move || writer.join().is_ok() && upkeep.stop());
        if !joined.await.unwrap_or(false) {
            tracing::error!("a thread of the store has panicked");
        }
    }
}
