//! What an agent remembers from run to run: a few bytes of its own, kept by its node.
//!
//! What was written is on stable storage when the write returns, survives the node and ends with the agent. Only the
//! agent's own skills read and write it; what the bytes mean is theirs. It is not replicated: an agent whose node is lost
//! for good has lost its memory too. A run that was given up may have written, as it may have had any other effect.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use hms_protocol::id::AgentId;
use tokio::task::spawn_blocking;

use crate::limits::AGENT_MEMORY_BYTES_MAX;
use crate::store::{Shelf, StoreError};

/// Why a memory cannot be had or changed.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// More was to be kept than one agent may keep. What was kept before is kept still.
    #[error("{bytes} bytes are too many to remember: at most {AGENT_MEMORY_BYTES_MAX} are allowed")]
    Full {
        /// How many there were to be.
        bytes: usize,
    },
    /// The agent was stopped for good.
    #[error("the agent is gone, and its memory with it")]
    Gone,
    /// The change itself broke, or the node is stopping.
    #[error("the change of the memory broke off")]
    Broken,
    /// It cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl MemoryError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Full { .. } => "HMS-AGENT-MEMORY-FULL",
            Self::Gone => "HMS-AGENT-GONE",
            Self::Broken => "HMS-AGENT-MEMORY-BROKEN",
            Self::Store(error) => error.code(),
        }
    }
}

/// The memory of one agent. Cloning shares it; nothing here blocks the runtime.
#[derive(Clone)]
pub struct Memory {
    agent: AgentId,
    // Weak: a run that is being dropped must not keep the disk of a node that has stopped.
    shelf: Weak<Shelf>,
    // Held from reading to writing, so that runs of one agent do not undo each other's changes.
    turn: Arc<tokio::sync::Mutex<()>>,
    // Whether it may still be written; held while it is, so that nothing is left behind when the agent goes.
    open: Arc<Mutex<bool>>,
}

impl Memory {
    pub(super) fn new(agent: AgentId, shelf: &Arc<Shelf>) -> Self {
        Self {
            agent,
            shelf: Arc::downgrade(shelf),
            turn: Arc::default(),
            open: Arc::new(Mutex::new(true)),
        }
    }

    /// What is remembered; empty if nothing ever was.
    ///
    /// # Errors
    ///
    /// It cannot be read, or the node is stopping.
    pub async fn read(&self) -> Result<Vec<u8>, MemoryError> {
        let memory = self.clone();
        let reading = spawn_blocking(move || Ok(memory.shelf()?.read_memory(memory.agent)?));
        reading.await.map_err(|_| MemoryError::Broken)?
    }

    /// Remembers this in place of all that was. Durable when it returns.
    ///
    /// # Errors
    ///
    /// It is too much, the agent is gone, or the disk cannot be written.
    pub async fn write(&self, bytes: Vec<u8>) -> Result<(), MemoryError> {
        self.update(move |kept| *kept = bytes).await
    }

    /// Changes what is remembered; no other run of the agent writes meanwhile. Durable when it returns, whole or not at
    /// all; a change that changes nothing writes nothing.
    ///
    /// # Errors
    ///
    /// It became too much, the agent is gone, the disk cannot be read or written, or `change` has panicked.
    pub async fn update<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Vec<u8>) -> T + Send + 'static,
    ) -> Result<T, MemoryError> {
        let memory = self.clone();
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let changing = spawn_blocking(move || {
            // Goes with the work: whoever waits for it may be dropped meanwhile.
            let _turn = turn;
            let before = memory.shelf()?.read_memory(memory.agent)?;
            let mut after = before.clone();
            let said = change(&mut after);
            if after != before {
                memory.replace(&after)?;
            }
            Ok(said)
        });
        changing.await.map_err(|_| MemoryError::Broken)?
    }

    /// Ends the memory with its agent: nothing is written any more when this returns. Waits for one write at most.
    pub(super) fn close(&self) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = false;
    }

    fn replace(&self, bytes: &[u8]) -> Result<(), MemoryError> {
        if AGENT_MEMORY_BYTES_MAX < bytes.len() {
            return Err(MemoryError::Full { bytes: bytes.len() });
        }
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if !*open {
            return Err(MemoryError::Gone);
        }
        Ok(self.shelf()?.write_memory(self.agent, bytes)?)
    }

    fn shelf(&self) -> Result<Arc<Shelf>, MemoryError> {
        self.shelf.upgrade().ok_or(MemoryError::Broken)
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Memory")
            .field("agent", &self.agent)
            .finish_non_exhaustive()
    }
}
