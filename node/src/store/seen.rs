//! What a replay window has let in, kept across lives of the node.

use std::sync::Arc;

use hms_protocol::codec;
use hms_protocol::replay::{ReplayRecord, Save};

use super::disk::Disk;
use super::error::StoreError;
use super::layout;
use super::reports::Durable;
use super::writer::Order;

/// Which replay window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeenWindow {
    /// That of direct messages.
    Direct,
    /// That of gossip.
    Gossip,
}

impl SeenWindow {
    pub(super) const COUNT: usize = 2;

    pub(super) const fn place(self) -> usize {
        match self {
            Self::Direct => 0,
            Self::Gossip => 1,
        }
    }

    pub(super) const fn key(self) -> &'static [u8] {
        match self {
            Self::Direct => b"direct",
            Self::Gossip => b"gossip",
        }
    }
}

/// The record of one replay window.
#[derive(Clone, Debug)]
pub struct Seen {
    window: SeenWindow,
    disk: Arc<Disk>,
}

impl Seen {
    pub(super) fn new(window: SeenWindow, disk: Arc<Disk>) -> Self {
        Self { window, disk }
    }

    /// What the life before has left, if there was one.
    ///
    /// # Errors
    ///
    /// The record cannot be read as it was written.
    pub fn read(&self) -> Result<Option<ReplayRecord>, StoreError> {
        let database = &self.disk.database;
        let Some(bytes) = database.get(layout::SEEN, self.window.key())? else {
            return Ok(None);
        };
        let record = codec::decode(&bytes).map_err(|error| {
            let what = format!("the replay record of {:?} messages", self.window);
            StoreError::codec(database.directory(), what, &error)
        })?;
        Ok(Some(record))
    }

    /// Queues a save; it shares its fsync with whatever else is queued. Waits while the queue is
    /// full.
    ///
    /// # Errors
    ///
    /// The store is closed or has failed.
    pub async fn save(&self, save: Save) -> Result<(), StoreError> {
        let order = Order::Seen {
            window: self.window,
            number: save.number,
            record: codec::encode(&save.record),
        };
        self.disk.order(order).await
    }

    /// Waits until the save of this number, or a later one, is durable.
    ///
    /// # Errors
    ///
    /// The store is closed or has failed.
    pub async fn saved(&self, number: u64) -> Result<u64, StoreError> {
        let place = self.window.place();
        let done = |durable: &Durable| durable.failure.is_some() || number <= durable.seen[place];
        let mut durable = self.disk.durable.clone();
        let durable = durable.wait_for(done).await;
        let durable = durable.map_err(|_| self.disk.stopped())?;
        match &durable.failure {
            Some(failure) => Err(failure.clone()),
            None => Ok(durable.seen[place]),
        }
    }
}
