//! A whole mesh in one thread, under one seed.
//!
//! The minds run as they do in production. Everything around them is simulated: a clock that jumps from one occurrence to
//! the next, links that lose, delay, reorder, repeat and cut, disks that forget what was not synced, nodes that crash,
//! sleep and come back, agents that do their work well, badly or late, a voter that lies, and clients that ask again when
//! nobody answers.
//! All chance comes from the seed, so a run can be repeated to the last byte; [`Trace`] proves it.
//!
//! After every step the [`oracle`] checks what must never be false. After the faults end, the mesh must come to rest with
//! every acknowledged task decided.

pub mod agents;
pub mod chronicle;
pub mod clock;
pub mod crowd;
pub mod dial;
pub mod directory;
pub mod disk;
pub mod drill;
pub mod fate;
pub mod harvest;
pub mod host;
pub mod links;
pub mod oracle;
pub mod plan;
pub mod scenario;
pub mod seats;
pub mod shrink;
pub mod soak;
pub mod story;
pub mod trace;
pub mod world;

use std::fmt;

use clock::Millis;
use fate::Fate;
use hms_testnet::attack::Adversary;
use oracle::Violation;
use plan::Plan;
use trace::Trace;
use world::World;

/// How long the mesh may take to come to rest once the troubles are over, in milliseconds of its own time.
const REST_WITHIN_MS: u64 = 120_000;

/// How a run came out.
#[derive(Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// The first promise that was broken.
    pub broken: Option<Violation>,
    /// When it ended, in milliseconds of its own time: when that promise was broken, or when everything was at rest.
    pub ended_at: Millis,
    /// What has happened.
    pub trace: Trace,
    /// Tasks that were acknowledged.
    pub tasks: usize,
    /// Receipts that were taken, and hold.
    pub receipts: usize,
    /// Nodes that were convicted.
    pub convicted: usize,
    /// Lies that were told.
    pub lies: u64,
    /// Changes of voters that a liar wanted and nobody has ordered.
    pub coups: u64,
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, tasks, .. } = self;
        let digest = self.trace.digest();
        match &self.broken {
            None => write!(out, "seed {seed}: {tasks} tasks, trace {digest}"),
            Some(broken) => write!(out, "seed {seed}: {broken:?}; HMS_SEED={seed} repeats it"),
        }
    }
}

/// Runs one seed to its end.
pub fn run(seed: u64) -> Outcome {
    run_plan(seed, &Plan::draw(seed))
}

/// Runs one seed with a plan of its own.
pub fn run_plan(seed: u64, plan: &Plan) -> Outcome {
    run_under(seed, plan, Fate::draw(seed, plan))
}

/// Runs one seed with a plan and a fate of its own.
pub fn run_under(seed: u64, plan: &Plan, fate: Fate) -> Outcome {
    let mut world = World::found_under(seed, plan, fate);
    let (_, ends_at) = plan.troubles_ms;
    world.run_until(ends_at);
    world.heal();
    let mut waited = ends_at;
    while world.oracle.broken.is_none() && !world.is_at_rest() {
        if ends_at + REST_WITHIN_MS <= waited {
            let open = world.unfinished();
            world.oracle.stuck(open);
            break;
        }
        waited += 500;
        world.run_until(waited);
    }
    world.audit();
    Outcome {
        seed,
        broken: world.oracle.broken.clone(),
        ended_at: world.agenda.now(),
        tasks: world.oracle.promises().count(),
        receipts: world.oracle.receipts(),
        convicted: world.oracle.convictions(),
        lies: world.adversaries.values().map(Adversary::told).sum(),
        coups: world.adversaries.values().map(Adversary::coups).sum(),
        trace: world.trace,
    }
}
