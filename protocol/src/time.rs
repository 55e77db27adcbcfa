//! Time as a value: moments that somebody else read from a clock.
//!
//! A [`Moment`] is the wall clock of the node that stamped it. Comparing moments of two nodes is only meaningful within
//! the skew that the mesh tolerates ([`limits::CLOCK_SKEW_MS_MAX`](crate::limits::CLOCK_SKEW_MS_MAX)).

use std::fmt;

/// Milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub u64);

impl Moment {
    /// The moment `span_ms` later; saturates at the end of time.
    #[must_use]
    pub const fn plus_ms(self, span_ms: u64) -> Self {
        Self(self.0.saturating_add(span_ms))
    }

    /// How many milliseconds have passed since `earlier`; zero when it is not earlier.
    pub const fn since_ms(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}
