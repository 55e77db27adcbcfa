//! How much of what only its sender can be blamed for is opened, before nothing of that sender is opened for a while.
//!
//! Pure: time comes in. It knows nothing of frames; its lane says which refusals are faults. What an honest peer can
//! cause (being behind, restarted, of another version) is never one.

use crate::limits::{DEAF_FOR, FAULTS_MAX, FAULTS_WITHIN};

/// The patience with one peer.
#[derive(Debug, Default)]
pub(super) struct Patience {
    // Invariant: at most `FAULTS_MAX`; those since `first_ms`.
    faults: u32,
    first_ms: u64,
    deaf_until_ms: u64,
}

impl Patience {
    /// Whether the peer is listened to.
    pub(super) const fn listens(&self, now_ms: u64) -> bool {
        self.deaf_until_ms <= now_ms
    }

    /// Notes a fault; says whether it was the one too many.
    pub(super) fn fault(&mut self, now_ms: u64) -> bool {
        if self.faults == 0 || self.first_ms.saturating_add(millis(FAULTS_WITHIN)) <= now_ms {
            (self.faults, self.first_ms) = (0, now_ms);
        }
        if self.faults < FAULTS_MAX {
            self.faults += 1;
            return false;
        }
        self.faults = 0;
        self.deaf_until_ms = now_ms.saturating_add(millis(DEAF_FOR));
        true
    }
}

fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MSH-5: the ninth fault within a minute is one too many, and a minute later the peer is listened to again.
    #[test]
    fn a_peer_that_goes_on_is_not_listened_to_for_a_while() {
        let mut patience = Patience::default();
        for _ in 0..FAULTS_MAX {
            assert!(!patience.fault(5));
            assert!(patience.listens(5));
        }
        assert!(patience.fault(6));
        let over_ms = 6 + millis(DEAF_FOR);
        assert!(!patience.listens(6) && !patience.listens(over_ms - 1));
        assert!(patience.listens(over_ms));
        assert!(!patience.fault(over_ms), "it starts afresh");
    }

    #[test]
    fn faults_now_and_then_are_forgotten() {
        let mut patience = Patience::default();
        let mut now_ms = 0;
        for _ in 0..10 {
            for _ in 0..FAULTS_MAX {
                assert!(!patience.fault(now_ms));
            }
            now_ms += millis(FAULTS_WITHIN);
        }
        assert!(patience.listens(now_ms));
    }
}
