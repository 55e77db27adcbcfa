//! Small things kept by agent id, opaque to the store: an agent's key and certificate, and its memory.

use std::sync::Arc;

use hms_protocol::id::AgentId;

use super::disk::Disk;
use super::error::StoreError;
use super::layout;

/// Where the agent room keeps what must survive a restart. Every call is durable when it returns,
/// and blocks for one fsync at most.
#[derive(Clone, Debug)]
pub struct Shelf {
    disk: Arc<Disk>,
}

impl Shelf {
    pub(super) fn new(disk: Arc<Disk>) -> Self {
        Self { disk }
    }

    /// Keeps something for each of these agents, in place of what was kept: one fsync for all.
    ///
    /// # Errors
    ///
    /// The disk cannot be written.
    pub fn put(&self, things: &[(AgentId, Vec<u8>)]) -> Result<(), StoreError> {
        let mut batch = self.disk.database.batch();
        for (agent, thing) in things {
            batch.put(layout::AGENTS, agent.as_bytes(), thing);
        }
        self.disk.database.write(batch, true)
    }

    /// Forgets what is kept for an agent, its memory included: both or neither.
    ///
    /// # Errors
    ///
    /// The disk cannot be written.
    pub fn remove(&self, agent: AgentId) -> Result<(), StoreError> {
        let mut batch = self.disk.database.batch();
        batch.delete(layout::AGENTS, agent.as_bytes());
        batch.delete(layout::MEMORY, agent.as_bytes());
        self.disk.database.write(batch, true)
    }

    /// Everything that is kept, in order of agent ids.
    ///
    /// # Errors
    ///
    /// Something cannot be read as it was written.
    pub fn list(&self) -> Result<Vec<(AgentId, Vec<u8>)>, StoreError> {
        let mut things = Vec::new();
        self.disk.database.scan(layout::AGENTS, &[], |key, thing| {
            let agent = AgentId::from_slice(key).ok_or_else(|| {
                let what = "an agent's record".to_owned();
                StoreError::entry(self.disk.database.directory(), what, "wrong length of key")
            })?;
            things.push((agent, thing.to_vec()));
            Ok(())
        })?;
        Ok(things)
    }

    /// Keeps an agent's memory, in place of what was kept.
    ///
    /// # Errors
    ///
    /// The disk cannot be written.
    pub fn write_memory(&self, agent: AgentId, bytes: &[u8]) -> Result<(), StoreError> {
        let mut batch = self.disk.database.batch();
        batch.put(layout::MEMORY, agent.as_bytes(), bytes);
        self.disk.database.write(batch, true)
    }

    /// An agent's memory; empty if nothing was ever kept in it.
    ///
    /// # Errors
    ///
    /// It cannot be read as it was written.
    pub fn read_memory(&self, agent: AgentId) -> Result<Vec<u8>, StoreError> {
        let kept = self.disk.database.get(layout::MEMORY, agent.as_bytes())?;
        Ok(kept.unwrap_or_default())
    }

    /// Whether something is kept for an agent, which is so as long as it lives here.
    ///
    /// # Errors
    ///
    /// It cannot be read as it was written.
    pub fn has(&self, agent: AgentId) -> Result<bool, StoreError> {
        let kept = self.disk.database.get(layout::AGENTS, agent.as_bytes())?;
        Ok(kept.is_some())
    }
}
