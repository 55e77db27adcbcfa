//! The detector: how long every other node has been silent, and what that means.
//!
//! Silence counts only while this node was listening: when its own clock tick comes late, the observer was the slow one,
//! and everybody is given that time. A node that lost its direct connection is suspected at once; word from it, or a new
//! life of it, clears the suspicion.
//!
//! It reads no clock and decides nothing: the leader proposes what the ledger then says.

use std::collections::BTreeMap;
use std::sync::Arc;

use hms_protocol::heartbeat::{DEAD_AFTER_MS, HEARTBEAT_EVERY_MS, Heartbeat, SUSPECT_AFTER_MS};
use hms_protocol::id::{Incarnation, NodeId};
use hms_protocol::time::Moment;

use crate::input::TICK_MS;

/// How one node finds another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// It was heard lately.
    Alive,
    /// It was not, or its connection broke: nothing new is placed on it.
    Suspect,
    /// It was not heard for so long that its work should go to others.
    Dead,
}

impl Condition {
    /// The condition's name on the wire and on the screen.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alive => "alive",
            Self::Suspect => "suspect",
            Self::Dead => "dead",
        }
    }
}

/// How late a tick may come before the observer counts itself as slow, in milliseconds.
pub const LATE_MS_TOLERATED: u64 = TICK_MS;

/// What one node knows of the others.
#[derive(Clone, Debug)]
pub struct Liveness {
    me: NodeId,
    ticked_at: Moment,
    subjects: BTreeMap<NodeId, Subject>,
}

#[derive(Clone, Debug)]
struct Subject {
    /// When it was last heard, or when this node began to listen for it; moved on by the observer's own lateness.
    heard_at: Moment,
    /// Whether it was heard at all.
    heard: bool,
    /// When its direct connection broke, unless something has cleared that since.
    broken_at: Option<Moment>,
    incarnation: Incarnation,
    heartbeat: Option<Arc<Heartbeat>>,
}

impl Liveness {
    /// Begins to listen.
    pub fn new(me: NodeId, now: Moment) -> Self {
        Self {
            me,
            ticked_at: now,
            subjects: BTreeMap::new(),
        }
    }

    /// Time has passed. If the tick is late, so was this node's hearing: everybody gets the time that was lost.
    pub fn tick(&mut self, now: Moment) {
        let late_ms = now.since_ms(self.ticked_at).saturating_sub(TICK_MS);
        self.ticked_at = self.ticked_at.max(now);
        if late_ms <= LATE_MS_TOLERATED {
            return;
        }
        for subject in self.subjects.values_mut() {
            subject.heard_at = subject.heard_at.plus_ms(late_ms).min(now);
        }
    }

    /// Begins to listen for a node, if that has not begun.
    pub fn expect(&mut self, node: NodeId, now: Moment) {
        self.subject(node, now);
    }

    /// Stops listening for a node.
    pub fn forget(&mut self, node: NodeId) {
        self.subjects.remove(&node);
    }

    /// A heartbeat came, by whatever way. One of a former life, or older than the newest, says nothing. Tells whether it
    /// was news.
    pub fn hear(&mut self, heartbeat: &Arc<Heartbeat>, now: Moment) -> bool {
        let subject = self.subject(heartbeat.node, now);
        let newest = subject
            .heartbeat
            .as_ref()
            .map(|newest| (newest.incarnation, newest.sequence));
        let this = (heartbeat.incarnation, heartbeat.sequence);
        if heartbeat.incarnation < subject.incarnation
            || newest.is_some_and(|newest| this <= newest)
        {
            return false;
        }
        let reborn = subject.incarnation < heartbeat.incarnation;
        // Gossip may still carry beats of a node that has just died: only one that comes a beat later speaks against the
        // broken connection.
        let settled = |at: Moment| HEARTBEAT_EVERY_MS <= now.since_ms(at);
        if reborn || subject.broken_at.is_some_and(settled) {
            subject.broken_at = None;
        }
        subject.heard_at = subject.heard_at.max(now);
        subject.heard = true;
        subject.incarnation = heartbeat.incarnation;
        subject.heartbeat = Some(Arc::clone(heartbeat));
        true
    }

    /// A message came directly from a node.
    pub fn touch(&mut self, node: NodeId, now: Moment) {
        let subject = self.subject(node, now);
        subject.heard_at = subject.heard_at.max(now);
        subject.heard = true;
        subject.broken_at = None;
    }

    /// The direct connection to a node came up or went down.
    pub fn link(&mut self, node: NodeId, up: bool, now: Moment) {
        let subject = self.subject(node, now);
        subject.broken_at = (!up).then_some(now);
    }

    /// How a node is found. One that nobody told of is suspect: nothing is known of it.
    pub fn condition(&self, node: NodeId, now: Moment) -> Condition {
        if node == self.me {
            return Condition::Alive;
        }
        let Some(subject) = self.subjects.get(&node) else {
            return Condition::Suspect;
        };
        let silent_ms = now.since_ms(subject.heard_at);
        if DEAD_AFTER_MS <= silent_ms {
            Condition::Dead
        } else if SUSPECT_AFTER_MS <= silent_ms || subject.broken_at.is_some() || !subject.heard {
            Condition::Suspect
        } else {
            Condition::Alive
        }
    }

    /// How long a node was silent while this node listened, in milliseconds; `None` if it was never heard.
    pub fn silent_ms(&self, node: NodeId, now: Moment) -> Option<u64> {
        if node == self.me {
            return Some(0);
        }
        let subject = self.subjects.get(&node).filter(|subject| subject.heard)?;
        Some(now.since_ms(subject.heard_at))
    }

    /// The newest heartbeat of a node.
    pub fn heartbeat(&self, node: NodeId) -> Option<&Heartbeat> {
        self.subjects.get(&node)?.heartbeat.as_deref()
    }

    /// The newest life of a node that was heard.
    pub fn incarnation(&self, node: NodeId) -> Option<Incarnation> {
        let subject = self
            .subjects
            .get(&node)
            .filter(|subject| subject.heartbeat.is_some())?;
        Some(subject.incarnation)
    }

    /// A node's load as it says itself, in thousandths; zero if it has said nothing.
    pub fn load_permille(&self, node: NodeId) -> u32 {
        self.heartbeat(node)
            .map_or(0, |heartbeat| heartbeat.load_permille)
    }

    fn subject(&mut self, node: NodeId, now: Moment) -> &mut Subject {
        self.subjects.entry(node).or_insert(Subject {
            heard_at: now,
            heard: false,
            broken_at: None,
            incarnation: Incarnation(0),
            heartbeat: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use hms_protocol::id::{Index, Sequence, Term};

    use super::*;

    const ME: NodeId = NodeId::from_bytes([0; 32]);
    const PEER: NodeId = NodeId::from_bytes([1; 32]);

    /// What happens, at which millisecond.
    enum Happening {
        /// Incarnation and sequence.
        Beat(u64, u64),
        Touch,
        Link(bool),
        Expect,
        /// Nothing: only the clock goes on, without the ticks that should have come.
        Stall,
    }
    use Happening::{Beat, Expect, Link, Stall, Touch};

    /// Plays a story with a tick every `TICK_MS` between its happenings, then compares the condition.
    fn check(story: &[(u64, Happening)], at_ms: u64, expected: Condition) {
        let mut liveness = Liveness::new(ME, Moment(0));
        let mut now = 0;
        let mut run_to = |liveness: &mut Liveness, at_ms: u64, ticking: bool| {
            while ticking && now + TICK_MS < at_ms {
                now += TICK_MS;
                liveness.tick(Moment(now));
            }
            now = at_ms;
            liveness.tick(Moment(now));
        };
        for (at_ms, happening) in story {
            run_to(&mut liveness, *at_ms, !matches!(happening, Stall));
            let now = Moment(*at_ms);
            match happening {
                Beat(incarnation, sequence) => {
                    liveness.hear(&Arc::new(beat(*incarnation, *sequence)), now);
                }
                Touch => liveness.touch(PEER, now),
                Link(up) => liveness.link(PEER, *up, now),
                Expect => liveness.expect(PEER, now),
                Stall => {}
            }
        }
        run_to(&mut liveness, at_ms, true);
        assert_eq!(liveness.condition(PEER, Moment(at_ms)), expected);
    }

    fn beat(incarnation: u64, sequence: u64) -> Heartbeat {
        Heartbeat {
            node: PEER,
            incarnation: Incarnation(incarnation),
            sequence: Sequence(sequence),
            version: "0.1.0".to_owned(),
            load_permille: 0,
            lag_ms: 0,
            memory_bytes: 0,
            agents: 0,
            running: 0,
            agents_version: 0,
            changed: Vec::new(),
            term: Term(1),
            leader: None,
            applied: Index(0),
        }
    }

    /// AGT-4, MSH-6: beats that do not come make a node, and with it its agents, suspect and then dead.
    #[test]
    fn silence_makes_suspect_then_dead() {
        let story = [(0, Beat(1, 1))];
        check(&story, SUSPECT_AFTER_MS - 1, Condition::Alive);
        check(&story, SUSPECT_AFTER_MS, Condition::Suspect);
        check(&story, DEAD_AFTER_MS - 1, Condition::Suspect);
        check(&story, DEAD_AFTER_MS, Condition::Dead);
    }

    #[test]
    fn any_word_from_a_node_ends_the_silence() {
        check(
            &[(0, Beat(1, 1)), (6_000, Beat(1, 2))],
            6_100,
            Condition::Alive,
        );
        check(&[(0, Beat(1, 1)), (6_000, Touch)], 6_100, Condition::Alive);
        check(
            &[(0, Beat(1, 1)), (6_000, Beat(1, 1))],
            6_100,
            Condition::Dead,
        );
        check(
            &[(0, Beat(2, 1)), (6_000, Beat(1, 9))],
            6_100,
            Condition::Dead,
        );
    }

    #[test]
    fn a_node_that_is_expected_has_as_long_as_one_that_fell_silent() {
        check(&[], 100, Condition::Suspect);
        check(&[(0, Expect)], 100, Condition::Suspect);
        check(&[(0, Expect)], DEAD_AFTER_MS, Condition::Dead);
        check(&[(0, Expect), (50, Beat(1, 1))], 100, Condition::Alive);
    }

    #[test]
    fn a_broken_connection_is_suspect_at_once_and_word_clears_it() {
        let broken = || vec![(0, Beat(1, 1)), (100, Link(false))];
        check(&broken(), 101, Condition::Suspect);
        for (clears, at_ms, happening) in [
            (true, 200, Touch),
            (true, 200, Link(true)),
            (true, 200, Beat(2, 1)),
            (false, 200, Beat(1, 2)),
            (true, 1_100, Beat(1, 2)),
        ] {
            let mut story = broken();
            story.push((at_ms, happening));
            let expected = if clears {
                Condition::Alive
            } else {
                Condition::Suspect
            };
            check(&story, at_ms + 1, expected);
        }
    }

    #[test]
    fn an_observer_that_was_late_itself_accuses_nobody() {
        check(&[(0, Beat(1, 1)), (8_000, Stall)], 8_001, Condition::Alive);
        // The silence before and after the stall still counts.
        let story = [
            (0, Beat(1, 1)),
            (1_500, Touch),
            (3_000, Link(true)),
            (9_000, Stall),
        ];
        check(&story, 9_500, Condition::Alive);
        check(&story, 10_100, Condition::Suspect);
    }

    #[test]
    fn a_node_never_suspects_itself() {
        let liveness = Liveness::new(ME, Moment(0));
        assert_eq!(liveness.condition(ME, Moment(u64::MAX)), Condition::Alive);
        assert_eq!(liveness.silent_ms(ME, Moment(5)), Some(0));
    }
}
