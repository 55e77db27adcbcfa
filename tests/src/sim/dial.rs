//! What the clock of a simulated host shows.
//!
//! A node reads the wall clock when it starts and counts on by a clock that never goes back. So a wall clock that is set
//! while a node runs means nothing to it before its next start; a clock that runs too fast or too slow means something at
//! once.

use crate::sim::clock::Millis;

/// Thousandths of the right speed at which a right clock runs.
pub const RIGHT_PERMILLE: u64 = 1_000;

/// A clock.
#[derive(Clone, Copy, Debug)]
pub struct Dial {
    /// When its speed was changed last, and what it showed then.
    since: Millis,
    shown: Millis,
    rate_permille: u64,
    /// How far the wall clock is ahead, to which the node has not looked yet.
    wall_ahead: Option<Millis>,
}

impl Dial {
    /// A clock that is so far ahead.
    pub fn ahead(ahead_ms: Millis) -> Self {
        Self {
            since: 0,
            shown: ahead_ms,
            rate_permille: RIGHT_PERMILLE,
            wall_ahead: None,
        }
    }

    /// What it shows.
    pub fn shows(&self, now: Millis) -> Millis {
        let passed = now.saturating_sub(self.since);
        self.shown + passed * self.rate_permille / RIGHT_PERMILLE
    }

    /// From now on it runs at so many thousandths of the right speed.
    pub fn run_at(&mut self, rate_permille: u64, now: Millis) {
        self.shown = self.shows(now);
        self.since = now;
        self.rate_permille = rate_permille;
    }

    /// Somebody sets the wall clock.
    pub fn set(&mut self, ahead_ms: Millis) {
        self.wall_ahead = Some(ahead_ms);
    }

    /// A node starts and looks at the wall clock.
    pub fn look(&mut self, now: Millis) {
        if let Some(ahead) = self.wall_ahead.take() {
            self.shown = now + ahead;
            self.since = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_jumps_when_the_node_looks_and_not_before() {
        let mut dial = Dial::ahead(500);
        dial.set(0);
        assert_eq!(dial.shows(1_000), 1_500);
        dial.look(1_000);
        assert_eq!(dial.shows(1_000), 1_000);
    }

    #[test]
    fn a_clock_that_changes_its_speed_does_not_jump() {
        let mut dial = Dial::ahead(0);
        dial.run_at(900, 1_000);
        assert_eq!(dial.shows(2_000), 1_900);
        dial.run_at(RIGHT_PERMILLE, 2_000);
        assert_eq!(dial.shows(2_000), 1_900);
        assert_eq!(dial.shows(3_000), 2_900);
    }
}
