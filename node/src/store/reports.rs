//! What the disk has finished, told without ever making the disk wait.
//!
//! Only the newest news of each kind is kept: a write that is durable makes every one before it
//! durable. So there is no queue that could fill, and a node that is busy thinking cannot hold up
//! its own disk.

use std::sync::Arc;

use hms_protocol::id::Index;
use tokio::sync::watch;

use super::error::StoreError;
use super::seen::SeenWindow;

/// News from the disk.
#[derive(Clone, Debug)]
pub enum Stored {
    /// A log write, and every one before it, is on stable storage.
    Written {
        /// The number of the write.
        number: u64,
    },
    /// A checkpoint is on stable storage, or it was not needed any more because a newer one is.
    Checkpointed {
        /// The index that it covers.
        index: Index,
        /// Its bytes.
        bytes: Arc<[u8]>,
    },
    /// Durability failed. Nothing follows: the node must stop.
    Failed(StoreError),
}

/// What is on stable storage.
#[derive(Clone, Debug, Default)]
pub(super) struct Durable {
    pub(super) written: u64,
    // How many checkpoints were finished, and the newest.
    pub(super) checkpoints: u64,
    pub(super) checkpoint: Option<(Index, Arc<[u8]>)>,
    pub(super) seen: [u64; SeenWindow::COUNT],
    pub(super) syncs: u64,
    pub(super) failure: Option<StoreError>,
}

pub(super) type Report = watch::Sender<Durable>;

pub(super) fn channel() -> (Report, watch::Receiver<Durable>) {
    watch::channel(Durable::default())
}

/// Where the drive loop hears from the disk.
#[derive(Debug)]
pub struct Reports {
    durable: watch::Receiver<Durable>,
    written: u64,
    checkpoints: u64,
}

impl Reports {
    pub(super) fn new(durable: watch::Receiver<Durable>) -> Self {
        Self {
            durable,
            written: 0,
            checkpoints: 0,
        }
    }

    /// Waits for news. `None` when the store is closed. Nothing is lost when the wait is given up.
    pub async fn recv(&mut self) -> Option<Stored> {
        loop {
            if let Some(news) = self.take() {
                return Some(news);
            }
            self.durable.changed().await.ok()?;
        }
    }

    /// How many times the disk was synced: less often than there were writes when they were merged.
    pub fn syncs(&self) -> u64 {
        self.durable.borrow().syncs
    }

    fn take(&mut self) -> Option<Stored> {
        let durable = self.durable.borrow_and_update();
        if let Some(failure) = &durable.failure {
            return Some(Stored::Failed(failure.clone()));
        }
        if self.written < durable.written {
            self.written = durable.written;
            return Some(Stored::Written {
                number: durable.written,
            });
        }
        let (index, bytes) = durable.checkpoint.as_ref()?;
        if self.checkpoints == durable.checkpoints {
            return None;
        }
        self.checkpoints = durable.checkpoints;
        Some(Stored::Checkpointed {
            index: *index,
            bytes: Arc::clone(bytes),
        })
    }
}
