//! How long a node may go on with what it was told: its contact with the leader, measured on its own clock alone.
//!
//! A leader says which beat of the node it heard, and only after a quorum has confirmed that it leads. From the *sending*
//! of that beat the node's leases hold for `FENCE_AFTER_MS`. Whoever takes work away waits `DEAD_AFTER_MS` from having
//! *heard* it, or from having been elected. Hearing is never before sending, and the confirmation is never after the
//! next election; so a node stops before its work goes to another, however long messages were under way. Clocks need
//! not agree, only run at about the same speed.
//!
//! The same messages bound the ledger's time: at most the leader's stamp, plus what has passed here since the beat was
//! heard there at the latest.

use std::collections::VecDeque;

use hms_protocol::heartbeat::FENCE_AFTER_MS;
use hms_protocol::id::{NodeId, Sequence, Term};
use hms_protocol::peer::Lead;
use hms_protocol::time::Moment;

use crate::limits::BEATS_REMEMBERED_MAX;

/// A node's contact with its leader.
#[derive(Debug, Default)]
pub struct Fence {
    term: Term,
    leader: Option<NodeId>,
    /// When the leader was last heard, for whatever it said.
    heard_at: Moment,
    /// The newest beats sent, oldest first.
    beats: VecDeque<(Sequence, Moment)>,
    /// When the newest beat that a leader is known to have heard was sent.
    vouched_at: Option<Moment>,
    ledger: Option<LedgerClock>,
}

/// What one leader's stamps say of the ledger's time.
#[derive(Clone, Copy, Debug)]
struct LedgerClock {
    term: Term,
    /// Invariant: while this term lasts, the ledger's time is at most so many milliseconds ahead of this node's clock
    /// (behind it, if negative).
    ahead_ms: i128,
}

/// What a leader's word changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heed {
    /// The word is of a leader that was replaced: nothing.
    Outdated,
    /// The leader is the known one.
    Known,
    /// There is a new leader, or a new term of the old one.
    New,
}

impl Fence {
    /// Remembers that a beat was sent.
    pub fn sent(&mut self, sequence: Sequence, now: Moment) {
        if self.beats.len() == BEATS_REMEMBERED_MAX {
            self.beats.pop_front();
        }
        self.beats.push_back((sequence, now));
    }

    /// Takes a leader's word.
    pub fn hear(&mut self, from: NodeId, lead: &Lead, now: Moment) -> Heed {
        let rival = self.leader.is_some_and(|leader| leader != from);
        if lead.term < self.term || (lead.term == self.term && rival) {
            return Heed::Outdated;
        }
        let known = (self.term, self.leader) == (lead.term, Some(from));
        self.term = lead.term;
        self.leader = Some(from);
        self.heard_at = now;
        if let Some(echo) = lead.heard
            && let Some(sent_at) = self.sent_at(echo.sequence)
        {
            self.vouched_at = self.vouched_at.max(Some(sent_at));
            self.read_clock(lead, sent_at.plus_ms(echo.ago_ms).min(now));
        }
        if known { Heed::Known } else { Heed::New }
    }

    /// Notes that this node's clock showed `here`, or later, when the leader's stamp was made.
    fn read_clock(&mut self, lead: &Lead, here: Moment) {
        let ahead_ms = i128::from(lead.at.0) - i128::from(here.0);
        let known = self.ledger.filter(|clock| clock.term == lead.term);
        self.ledger = Some(LedgerClock {
            term: lead.term,
            ahead_ms: known.map_or(ahead_ms, |clock| clock.ahead_ms.min(ahead_ms)),
        });
    }

    fn sent_at(&self, sequence: Sequence) -> Option<Moment> {
        let found = self.beats.iter().find(|(sent, _)| *sent == sequence);
        found.map(|(_, at)| *at)
    }

    /// Whether leases hold.
    pub fn holds(&self, now: Moment) -> bool {
        self.vouched_at
            .is_some_and(|at| now.since_ms(at) <= FENCE_AFTER_MS)
    }

    /// Whether an order that was given when this beat was the newest one heard is fresh enough to be followed.
    pub fn is_fresh(&self, as_of: Sequence, now: Moment) -> bool {
        self.sent_at(as_of)
            .is_some_and(|at| now.since_ms(at) <= FENCE_AFTER_MS)
    }

    /// Whether a lease may have ended, because the ledger's time may have reached `lease_until`. Before the first echo
    /// of a term the clock of the one before counts: a new leader expires nothing for as long as that can mislead.
    pub fn may_have_ended(&self, lease_until: Moment, now: Moment) -> bool {
        self.ledger
            .is_none_or(|clock| i128::from(lease_until.0) <= i128::from(now.0) + clock.ahead_ms)
    }

    /// Forgets a leader that has been silent for a fence period, and says whether there was one.
    pub fn forget_silent(&mut self, now: Moment) -> bool {
        now.since_ms(self.heard_at) > FENCE_AFTER_MS && self.leader.take().is_some()
    }

    /// The leader that this node follows.
    pub fn leader(&self) -> Option<NodeId> {
        self.leader
    }

    /// When a leader was last heard; the beginning of time if none was.
    pub fn heard_at(&self) -> Moment {
        self.heard_at
    }

    /// The newest term that this node knows.
    pub fn term(&self) -> Term {
        self.term
    }
}

#[cfg(test)]
mod tests {
    use hms_protocol::digest::Hash;
    use hms_protocol::id::Epoch;
    use hms_protocol::peer::Echo;

    use super::*;

    const LEADER: NodeId = NodeId::from_bytes([1; 32]);
    const RIVAL: NodeId = NodeId::from_bytes([2; 32]);

    /// A word of term `term` that echoes beat `sequence`, heard `ago_ms` before it was said at `at`.
    fn word(term: u64, sequence: u64, ago_ms: u64, at: u64) -> Lead {
        Lead {
            term: Term(term),
            roster_revision: 0,
            epoch: Epoch(1),
            watch: Hash::default(),
            at: Moment(at),
            heard: Some(Echo {
                sequence: Sequence(sequence),
                ago_ms,
            }),
        }
    }

    /// A node that beats at 1,000 and 2,000, and hears the given words at the given times.
    fn fence(words: &[(u64, NodeId, Lead)]) -> (Fence, Vec<Heed>) {
        let mut fence = Fence::default();
        fence.sent(Sequence(1), Moment(1_000));
        fence.sent(Sequence(2), Moment(2_000));
        let heeds = words
            .iter()
            .map(|(now, from, lead)| fence.hear(*from, lead, Moment(*now)))
            .collect();
        (fence, heeds)
    }

    #[test]
    fn leases_hold_from_the_sending_of_the_beat_however_late_the_word_comes() {
        let (fence, _) = fence(&[(4_900, LEADER, word(1, 1, 0, 0))]);
        assert!(fence.holds(Moment(1_000 + FENCE_AFTER_MS)));
        assert!(!fence.holds(Moment(1_001 + FENCE_AFTER_MS)));
    }

    #[test]
    fn a_word_without_a_beat_that_was_sent_holds_nothing() {
        let (fence, heeds) = fence(&[(2_100, LEADER, word(1, 9, 0, 0))]);
        assert_eq!(heeds, [Heed::New]);
        assert!(!fence.holds(Moment(2_100)));
        assert!(!fence.is_fresh(Sequence(9), Moment(2_100)));
    }

    #[test]
    fn an_order_is_as_fresh_as_the_beat_that_it_names() {
        let (fence, _) = fence(&[]);
        assert!(fence.is_fresh(Sequence(1), Moment(1_000 + FENCE_AFTER_MS)));
        assert!(!fence.is_fresh(Sequence(1), Moment(1_001 + FENCE_AFTER_MS)));
        assert!(fence.is_fresh(Sequence(2), Moment(1_001 + FENCE_AFTER_MS)));
    }

    #[test]
    fn the_newest_term_leads_and_a_term_has_one_leader() {
        let (fence, heeds) = fence(&[
            (2_100, LEADER, word(2, 1, 0, 0)),
            (2_200, LEADER, word(2, 2, 0, 0)),
            (2_300, RIVAL, word(1, 2, 0, 0)),
            (2_400, RIVAL, word(2, 2, 0, 0)),
            (2_500, RIVAL, word(3, 2, 0, 0)),
            (2_600, LEADER, word(2, 2, 0, 0)),
        ]);
        let expected = [
            Heed::New,
            Heed::Known,
            Heed::Outdated,
            Heed::Outdated,
            Heed::New,
            Heed::Outdated,
        ];
        assert_eq!(heeds, expected);
        assert_eq!((fence.leader(), fence.term()), (Some(RIVAL), Term(3)));
    }

    #[test]
    fn a_leader_that_is_silent_for_a_fence_period_is_forgotten_and_may_come_back() {
        let (mut fence, _) = fence(&[(2_100, LEADER, word(2, 1, 0, 0))]);
        assert!(!fence.forget_silent(Moment(2_100 + FENCE_AFTER_MS)));
        assert!(fence.forget_silent(Moment(2_101 + FENCE_AFTER_MS)));
        assert_eq!(fence.leader(), None);
        let back = fence.hear(LEADER, &word(2, 2, 0, 0), Moment(7_000));
        assert_eq!((back, fence.leader()), (Heed::New, Some(LEADER)));
    }

    #[test]
    fn the_ledgers_time_is_bounded_by_the_tightest_word_of_the_term() {
        // Beat 1 was sent at 1,000 here and heard 50 ms before the leader's clock showed 9,050: so its clock was at most
        // 8,000 ahead. Beat 2 came through faster and shows that it is at most 7,990 ahead.
        let slow = word(1, 1, 50, 9_050);
        let fast = word(1, 2, 10, 10_000);
        let (fence, _) = fence(&[(1_200, LEADER, slow), (2_050, LEADER, fast)]);
        assert!(!fence.may_have_ended(Moment(11_000), Moment(3_009)));
        assert!(fence.may_have_ended(Moment(11_000), Moment(3_010)));
    }

    #[test]
    fn a_new_leaders_clock_replaces_the_old_ones_once_it_is_known() {
        let (mut fence, _) = fence(&[(1_100, LEADER, word(1, 1, 0, 1_000))]);
        let mute = Lead {
            heard: None,
            ..word(2, 0, 0, 50_000)
        };
        fence.hear(RIVAL, &mute, Moment(2_100));
        assert!(!fence.may_have_ended(Moment(5_000), Moment(2_100)));
        fence.hear(RIVAL, &word(2, 2, 0, 50_000), Moment(2_200));
        assert!(fence.may_have_ended(Moment(5_000), Moment(2_200)));
    }
}
