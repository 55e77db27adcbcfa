//! The only room of the command line that reads a clock.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use hms_client::domain::time::Moment;

/// What time it is here. Ages are for people: a skewed clock only makes them wrong, nothing else.
#[expect(
    clippy::disallowed_methods,
    reason = "people read ages by their own clock"
)]
pub(crate) fn now() -> Moment {
    let wall = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Moment(u64::try_from(wall.as_millis()).unwrap_or(u64::MAX))
}

/// The monotonic clock, for saying how long something took.
pub(crate) fn stopwatch() -> Instant {
    Instant::now()
}
