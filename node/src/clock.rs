//! The only room that reads a clock.
//!
//! A node's time is the wall clock at its start, carried on by a clock that never goes back while the node runs, whatever
//! happens to the wall clock, and that goes on while the machine is suspended: a node that wakes must see that its leases
//! have ended.

#[cfg(target_os = "linux")]
use std::sync::OnceLock;
#[cfg(target_os = "linux")]
use std::sync::atomic::{AtomicU64, Ordering};
#[cfg(target_os = "linux")]
use std::time::Duration;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use hms_protocol::time::Moment;
#[cfg(target_os = "linux")]
use rustix::time::{ClockId, clock_gettime};

/// A node's time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
    suspended_ms: u64,
    started_at: Moment,
}

impl Clock {
    /// Reads the wall clock once, and clocks that never go back from here on.
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
            suspended_ms: suspended_ms(),
            started_at,
        }
    }

    /// What time it is.
    pub fn now(&self) -> Moment {
        let awake = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.started_at
            .plus_ms(awake)
            .plus_ms(suspended_ms().saturating_sub(self.suspended_ms))
    }

    /// How long the node has been running, in milliseconds.
    pub fn uptime_ms(&self) -> u64 {
        self.now().since_ms(self.started_at)
    }
}

/// For how long the machine has been suspended since the first look at this, in milliseconds; never less than before.
///
/// `Instant` leaves that out on Linux. What two clocks of the kernel differ by says it, and nothing else: where the
/// process is shown another time, as a test may do, this stays zero.
#[cfg(target_os = "linux")]
fn suspended_ms() -> u64 {
    static AT_FIRST: OnceLock<Duration> = OnceLock::new();
    static MOST_MS: AtomicU64 = AtomicU64::new(0);

    let read = |clock| Duration::try_from(clock_gettime(clock)).unwrap_or_default();
    // The thread may be stopped between two looks: at first that makes the difference too large, later too small.
    let before = read(ClockId::Monotonic);
    let with_sleep = read(ClockId::Boottime);
    let after = read(ClockId::Monotonic);
    let at_first = AT_FIRST.get_or_init(|| with_sleep.saturating_sub(before));
    let suspended = with_sleep.saturating_sub(after).saturating_sub(*at_first);
    let suspended_ms = u64::try_from(suspended.as_millis()).unwrap_or(u64::MAX);
    MOST_MS
        .fetch_max(suspended_ms, Ordering::Relaxed)
        .max(suspended_ms)
}

#[cfg(not(target_os = "linux"))]
fn suspended_ms() -> u64 {
    0
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

    /// A machine that runs a test is not suspended meanwhile: nothing may be made up.
    #[test]
    fn a_machine_that_is_awake_was_not_suspended() {
        for _ in 0..1_000 {
            assert_eq!(suspended_ms(), 0);
            std::thread::yield_now();
        }
    }

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
