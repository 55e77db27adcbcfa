//! The only room that knows RocksDB: what a node must not forget.
//!
//! A log write that was reported as written survives `kill -9` and a power cut. Whatever is queued
//! when the disk becomes free is written as one batch with one fsync. What is read at start is what
//! was written, or the node does not start and says which file or entry is damaged. Entries that Raft
//! has left behind are kept for people to read, within a bound of age and size.
//!
//! It never looks into a hard state or a checkpoint, and into a row only for people, and it repairs
//! nothing: damage is for the operator, who brings the node up anew from its peers.

mod checkpoint;
mod database;
mod disk;
mod error;
mod history;
mod layout;
mod raft_log;
mod reports;
mod retention;
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
use hms_consensus::salvage::Revival;
use hms_consensus::state::checkpoint::Checkpoint;
use hms_protocol::id::{MeshId, NodeId};

pub use error::StoreError;
pub use history::{Growth, History};
pub use reports::{Reports, Stored};
pub use retention::Retention;
pub use seen::{Seen, SeenWindow};
pub use shelf::Shelf;

use checkpoint::Piecewise;
use database::Batch;
use disk::Disk;
use writer::Order;

/// Folder of the store inside a node's data directory.
pub const LEDGER_FOLDER: &str = "ledger";

/// A node's disk. When this and every [`Seen`] and [`Shelf`] of it are dropped, it is closed: the
/// last drop waits until what is queued is written.
#[derive(Clone, Debug)]
pub struct Store {
    disk: Arc<Disk>,
}

impl Store {
    /// Opens the store in a directory of its own, which is made if it is not there, and starts its
    /// threads. What Raft does not need any more is kept as long as `retention` says.
    ///
    /// # Errors
    ///
    /// The directory cannot be made or written, is in use by another process, was written by a
    /// newer version, or is damaged.
    pub fn open(directory: &Path, retention: Retention) -> Result<(Self, Reports), StoreError> {
        let disk = Arc::new(Disk::open(directory, retention)?);
        let reports = Reports::new(disk.durable.clone());
        Ok((Self { disk }, reports))
    }

    /// Makes the store this node's and this mesh's, or finds that it is somebody else's.
    ///
    /// # Errors
    ///
    /// The store belongs to another node or mesh, or it cannot be read or written.
    pub fn claim(&self, node: NodeId, mesh: MeshId) -> Result<(), StoreError> {
        self.disk.database.claim(node, mesh)
    }

    /// Reads the ledger back. Called once, before anything is written.
    ///
    /// # Errors
    ///
    /// Something cannot be read as it was written.
    pub fn recover(&self) -> Result<Recovered, StoreError> {
        let start = raft_log::start(&self.disk.database)?;
        Ok(Recovered {
            checkpoint: checkpoint::read(&self.disk.database)?,
            hard_state: raft_log::read_hard_state(&self.disk.database)?,
            rows: raft_log::read_rows(&self.disk.database, start)?,
            certificates: raft_log::read_certificates(&self.disk.database, start)?,
            lock: raft_log::read_lock(&self.disk.database)?,
        })
    }

    /// Writes the checkpoint that a founder starts from. Durable when this returns. A founding that
    /// was interrupted is begun anew: nobody has heard of it.
    ///
    /// # Errors
    ///
    /// There is a ledger already, or it cannot be written.
    pub fn found(&self, genesis: &Checkpoint) -> Result<(), StoreError> {
        if raft_log::has_history(&self.disk.database)? {
            return Err(self.ledger_exists());
        }
        self.begin(genesis, |_| ())
    }

    /// Makes sure that there is no ledger yet.
    ///
    /// # Errors
    ///
    /// There is one, or that cannot be told.
    pub fn check_empty(&self) -> Result<(), StoreError> {
        if self.has_ledger()? {
            return Err(self.ledger_exists());
        }
        Ok(())
    }

    /// Whether there is anything of a ledger: a voter that was not brought up yet, or has lost its own, has none.
    ///
    /// # Errors
    ///
    /// It cannot be told.
    pub fn has_ledger(&self) -> Result<bool, StoreError> {
        let database = &self.disk.database;
        Ok(checkpoint::index(database)?.is_some() || raft_log::has_history(database)?)
    }

    /// Writes a ledger that goes on after its voters were lost, as a whole. What is here already stays, as history. Durable
    /// when this returns.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn revive(&self, revival: &Revival) -> Result<(), StoreError> {
        let index = revival.checkpoint.index;
        self.begin(&revival.checkpoint, |batch| {
            let write = LogWrite {
                rows: vec![(index, revival.row.clone())],
                certificates: vec![(index, revival.certificate.clone())],
                hard_state: Some(revival.hard_state.clone()),
                compact_to: Some(index),
                ..LogWrite::default()
            };
            raft_log::add(&write, batch);
        })
    }

    /// Writes a checkpoint that a life begins with, and what belongs to it.
    fn begin(
        &self,
        checkpoint: &Checkpoint,
        add: impl FnOnce(&mut Batch<'_>),
    ) -> Result<(), StoreError> {
        let (database, bytes) = (&self.disk.database, checkpoint.encode());
        let mut pieces = Piecewise::begin(database, checkpoint.index, Arc::from(bytes))?;
        while pieces.write_next(database)? {}
        let mut batch = database.batch();
        pieces.finish(&mut batch);
        add(&mut batch);
        database.write(batch, true)
    }

    fn ledger_exists(&self) -> StoreError {
        let directory = self.disk.database.directory().to_owned();
        StoreError::LedgerExists { directory }
    }

    /// Queues a log write. Waits while the queue is full; [`Reports`] tells when it is durable.
    ///
    /// # Errors
    ///
    /// The disk has failed before; the reason was reported.
    pub async fn write(&self, write: LogWrite) -> Result<(), StoreError> {
        self.disk.order(Order::Log(write)).await
    }

    /// Orders a checkpoint to be encoded and written, beside the log writes. [`Reports`] tells when
    /// that is done.
    ///
    /// # Errors
    ///
    /// The disk has failed before; the reason was reported.
    pub async fn checkpoint(&self, checkpoint: Box<Checkpoint>) -> Result<(), StoreError> {
        self.disk.encode(checkpoint).await
    }

    /// The record of what a replay window has let in.
    pub fn seen(&self, window: SeenWindow) -> Seen {
        Seen::new(window, Arc::clone(&self.disk))
    }

    /// The ledger, for people to read.
    pub fn history(&self) -> History {
        History::new(Arc::clone(&self.disk))
    }

    /// What the agent room keeps, by agent.
    pub fn agents(&self) -> Shelf {
        Shelf::new(Arc::clone(&self.disk))
    }

    /// Writes what is queued; returns when that is done. Nothing is written any more after it,
    /// whoever still has a part of the store.
    pub async fn close(self) {
        self.disk.stop().await;
    }
}
