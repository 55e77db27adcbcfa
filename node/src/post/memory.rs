//! What this node has let in, so that no message is let in twice, also after a crash.
//!
//! The window itself is pure (`hms_protocol::replay`); here it gets a lock, a clock and a place on disk. Its record is
//! saved ahead of need, so that a message has to wait for the disk only when a sender appears for the first time.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hms_protocol::envelope::Opened;
use hms_protocol::limits::REPLAY_AHEAD_MS;
use hms_protocol::replay::{Clearance, ReplayWindow};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::PostRefusal;
use crate::clock::Clock;
use crate::store::{Seen, StoreError};

/// What was let in.
pub struct Memory {
    /// Held for the time of one look-up, never across an await.
    window: Mutex<ReplayWindow>,
    seen: Seen,
    clock: Clock,
    /// One save at a time, so that they become durable in order of their numbers.
    saving: tokio::sync::Mutex<()>,
}

impl Memory {
    /// Takes up where the node's earlier life left off.
    pub fn restore(seen: Seen, clock: Clock) -> Result<Self, StoreError> {
        let window = Mutex::new(ReplayWindow::restore(seen.read()?.unwrap_or_default()));
        Ok(Self {
            window,
            seen,
            clock,
            saving: tokio::sync::Mutex::new(()),
        })
    }

    /// Lets a message in, at most once. When this returns `Ok`, the message may be acted on.
    pub async fn admit(&self, opened: &Opened) -> Result<(), PostRefusal> {
        let clearance = self.lock().admit(opened.header(), self.clock.now())?;
        match clearance {
            Clearance::Now => {}
            Clearance::After(number) => {
                self.seen.clone().saved(number).await?;
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
        let number = save.number;
        self.seen.save(save).await?;
        self.seen.clone().saved(number).await?;
        Ok(())
    }

    async fn save(&self) -> Result<(), StoreError> {
        let _turn = self.saving.lock().await;
        let save = self.lock().save(self.clock.now());
        let number = save.number;
        self.seen.save(save).await?;
        self.seen.clone().saved(number).await?;
        self.lock().saved(number);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, ReplayWindow> {
        // Every method of the window leaves it whole.
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
