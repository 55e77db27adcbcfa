//! Drills in the simulated world: the same manifests that are run with real nodes, in simulated time, under a seed.
//!
//! A mesh is founded and put to work; then the method begins. The oracle looks at every step, as in every simulation. When
//! the attack is over the mesh has to recover, and everything that was acknowledged has to be there.

mod deeds;
mod story;

use std::collections::BTreeSet;

use hms_protocol::id::NodeId;
use hms_protocol::task::TaskState;
use hms_testnet::attack::{Adversary, Attack, Dice};
use hms_testnet::drill::manifest::Alarm;
use hms_testnet::drill::{Drill, Mark, Run, Stage};

use crate::sim::agents::Temper;
use crate::sim::clock::Millis;
use crate::sim::crowd::{Caller, spec};
use crate::sim::host::{Host, HostId};
use crate::sim::links::Weather;
use crate::sim::plan::Plan;
use crate::sim::world::{DiskPace, World};
use story::Story;

/// How long a mesh may take to form, in milliseconds.
const FORMS_WITHIN_MS: Millis = 20_000;

/// How long it works before it is attacked, in milliseconds.
const STEADY_MS: Millis = 3_000;

/// How often is looked at what the mesh does, in milliseconds: what is measured is as exact.
const LOOK_EVERY_MS: Millis = 10;

/// How long after the attack the mesh may take to come to rest, in milliseconds. Beyond it, it never will.
const REST_WITHIN_MS: Millis = 120_000;

/// Requests that clients may make: more than a drill lasts.
const REQUESTS: usize = 1_000_000;

/// Runs a drill under a seed. `tell` hears of each moment as soon as it is over.
pub fn run(drill: &Drill, seed: u64, tell: &mut dyn FnMut(&Mark)) -> Run {
    let world = World::found(seed, &plan(drill));
    let mut story = Story::new(drill, seed, tell);
    let mut stage = Drilled {
        world,
        drill,
        actors: Vec::new(),
        done: BTreeSet::new(),
        began: 0,
        dice: Dice::new(seed, "deeds"),
    };
    if let Err(why) = stage.form() {
        return story.broken(0, why).finish(&stage.world);
    }
    story.formed(&stage.world);
    let began = stage.world.agenda.now();
    stage.watch(&mut story, began + STEADY_MS);

    let attacked = stage.world.agenda.now();
    story.attacked(attacked);
    stage.begin(seed);
    stage.watch(&mut story, attacked + drill.attack_ms);
    story.ended(&stage.world);
    stage.end();
    stage.recover(&mut story);
    story.finish(&stage.world)
}

/// The mesh that a drill asks for: nothing goes wrong in it by itself.
fn plan(drill: &Drill) -> Plan {
    let count = |number: u32| usize::try_from(number).expect("a mesh has at most a thousand nodes");
    let mesh = &drill.mesh;
    Plan {
        // A spare asks to be a voter, and there is no seat for it.
        voters: count(mesh.voters + mesh.spares),
        wanted: count(mesh.voters),
        agents: 1,
        weather: Weather {
            delay_ms: (1, 3),
            ..Weather::CALM
        },
        disks: DiskPace {
            sync_ms: (0, 2),
            early_ms: 0,
        },
        temper: Temper {
            work_ms: 200,
            ..Temper::PLAIN
        },
        clients: count(mesh.clients),
        requests: REQUESTS,
        spare: usize::from(needs_newcomer(drill)),
        ..Plan::plain(count(mesh.voters), count(mesh.workers))
    }
}

/// Whether somebody has to come in who is brought up with a checkpoint: nobody else is so far behind.
fn needs_newcomer(drill: &Drill) -> bool {
    let mut attacks = drill.method.iter().map(|step| step.attack);
    attacks.any(|attack| attack == Attack::PoisonSnapshots)
}

/// A world in which a drill is run.
struct Drilled<'a> {
    world: World,
    drill: &'a Drill,
    /// Who does each step of the method, once it has begun.
    actors: Vec<HostId>,
    /// Steps that are done once, and were.
    done: BTreeSet<usize>,
    /// When the method began.
    began: Millis,
    dice: Dice,
}

impl Drilled<'_> {
    /// Waits until everybody is there and somebody leads.
    fn form(&mut self) -> Result<(), String> {
        let voters = usize::try_from(self.drill.mesh.voters).expect("a handful");
        loop {
            let mut hosts = self.world.hosts.iter();
            let joined = hosts.all(|host| host.mind.is_some() || !host.invited);
            let seated = |host: &Host| {
                let voter = host.mind.as_ref().and_then(|mind| mind.supervisor());
                voter.is_none_or(|voter| voter.status().voters.len() == voters)
            };
            let ready = joined && self.world.hosts.iter().all(seated);
            if ready && self.world.leader().is_some() && !self.world.crowd.tasks.is_empty() {
                return Ok(());
            }
            if let Some(broken) = &self.world.oracle.broken {
                return Err(format!("{broken:?}"));
            }
            if FORMS_WITHIN_MS < self.world.agenda.now() {
                return Err("the mesh does not form".to_owned());
            }
            self.world.run_for(100);
        }
    }

    /// Lets things happen up to a time, and tells what is seen.
    fn watch(&mut self, story: &mut Story<'_>, until: Millis) {
        while self.world.agenda.now() < until && self.world.oracle.broken.is_none() {
            let next = (self.world.agenda.now() + LOOK_EVERY_MS).min(until);
            self.world.run_until(next);
            self.carry_on();
            story.look(&mut self.world);
        }
    }

    /// Waits until a new task is done as before, then until everything that was promised is.
    fn recover(&mut self, story: &mut Story<'_>) {
        let ended = self.world.agenda.now();
        self.world.crowd.budget = 0;
        let mut probe = None;
        while self.world.oracle.broken.is_none() {
            if ended + REST_WITHIN_MS < self.world.agenda.now() {
                let open = self.world.unfinished();
                self.world.oracle.stuck(open);
                break;
            }
            let task = *probe.get_or_insert_with(|| self.probe());
            let done = self.world.task_state(task);
            if done.as_deref() == Some(TaskState::Succeeded.name()) {
                story.recovered(self.world.agenda.now() - ended);
                if self.is_quiet() {
                    break;
                }
            }
            self.world.run_for(LOOK_EVERY_MS);
            story.look(&mut self.world);
        }
        self.world.audit();
        story.look(&mut self.world);
    }

    /// Whether nothing that was promised is open any more. Who was convicted may stay away.
    fn is_quiet(&self) -> bool {
        let Some(state) = self.world.leader().and_then(Host::state) else {
            return false;
        };
        let mut promises = self.world.oracle.promises();
        let done = promises.all(|task| {
            let known = state.ledger().task(task);
            known.is_some_and(|task| task.state.is_final())
        });
        done && !self.world.crowd.is_waiting()
    }

    /// A task that shows that the mesh works.
    fn probe(&mut self) -> hms_protocol::id::TaskId {
        let task = hms_protocol::id::TaskId::from_bytes(self.world.dice.bytes());
        let target = self.world.leader().map_or(HostId(0), |host| host.id);
        let host = &self.world.hosts[target.0];
        let spec = hms_protocol::task::TaskSpec {
            deadline: host.clock(self.world.agenda.now()).plus_ms(60_000),
            attempts_max: 8,
            ..spec("echo")
        };
        let via = host.node;
        self.world.story.name_task(task, "probe".to_owned());
        let request = hms_consensus::input::Request::Submit { task, spec, via };
        self.world.call(Caller::Script, request, target);
        task
    }
}

/// How a world shows that an attack was noticed.
fn is_seen(world: &World, alarm: Alarm, since: Millis, actors: &[HostId]) -> Option<Millis> {
    let chronicle = &world.chronicle;
    let acts = |node| {
        world
            .host_of(node)
            .is_some_and(|host| actors.contains(&host))
    };
    let first = |seen: &[(Millis, NodeId)]| {
        let mut seen = seen.iter();
        let first = seen.find(|(at, node)| since <= *at && acts(*node));
        first.map(|(at, _)| *at)
    };
    match alarm {
        Alarm::Nothing | Alarm::Refused => None,
        Alarm::StartRefused => first(&chronicle.refused_to_start),
        Alarm::NodeConvicted => {
            let convicted = chronicle.nodes_convicted.values().copied().min();
            chronicle.accused_ms.or(convicted)
        }
        Alarm::AgentConvicted => chronicle.agents_convicted.values().copied().min(),
        Alarm::NodeLost => first(&chronicle.lost),
        Alarm::LeaderChanged => {
            let led = chronicle.led.values();
            led.map(|(at, _)| *at).filter(|at| since < *at).min()
        }
    }
}

/// How often adversaries have done something, all of them together.
fn told(world: &World) -> u64 {
    world.adversaries.values().map(Adversary::told).sum()
}

/// A moment, in words.
fn mark(at_ms: Millis, stage: Stage, words: impl Into<String>) -> Mark {
    Mark {
        at_ms,
        stage,
        words: words.into(),
    }
}
