//! The services that this node probes, and what it thinks of them.
//!
//! A sight is not an opinion: the opinion changes only after `retries` + 1 sights in a row say otherwise. A new opinion
//! goes to the leader at once and a few times more, since nobody acknowledges it; an old one goes as a sample every
//! `OBSERVE_EVERY_MS`. A service has at most one probe in flight. Probing does not stop when there is no leader.

use std::collections::BTreeMap;

use hms_protocol::digest::{Domain, Hash, hash_fields};
use hms_protocol::id::{NodeId, ServiceName};
use hms_protocol::peer::PeerMessage;
use hms_protocol::service::{OBSERVE_EVERY_MS, Observation, ServiceSpec, Sight, watch_digest};
use hms_protocol::time::Moment;

use crate::effect::Effect;
use crate::limits::{
    FIRST_PROBE_WITHIN_MS, NEWS_REPEATS, PROBE_LOST_AFTER_MS, REPEAT_EVERY_MS, WATCHED_MAX,
};
use crate::outbox::Outbox;

/// Everything that this node probes.
#[derive(Debug)]
pub struct Probes {
    me: NodeId,
    watched: BTreeMap<ServiceName, Watched>,
    digest: Hash,
}

/// One service under watch.
#[derive(Debug)]
struct Watched {
    spec: ServiceSpec,
    revision: u64,
    /// When the next probe starts.
    due_at: Moment,
    /// When the probe in flight counts as lost.
    lost_at: Option<Moment>,
    /// Sights in a row that contradict the opinion.
    contrary: u32,
    /// What the node thinks, once it has seen enough.
    opinion: Option<Observation>,
    /// When the opinion is next sent.
    send_at: Moment,
    /// How often it is still news.
    news: u32,
}

/// What a probe brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The revision that was probed.
    pub revision: u64,
    /// What was seen.
    pub sight: Sight,
    /// How long it took, in milliseconds.
    pub latency_ms: u64,
    /// What the probe says.
    pub detail: String,
}

impl Probes {
    /// Watches nothing.
    pub fn new(me: NodeId) -> Self {
        Self {
            me,
            watched: BTreeMap::new(),
            digest: watch_digest(std::iter::empty()),
        }
    }

    /// Takes the leader's list. What is on it unchanged goes on as before.
    pub fn watch(&mut self, list: Vec<(ServiceSpec, u64)>, now: Moment) {
        let mut before = std::mem::take(&mut self.watched);
        for (spec, revision) in list.into_iter().take(WATCHED_MAX) {
            let name = spec.name.clone();
            let watched = match before.remove(&name) {
                Some(known) if known.revision == revision => known,
                Some(known) => known.redeclared(spec, revision),
                None => Watched::new(spec, revision, now.plus_ms(self.first_delay_ms(&name))),
            };
            self.watched.insert(name, watched);
        }
        let list = self.watched.iter();
        self.digest = watch_digest(list.map(|(name, watched)| (name, watched.revision)));
    }

    /// A delay that differs between services and nodes, and is the same whenever it is asked for.
    fn first_delay_ms(&self, name: &ServiceName) -> u64 {
        let hash = hash_fields(
            Domain::Draw,
            &[name.as_str().as_bytes(), self.me.as_bytes()],
        );
        let [low, high, ..] = *hash.as_bytes();
        u64::from(u16::from_le_bytes([low, high])) % FIRST_PROBE_WITHIN_MS
    }

    /// Whether this is not the list that the leader means.
    pub fn differs(&self, digest: Hash) -> bool {
        self.digest != digest
    }

    /// Starts every probe that is due.
    pub fn start_due(&mut self, now: Moment, outbox: &mut Outbox) {
        for watched in self.watched.values_mut() {
            if watched.starts(now) {
                outbox.push(Effect::Probe {
                    spec: watched.spec.clone(),
                    revision: watched.revision,
                });
            }
        }
    }

    /// Takes what a probe brought back.
    pub fn see(&mut self, name: &ServiceName, seen: Seen, now: Moment) {
        if let Some(watched) = self.watched.get_mut(name)
            && watched.revision == seen.revision
        {
            watched.see(self.me, seen, now);
        }
    }

    /// Makes every opinion due at once: there is a new leader.
    pub fn hasten(&mut self, now: Moment) {
        for watched in self.watched.values_mut() {
            watched.send_at = watched.send_at.min(now);
        }
    }

    /// Sends the opinions that are due.
    pub fn send_due(&mut self, leader: NodeId, now: Moment, outbox: &mut Outbox) {
        for watched in self.watched.values_mut() {
            if now < watched.send_at {
                continue;
            }
            if let Some(opinion) = &watched.opinion {
                outbox.send(leader, PeerMessage::Observed(opinion.clone()));
                watched.news = watched.news.saturating_sub(1);
                let again_ms = if watched.news > 0 {
                    REPEAT_EVERY_MS
                } else {
                    OBSERVE_EVERY_MS
                };
                watched.send_at = now.plus_ms(again_ms);
            }
        }
    }
}

impl Watched {
    fn new(spec: ServiceSpec, revision: u64, due_at: Moment) -> Self {
        Self {
            spec,
            revision,
            due_at,
            lost_at: None,
            contrary: 0,
            opinion: None,
            send_at: Moment::default(),
            news: 0,
        }
    }

    /// The same service under another revision. What is probed may have changed, so the opinion is formed anew, but the
    /// rhythm stays: a change is not a reason to probe more often.
    fn redeclared(self, spec: ServiceSpec, revision: u64) -> Self {
        Self::new(spec, revision, self.due_at)
    }

    fn starts(&mut self, now: Moment) -> bool {
        let in_flight = self.lost_at.is_some_and(|lost_at| now < lost_at);
        if in_flight || now < self.due_at {
            return false;
        }
        let behind = now.since_ms(self.due_at) > self.spec.interval_ms;
        let planned = if behind { now } else { self.due_at };
        self.due_at = planned.plus_ms(self.spec.interval_ms.max(1));
        self.lost_at = Some(now.plus_ms(self.spec.timeout_ms.saturating_add(PROBE_LOST_AFTER_MS)));
        true
    }

    fn see(&mut self, me: NodeId, seen: Seen, now: Moment) {
        self.lost_at = None;
        let agrees = match &self.opinion {
            Some(opinion) => opinion.sight == seen.sight,
            // The first good sight is believed at once; a service must not start as down for one lost packet.
            None => seen.sight == Sight::Up,
        };
        self.contrary = if agrees { 0 } else { self.contrary + 1 };
        let changes = self.contrary > self.spec.retries || self.opinion.is_none() && agrees;
        if !agrees && !changes {
            return;
        }
        if changes {
            self.contrary = 0;
            self.news = NEWS_REPEATS;
            self.send_at = now;
        }
        self.opinion = Some(Observation {
            service: self.spec.name.clone(),
            revision: self.revision,
            node: me,
            sight: seen.sight,
            latency_ms: seen.latency_ms,
            detail: seen.detail,
            at: now,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const ME: NodeId = NodeId::from_bytes([1; 32]);
    const LEADER: NodeId = NodeId::from_bytes([9; 32]);

    fn spec(retries: u32) -> ServiceSpec {
        ServiceSpec {
            name: "web".parse().unwrap(),
            probe: "probe.http".parse().unwrap(),
            target: BTreeMap::new(),
            interval_ms: 1_000,
            timeout_ms: 500,
            retries,
            probers: 1,
            quorum: 1,
            nodes: Vec::new(),
        }
    }

    fn effects(act: impl FnOnce(&mut Outbox)) -> Vec<Effect> {
        let mut outbox = Outbox::new(ME);
        act(&mut outbox);
        let mut effects = Vec::new();
        outbox.deliver(&mut effects);
        effects
    }

    /// Probes each second and sees what is given; returns the opinions sent, with the second of each.
    fn check(retries: u32, sights: &[Sight], expected: &[(u64, Sight)]) {
        let mut probes = Probes::new(ME);
        probes.watch(vec![(spec(retries), 1)], Moment(0));
        let name = spec(0).name;
        let mut told = Vec::new();
        for (second, sight) in (1..).zip(sights) {
            let now = Moment(second * 1_000);
            let started = effects(|outbox| probes.start_due(now, outbox));
            assert_eq!(started.len(), 1, "one probe a second");
            let again = effects(|outbox| probes.start_due(now.plus_ms(400), outbox));
            assert!(again.is_empty(), "one probe in flight at most");
            let seen = Seen {
                revision: 1,
                sight: *sight,
                latency_ms: 1,
                detail: String::new(),
            };
            probes.see(&name, seen, now);
            for effect in effects(|outbox| probes.send_due(LEADER, now, outbox)) {
                let Effect::Send {
                    message: PeerMessage::Observed(opinion),
                    ..
                } = effect
                else {
                    panic!("a prober does not say {effect:?}");
                };
                told.push((second, opinion.sight));
            }
        }
        assert_eq!(told, expected);
    }

    #[test]
    fn an_opinion_is_told_at_once_a_few_times_more_and_then_as_a_sample() {
        let told: Vec<(u64, Sight)> = [1, 2, 3, 4, 19].map(|second| (second, Sight::Up)).to_vec();
        check(1, &[Sight::Up; 20], &told);
    }

    #[test]
    fn one_bad_sight_in_between_changes_nothing() {
        let sights = [Sight::Up, Sight::Down, Sight::Up, Sight::Down, Sight::Up];
        let told: Vec<(u64, Sight)> = [1, 2, 3, 4].map(|second| (second, Sight::Up)).to_vec();
        check(1, &sights, &told);
    }

    #[test]
    fn the_opinion_changes_after_the_retries_and_back_as_slowly() {
        let sights = [
            Sight::Up,
            Sight::Down,
            Sight::Down,
            Sight::Down,
            Sight::Up,
            Sight::Up,
            Sight::Up,
        ];
        let told = [
            (1, Sight::Up),
            (2, Sight::Up),
            (3, Sight::Up),
            (4, Sight::Down),
            (5, Sight::Down),
            (6, Sight::Down),
            (7, Sight::Up),
        ];
        check(2, &sights, &told);
    }

    #[test]
    fn a_service_is_not_down_before_the_retries_are_spent() {
        check(2, &[Sight::Down; 3], &[(3, Sight::Down)]);
    }

    #[test]
    fn a_new_list_replaces_the_old_one_and_its_digest() {
        let mut probes = Probes::new(ME);
        let list = vec![(spec(0), 7)];
        let name = spec(0).name;
        let digest = watch_digest([(&name, 7)].into_iter());
        assert!(probes.differs(digest));
        probes.watch(list, Moment(0));
        assert!(!probes.differs(digest));
        probes.watch(Vec::new(), Moment(0));
        assert!(effects(|outbox| probes.start_due(Moment(90_000), outbox)).is_empty());
    }

    #[test]
    fn a_probe_that_never_comes_back_is_tried_again() {
        let mut probes = Probes::new(ME);
        probes.watch(vec![(spec(0), 1)], Moment(0));
        let mut started = |now| effects(|outbox| probes.start_due(Moment(now), outbox)).len();
        assert_eq!(started(1_000), 1);
        assert_eq!(started(2_000), 0);
        assert_eq!(started(1_000 + 500 + PROBE_LOST_AFTER_MS), 1);
    }
}
