//! What is told of a drill: the timeline, and what was counted.

use std::collections::BTreeSet;

use hms_protocol::evidence::Guilty;
use hms_testnet::drill::run::Waited;
use hms_testnet::drill::{Drill, Mark, Run, Stage};

use super::{is_seen, mark, told};
use crate::sim::clock::Millis;
use crate::sim::host::{Host, HostId};
use crate::sim::world::World;

/// Lines of the world's own story that are kept in a timeline. Further ones are in its trace.
const NOTES_MAX: usize = 400;

/// What is told of one run.
pub(super) struct Story<'a> {
    drill: &'a Drill,
    run: Run,
    tell: &'a mut dyn FnMut(&Mark),
    formed_ms: Millis,
    attacked_ms: Option<Millis>,
    ended_ms: Option<Millis>,
    injected_ms: Option<Millis>,
    detected_ms: Option<Millis>,
    notes: usize,
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
            formed_ms: 0,
            attacked_ms: None,
            ended_ms: None,
            injected_ms: None,
            detected_ms: None,
            notes: 0,
        }
    }

    fn say(&mut self, now: Millis, stage: Stage, words: impl Into<String>) {
        let mark = mark(now.saturating_sub(self.formed_ms), stage, words);
        (self.tell)(&mark);
        self.run.timeline.push(mark);
    }

    /// The mesh is there.
    pub(super) fn formed(&mut self, world: &World) {
        self.formed_ms = world.agenda.now();
        let leader = world.leader().map(|host| host.name.to_string());
        let (nodes, leader) = (world.hosts.len(), leader.unwrap_or_default());
        let words = format!("{nodes} nodes are there and at work; {leader} leads");
        self.say(self.formed_ms, Stage::Steady, words);
    }

    /// The attack begins.
    pub(super) fn attacked(&mut self, now: Millis) {
        self.attacked_ms = Some(now);
    }

    /// The attack is over.
    pub(super) fn ended(&mut self, world: &World) {
        let now = world.agenda.now();
        self.ended_ms = Some(now);
        let words = format!("the attack is over; it was made {} times", told(world));
        self.say(now, Stage::Ended, words);
    }

    /// The mesh works as before.
    pub(super) fn recovered(&mut self, took: Millis) {
        if self.run.recovered_ms.is_none() {
            self.run.recovered_ms = Some(took);
            let now = self.ended_ms.unwrap_or_default() + took;
            self.say(now, Stage::Recovered, "a new task is done");
        }
    }

    /// It does not get anywhere.
    pub(super) fn broken(mut self, now: Millis, why: String) -> Self {
        self.say(now, Stage::Broken, why.clone());
        self.run.broken = Some(why);
        self
    }

    /// Looks at the world after some steps.
    pub(super) fn look(&mut self, world: &mut World) {
        let now = world.agenda.now();
        self.tell_deeds(world);
        for line in world.trace.take_lines() {
            let worth = self.attacked_ms.is_some() && self.notes < NOTES_MAX && is_telling(&line);
            if worth {
                self.notes += 1;
                self.say(now, Stage::Noted, line);
            }
        }
        self.tell_alarm(world);
        if let (Some(broken), None) = (&world.oracle.broken, &self.run.broken) {
            let why = format!("{broken:?}");
            self.say(now, Stage::Broken, why.clone());
            self.run.broken = Some(why);
        }
    }

    fn tell_deeds(&mut self, world: &mut World) {
        for (host, adversary) in &mut world.adversaries {
            let name = &world.hosts[host.0].name;
            let Some(first) = adversary.take_journal().into_iter().next() else {
                continue;
            };
            if self.injected_ms.is_none() {
                self.injected_ms = Some(first.at_ms);
                let mark = mark(
                    first.at_ms.saturating_sub(self.formed_ms),
                    Stage::Injected,
                    format!("{name} begins: {}", self.drill.title),
                );
                (self.tell)(&mark);
                self.run.timeline.push(mark);
            }
        }
    }

    fn tell_alarm(&mut self, world: &World) {
        let (Some(injected), now) = (self.injected_ms, world.agenda.now()) else {
            return;
        };
        let actors: Vec<HostId> = world.adversaries.keys().copied().collect();
        if self.detected_ms.is_none()
            && let Some(at) = is_seen(world, self.drill.expect.alarm, injected, &actors)
        {
            self.detected_ms = Some(at);
            self.run.detected_ms = Some(at.saturating_sub(injected));
            self.say(at, Stage::Detected, self.drill.expect.alarm.name());
        }
        let convicted = world.chronicle.nodes_convicted.values();
        let convicted = convicted
            .chain(world.chronicle.agents_convicted.values())
            .copied()
            .min();
        if let (None, Some(at), Some(detected)) =
            (self.run.contained_ms, convicted, self.detected_ms)
        {
            self.run.contained_ms = Some(at.saturating_sub(detected));
            self.say(now, Stage::Contained, "the ledger quarantines it");
        }
    }

    /// The run as it is reported.
    pub(super) fn finish(mut self, world: &World) -> Run {
        let chronicle = &world.chronicle;
        let nodes = chronicle
            .nodes_convicted
            .keys()
            .map(|node| world.story.node(*node));
        let agents = chronicle
            .agents_convicted
            .keys()
            .map(|agent| world.story.agent(*agent));
        self.run.convicted = nodes.chain(agents).collect();
        let liars = world
            .oracle
            .liars
            .iter()
            .map(|node| world.story.node(*node));
        let lying = world.hosts.iter().flat_map(|host| host.crew.liars());
        let lying = lying.map(|agent| world.story.agent(agent));
        let guilty: BTreeSet<String> = liars.chain(lying).collect();
        let innocent = self
            .run
            .convicted
            .iter()
            .filter(|name| !guilty.contains(*name));
        self.run.wrongly_convicted = innocent.cloned().collect();
        self.run.trace = Some(world.trace.digest());
        self.run.injected = told(world);
        self.run.refused = chronicle.refused;
        self.count_promises(world);
        if let (Some(from), Some(to)) = (self.attacked_ms, self.ended_ms) {
            self.run.leader_changes = chronicle.changes(from, to);
            self.count_waits(world, from, to);
        }
        self.run
    }

    fn count_promises(&mut self, world: &World) {
        let Some(state) = world.leader().and_then(Host::state) else {
            return;
        };
        let missing = |task: &hms_protocol::id::TaskId| state.ledger().task(*task).is_none();
        self.run.acknowledged = world.oracle.promises().count() as u64;
        self.run.lost = world.oracle.promises().filter(missing).count() as u64;
        let pieces = state.archive().pieces();
        self.run.evidence = pieces
            .map(|piece| {
                let who = match piece.guilty {
                    Guilty::Node(node) => world.story.node(node),
                    Guilty::Agent { agent, .. } => world.story.agent(agent),
                };
                let why = piece.exhibit.describe();
                format!("{who}: {why}, at {}", piece.position)
            })
            .collect();
    }

    fn count_waits(&mut self, world: &World, from: Millis, to: Millis) {
        let waits = |low: Millis, high: Millis| -> Vec<Millis> {
            let answered = world.chronicle.answered.iter();
            let within = answered.filter(|(asked, _)| low <= *asked && *asked < high);
            within.map(|(_, took)| took * 1_000).collect()
        };
        let (before, during) = (waits(self.formed_ms, from), waits(from, to));
        // Who is still waiting when the attack ends has waited so long at least.
        let open = world
            .crowd
            .open_since()
            .map(|asked| to.saturating_sub(asked));
        let answered = during.iter().map(|us| us / 1_000);
        self.run.longest_wait_ms = open.chain(answered).max().unwrap_or_default();
        self.run.waited = Some(Waited::of(before, during));
    }
}

/// Whether a line of the world's story belongs into a timeline: who leads, who is lost, who is convicted, what befell hosts.
fn is_telling(line: &str) -> bool {
    [
        "leads",
        "lost",
        "present",
        "convicted",
        "halts",
        "killed",
        "started",
        "sleeps",
        "wakes",
        "cut",
        "connected",
        "vote",
        "not start",
        "disk of the past",
        "same key",
        "damaged",
    ]
    .iter()
    .any(|word| line.contains(word))
}
