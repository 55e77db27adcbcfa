//! The only room of the keystore that reads a clock.

use std::time::{SystemTime, UNIX_EPOCH};

use hms_protocol::time::Moment;

/// What time it is here. Whoever signs says when: a clock that is wrong makes permits that begin late or end early.
#[expect(
    clippy::disallowed_methods,
    reason = "what is signed here begins and ends by this machine's clock"
)]
pub fn now() -> Moment {
    let wall = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Moment(u64::try_from(wall.as_millis()).unwrap_or(u64::MAX))
}
