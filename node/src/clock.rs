//! The only room that reads a clock.
//!
//! A node's time is the wall clock at its start, carried on by the monotonic clock: it never goes back while the node
//! runs, whatever happens to the wall clock.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use hms_protocol::time::Moment;

/// A node's time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
    started_at: Moment,
}

impl Clock {
    /// Reads the wall clock once, and the monotonic clock from here on.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the room that reads time"
    )]
    pub fn start() -> Self {
        // A wall clock before 1970 counts as 1970: peers will refuse such a node for its skew, with a reason.
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let started_at = Moment(u64::try_from(wall.as_millis()).unwrap_or(u64::MAX));
        Self {
            started: Instant::now(),
            started_at,
        }
    }

    /// What time it is.
    pub fn now(&self) -> Moment {
        let span = self.started.elapsed().as_millis();
        self.started_at
            .plus_ms(u64::try_from(span).unwrap_or(u64::MAX))
    }

    /// How long the node has been running, in milliseconds.
    pub fn uptime_ms(&self) -> u64 {
        self.now().since_ms(self.started_at)
    }
}

/// The monotonic clock, for measuring how long something takes.
pub fn stopwatch() -> Instant {
    Instant::now()
}

/// The runtime's clock, for deadlines; a test may stop it.
pub fn instant() -> tokio::time::Instant {
    tokio::time::Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_goes_back() {
        let clock = Clock::start();
        let mut last = clock.now();
        for _ in 0..1_000 {
            let now = clock.now();
            assert!(last <= now);
            last = now;
        }
    }
}
