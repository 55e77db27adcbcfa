//! How often each node may cost this voter something, within a second: whoever brings more is not heard, and hinders nobody
//! else.

use std::collections::BTreeMap;

use hms_protocol::id::NodeId;
use hms_protocol::time::Moment;

use crate::limits::REPEAT_EVERY_MS;

/// What each node has spent of its allowance since a moment.
#[derive(Debug)]
pub(super) struct Allowance {
    most: u32,
    /// Bounded by the members, who alone are heard.
    spent: BTreeMap<NodeId, u32>,
    since: Moment,
}

impl Allowance {
    /// So much for each node, within [`REPEAT_EVERY_MS`].
    pub(super) const fn new(most: u32) -> Self {
        Self {
            most,
            spent: BTreeMap::new(),
            since: Moment(0),
        }
    }

    /// Whether a node has anything left.
    pub(super) fn has_left(&mut self, node: NodeId, now: Moment) -> bool {
        if REPEAT_EVERY_MS <= now.since_ms(self.since) {
            self.since = now;
            self.spent.clear();
        }
        self.spent.get(&node).is_none_or(|spent| *spent < self.most)
    }

    /// Takes one from what a node has left. `false` if there is nothing.
    pub(super) fn spend(&mut self, node: NodeId, now: Moment) -> bool {
        let has_left = self.has_left(node, now);
        if has_left {
            *self.spent.entry(node).or_default() += 1;
        }
        has_left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_brings_much_is_heard_a_few_times_a_second_and_hinders_nobody() {
        let now = Moment(1_000_000);
        let (one, other) = (NodeId::from_bytes([1; 32]), NodeId::from_bytes([2; 32]));
        let mut allowance = Allowance::new(4);
        let heard = (0..100).filter(|_| allowance.spend(one, now)).count();
        assert_eq!(heard, 4);
        assert!(!allowance.has_left(one, now) && allowance.spend(other, now));
        assert!(allowance.spend(one, now.plus_ms(REPEAT_EVERY_MS)));
    }
}
