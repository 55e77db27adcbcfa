//! What this node has let in, so that no message is let in twice, also after a crash.
//!
//! The window itself is pure (`hms_protocol::replay`); here it gets a lock, a clock and a place on disk. Its record is
//! saved ahead of need, so that a message has to wait for the disk only when a sender appears for the first time.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hms_protocol::envelope::{EnvelopeRefusal, Opened};
use hms_protocol::limits::REPLAY_AHEAD_MS;
use hms_protocol::replay::{Clearance, ReplayWindow};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::store::{Store, StoreError};

/// What was let in.
pub struct Memory {
    /// Held for the time of one look-up, never across an await.
    window: Mutex<ReplayWindow>,
    store: Store,
    clock: Clock,
    /// One save at a time, so that they become durable in order of their numbers.
    saving: tokio::sync::Mutex<()>,
    /// The newest save that is durable.
    durable: watch::Sender<u64>,
}

/// The disk failed, so nothing more can be let in.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// The message is refused.
    #[error(transparent)]
    Refused(#[from] EnvelopeRefusal),
    /// The window cannot be saved.
    #[error("the replay window cannot be saved")]
    Store(#[from] StoreError),
}

impl Memory {
    /// Takes up where the node's earlier life left off.
    pub fn restore(store: Store, clock: Clock) -> Result<Self, StoreError> {
        let window = Mutex::new(ReplayWindow::restore(store.seen()?));
        let saving = tokio::sync::Mutex::new(());
        Ok(Self { window, store, clock, saving, durable: watch::Sender::new(0) })
    }

    /// Lets a message in, at most once. When this returns `Ok`, the message may be acted on.
    pub async fn admit(&self, opened: &Opened) -> Result<(), MemoryError> {
        let clearance = self.lock().admit(opened.header(), self.clock.now())?;
        match clearance {
            Clearance::Now => {}
            Clearance::After(number) => {
                // The sender lives as long as `self`.
                let _ = self.durable.subscribe().wait_for(|durable| number <= *durable).await;
            }
            Clearance::OnceSaved => self.save().await?,
        }
        Ok(())
    }

    /// Saves ahead of need until told to stop, then once more with exact ceilings.
    pub async fn keep(&self, stop: CancellationToken) -> Result<(), StoreError> {
        let mut ticker = interval(Duration::from_millis(REPLAY_AHEAD_MS / 3));
        ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = ticker.tick() => self.save().await?,
            }
        }
        let _turn = self.saving.lock().await;
        let save = self.lock().close();
        self.store.remember(save.record).await
    }

    async fn save(&self) -> Result<(), StoreError> {
        let _turn = self.saving.lock().await;
        let save = self.lock().save(self.clock.now());
        self.store.remember(save.record).await?;
        self.lock().saved(save.number);
        self.durable.send_replace(save.number);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, ReplayWindow> {
        // Every method of the window leaves it whole.
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
