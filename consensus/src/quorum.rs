//! What a node that cannot take a request says: who can, or that nobody can and how many voters are missing.

use hms_protocol::id::NodeId;
use hms_protocol::refusal::Refusal;
use hms_protocol::time::Moment;

use crate::limits::LEADERLESS_AFTER_MS;
use crate::liveness::{Condition, Liveness};

/// What a node knows of the leadership.
#[derive(Clone, Copy, Debug)]
pub struct Outlook {
    /// This node.
    pub me: NodeId,
    /// The leader, if one is known.
    pub leader: Option<NodeId>,
    /// When one was last known.
    pub led_at: Moment,
    /// This node's clock.
    pub now: Moment,
}

impl Outlook {
    /// Why the request cannot be taken here, where so many of these voters are needed. An election takes a moment: only when no leader is known for
    /// [`LEADERLESS_AFTER_MS`] is it said that there is no quorum, and never by somebody who knows of no voters.
    pub fn refusal(&self, (voters, need): (&[NodeId], usize), liveness: &Liveness) -> Refusal {
        let leader = self.leader.filter(|leader| *leader != self.me);
        let leaderless = LEADERLESS_AFTER_MS <= self.now.since_ms(self.led_at);
        if leader.is_some() || !leaderless || voters.is_empty() {
            return Refusal::NotLeader { leader };
        }
        let answers = |voter: &&NodeId| {
            **voter == self.me || liveness.condition(**voter, self.now) == Condition::Alive
        };
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Refusal::NoQuorum {
            need: count(need),
            voters: count(voters.len()),
            have: count(voters.iter().filter(answers).count()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: NodeId = NodeId::from_bytes([1; 32]);
    const PEER: NodeId = NodeId::from_bytes([2; 32]);
    const GONE: NodeId = NodeId::from_bytes([3; 32]);

    fn check(leader: Option<NodeId>, leaderless_ms: u64, expected: Refusal) {
        let now = Moment(100_000);
        let mut liveness = Liveness::new(ME, now);
        liveness.touch(PEER, now);
        let outlook = Outlook {
            me: ME,
            leader,
            led_at: Moment(now.0 - leaderless_ms),
            now,
        };
        assert_eq!(outlook.refusal((&[ME, PEER, GONE], 2), &liveness), expected);
    }

    #[test]
    fn a_leader_is_named_and_an_election_is_waited_for() {
        let leader = Some(PEER);
        check(leader, 0, Refusal::NotLeader { leader });
        check(None, 100, Refusal::NotLeader { leader: None });
    }

    #[test]
    fn who_knows_no_voters_does_not_count_them() {
        let outlook = Outlook {
            me: ME,
            leader: None,
            led_at: Moment(0),
            now: Moment(100_000),
        };
        let liveness = Liveness::new(ME, outlook.now);
        let expected = Refusal::NotLeader { leader: None };
        assert_eq!(outlook.refusal((&[], 1), &liveness), expected);
    }

    #[test]
    fn a_node_that_has_just_lost_its_office_names_nobody() {
        check(Some(ME), 0, Refusal::NotLeader { leader: None });
    }

    #[test]
    fn without_a_leader_for_long_the_missing_voters_are_counted() {
        let expected = Refusal::NoQuorum {
            need: 2,
            voters: 3,
            have: 2,
        };
        check(None, LEADERLESS_AFTER_MS, expected);
    }
}
