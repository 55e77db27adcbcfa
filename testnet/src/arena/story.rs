//! What is told of a drill with real nodes: the timeline, and what was counted.

use std::time::Duration;

use tokio::time::Instant;

use super::clients::Book;
use super::deeds::Deeds;
use super::eyes::{Audit, Eyes};
use super::ground::Ground;
use crate::drill::manifest::Alarm;
use crate::drill::run::Waited;
use crate::drill::{Drill, Mark, Run, Stage};

/// What is told of one run.
pub(super) struct Story<'a> {
    drill: &'a Drill,
    run: Run,
    tell: &'a mut dyn FnMut(&Mark),
    formed: Instant,
    attacked: Option<Instant>,
    ended: Option<Instant>,
    injected: Option<Instant>,
    detected: Option<Instant>,
    refused_before: u64,
    leaders: usize,
}

impl<'a> Story<'a> {
    /// A story that begins.
    pub(super) fn new(drill: &'a Drill, seed: u64, tell: &'a mut dyn FnMut(&Mark)) -> Self {
        let run = Run {
            seed,
            ..Run::default()
        };
        Self {
            drill,
            run,
            tell,
            formed: Instant::now(),
            attacked: None,
            ended: None,
            injected: None,
            detected: None,
            refused_before: 0,
            leaders: 0,
        }
    }

    fn say(&mut self, at: Instant, stage: Stage, words: impl Into<String>) {
        let mark = Mark {
            at_ms: millis(at.saturating_duration_since(self.formed)),
            stage,
            words: words.into(),
        };
        (self.tell)(&mark);
        self.run.timeline.push(mark);
    }

    /// The mesh is there.
    pub(super) fn formed(&mut self, ground: &Ground, eyes: &Eyes) {
        let leader = eyes.leader().map(|leader| ground.name_of(leader));
        let (nodes, leader) = (ground.nodes().len(), leader.unwrap_or_default());
        let words = format!("{nodes} nodes are there and at work; {leader} leads");
        self.leaders = eyes.led.len();
        self.say(Instant::now(), Stage::Steady, words);
    }

    /// The attack begins.
    pub(super) fn attacked(&mut self) {
        self.attacked = Some(Instant::now());
    }

    /// The attack is over.
    pub(super) fn ended(&mut self, told: u64) {
        let now = Instant::now();
        self.ended = Some(now);
        self.say(
            now,
            Stage::Ended,
            format!("the attack is over; it was made {told} times"),
        );
    }

    /// The mesh works as before, or not.
    pub(super) fn recovered(&mut self, took: Option<Duration>) {
        self.run.recovered_ms = took.map(millis);
        if took.is_some() {
            self.say(Instant::now(), Stage::Recovered, "a new task is done");
        }
    }

    /// Looks at what was seen.
    pub(super) fn look(&mut self, ground: &Ground, eyes: &Eyes, deeds: &Deeds) {
        if self.injected.is_none() {
            self.refused_before = eyes.refused;
            if let Some(at) = deeds.first(ground) {
                self.injected = Some(at);
                let actors: Vec<&str> = deeds.actors().into_iter().collect();
                let words = format!("{}: {}", actors.join(" "), self.drill.title);
                self.say(at, Stage::Injected, words);
            }
        }
        if self.leaders < eyes.led.len()
            && let Some((term, (at, leader))) = eyes.led.last_key_value()
        {
            self.leaders = eyes.led.len();
            let words = format!("{} leads term {term}", ground.name_of(*leader));
            self.say(*at, Stage::Noted, words);
        }
        self.look_for_alarm(ground, eyes, deeds);
    }

    fn look_for_alarm(&mut self, ground: &Ground, eyes: &Eyes, deeds: &Deeds) {
        let Some(injected) = self.injected else {
            return;
        };
        if self.detected.is_none()
            && let Some(at) = self.alarm(injected, ground, eyes, deeds)
        {
            self.detected = Some(at);
            self.run.detected_ms = Some(millis(at.saturating_duration_since(injected)));
            let mut words = self.drill.expect.alarm.name().to_owned();
            if let Some((_, why)) = &deeds.start_refused {
                words = format!("{words}: {why}");
            }
            self.say(at, Stage::Detected, words);
        }
        let excluded = eyes
            .excluded
            .or(eyes.evidence.values().map(|(at, _)| *at).min());
        if let (None, Some(at), Some(detected)) = (self.run.contained_ms, excluded, self.detected) {
            self.run.contained_ms = Some(millis(at.saturating_duration_since(detected)));
            self.say(at, Stage::Contained, "the ledger quarantines it");
        }
    }

    fn alarm(
        &self,
        injected: Instant,
        ground: &Ground,
        eyes: &Eyes,
        deeds: &Deeds,
    ) -> Option<Instant> {
        match self.drill.expect.alarm {
            Alarm::Nothing => None,
            Alarm::NodeConvicted | Alarm::AgentConvicted => {
                let shown = eyes.evidence.values().map(|(at, _)| *at);
                shown.chain(eyes.excluded).min()
            }
            Alarm::NodeLost => {
                let actors = deeds.actors();
                let lost = eyes.lost.iter();
                let acting =
                    lost.filter(|(node, _)| actors.contains(ground.name_of(**node).as_str()));
                acting.map(|(_, at)| *at).min()
            }
            Alarm::LeaderChanged => {
                let led = eyes.led.values().map(|(at, _)| *at);
                led.filter(|at| injected < *at).min()
            }
            Alarm::Refused => {
                (self.refused_before < eyes.refused || 0 < deeds.refused).then(Instant::now)
            }
            Alarm::StartRefused => deeds.start_refused.as_ref().map(|(at, _)| *at),
        }
    }

    /// The run as it is reported.
    pub(super) fn finish(
        mut self,
        ground: &Ground,
        eyes: &Eyes,
        deeds: &Deeds,
        (book, audit): (&Book, &Audit),
    ) -> Run {
        let guilty = deeds.guilty();
        let convicted = eyes.convicted(ground);
        let innocent = convicted.iter().filter(|name| {
            let node = name.rsplit(' ').next().unwrap_or(name);
            !guilty.contains(node)
        });
        self.run.wrongly_convicted = innocent.cloned().collect();
        self.run.convicted = convicted.into_iter().collect();
        self.run.evidence = eyes
            .evidence
            .values()
            .map(|(_, piece)| {
                let who = match piece.guilty {
                    hms_protocol::evidence::Guilty::Node(node)
                    | hms_protocol::evidence::Guilty::Agent { node, .. } => ground.name_of(node),
                };
                format!("{who}: {}, at {}", piece.what, piece.position)
            })
            .collect();
        self.run.injected = deeds.told(ground);
        self.run.refused = eyes.refused.saturating_sub(self.refused_before) + deeds.refused;
        self.run.acknowledged = book.served.len() as u64;
        (self.run.lost, self.run.accepted_lies) = (audit.lost, audit.accepted_lies);
        let grown = eyes
            .status()
            .is_some_and(|status| eyes.members < status.members);
        let harm = grown.then(|| "a node that nobody has invited is a member".to_owned());
        self.run.broken = deeds.harm.clone().or(harm);
        if self.run.broken.is_none() && !audit.all_decided {
            self.run.broken =
                Some("something that was acknowledged does not come to an end".to_owned());
        }
        if let Some(broken) = self.run.broken.clone() {
            self.say(Instant::now(), Stage::Broken, broken);
        }
        if let (Some(from), Some(to)) = (self.attacked, self.ended) {
            self.run.leader_changes = eyes.changes(from, to);
            self.count_waits(book, from, to);
        }
        self.run.timeline.sort_by_key(|mark| mark.at_ms);
        self.run
    }

    fn count_waits(&mut self, book: &Book, from: Instant, to: Instant) {
        let waits = |low: Instant, high: Instant| -> Vec<u64> {
            let served = book.served.iter();
            let within = served.filter(|served| low <= served.asked && served.asked < high);
            within
                .map(|served| u64::try_from(served.took.as_micros()).unwrap_or(u64::MAX))
                .collect()
        };
        let (before, during) = (waits(self.formed, from), waits(from, to));
        let unserved = book.unserved.iter();
        let open = unserved.map(|(asked, until)| millis(until.saturating_duration_since(*asked)));
        let answered = during.iter().map(|us| us / 1_000);
        self.run.longest_wait_ms = open.chain(answered).max().unwrap_or_default();
        self.run.waited = Some(Waited::of(before, during));
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
