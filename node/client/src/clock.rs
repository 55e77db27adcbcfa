//! The only room of the client that reads a clock.

use tokio::time::Instant;

/// The runtime's clock, for deadlines and for measuring how long a call takes.
pub(crate) fn instant() -> Instant {
    Instant::now()
}
