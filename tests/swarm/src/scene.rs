//! The scene of a run: the hosts, the network between them, and virtual time.
//!
//! A scene does what a scenario orders (cut, heal, crash, restart) and runs until something holds or its time is up. It
//! reads no clock: time is what the simulation says.

use std::cell::Cell;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use turmoil::{Builder, Sim};

use crate::journal::{Journal, Pages, Place};
use crate::speaker::{Part, speak};

/// How finely time is cut.
const TICK: Duration = Duration::from_millis(5);

/// How long a segment travels, at least and at most: some overtake others.
const LATENCY_MIN: Duration = Duration::from_millis(1);
const LATENCY_MAX: Duration = Duration::from_millis(30);

/// How long any run may take, so that one that never ends is a failure with a reason.
const RUN_MAX: Duration = Duration::from_mins(10);

/// Who is there, and whom they take for members.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cast {
    /// Nodes that know each other.
    pub(crate) members: u8,
    /// Nodes that know the members and that no member knows.
    pub(crate) strangers: u8,
    /// Frames that everybody sends to each member at once.
    pub(crate) burst: u32,
}

/// Hosts, network and time.
pub(crate) struct Scene {
    sim: Sim<'static>,
    journal: Journal,
    members: Vec<(Place, IpAddr)>,
    strangers: Vec<(Place, IpAddr)>,
}

impl Scene {
    /// Sets up a cast; nothing has happened yet.
    pub(crate) fn set(cast: Cast, seed: u64) -> Self {
        let mut sim = Builder::new()
            .rng_seed(seed)
            .tick_duration(TICK)
            .simulation_duration(RUN_MAX)
            .min_message_latency(LATENCY_MIN)
            .max_message_latency(LATENCY_MAX)
            .enable_random_order()
            .build();
        let everybody: Vec<_> = (1..=cast.members + cast.strangers)
            .map(|number| (Place(number), sim.lookup(Place(number).to_string())))
            .collect();
        let (members, strangers) = everybody.split_at(usize::from(cast.members));
        let journal = Journal::default();
        for (place, ip) in &everybody {
            let part = Part {
                place: *place,
                ip: *ip,
                members: members.to_vec(),
                burst: cast.burst,
            };
            let (lives, journal) = (Rc::new(Cell::new(0)), journal.clone());
            sim.host(*ip, move || {
                let life = lives.get();
                lives.set(life + 1);
                speak(part.clone(), life, journal.clone())
            });
        }
        Self {
            sim,
            journal,
            members: members.to_vec(),
            strangers: strangers.to_vec(),
        }
    }

    /// Everybody who is a member.
    pub(crate) fn members(&self) -> Vec<Place> {
        self.members.iter().map(|(place, _)| *place).collect()
    }

    /// Everybody who is not.
    pub(crate) fn strangers(&self) -> Vec<Place> {
        self.strangers.iter().map(|(place, _)| *place).collect()
    }

    /// Virtual milliseconds since the run began.
    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.sim.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// What has been noted so far.
    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Lets time pass.
    pub(crate) fn run_for(&mut self, time: Duration) -> anyhow::Result<()> {
        let until = self.sim.elapsed() + time;
        while self.sim.elapsed() < until {
            self.step()?;
        }
        Ok(())
    }

    /// Runs until something holds of what was noted, and says how many virtual milliseconds that took.
    pub(crate) fn run_until(
        &mut self,
        what: &str,
        within: Duration,
        holds: impl Fn(&Pages) -> Result<(), String>,
    ) -> anyhow::Result<u64> {
        let started_ms = self.now_ms();
        let until = self.sim.elapsed() + within;
        loop {
            let Err(missing) = holds(&self.journal.read()) else {
                return Ok(self.now_ms() - started_ms);
            };
            if until <= self.sim.elapsed() {
                anyhow::bail!("{what}: not within {within:?} of virtual time: {missing}");
            }
            self.step()?;
        }
    }

    /// Drops everything between two sides from now on.
    pub(crate) fn cut(&mut self, left: &[Place], right: &[Place]) {
        for (one, other) in pairs(left, right) {
            self.sim.partition(self.ip(one), self.ip(other));
        }
    }

    /// Carries everything between two sides again; what was dropped stays lost.
    pub(crate) fn heal(&mut self, left: &[Place], right: &[Place]) {
        for (one, other) in pairs(left, right) {
            self.sim.repair(self.ip(one), self.ip(other));
        }
    }

    /// Stops a node at once. Its connections close, as those of a killed process do.
    pub(crate) fn crash(&mut self, place: Place) {
        self.sim.crash(self.ip(place));
    }

    /// Starts a node again, with the key that it had.
    pub(crate) fn restart(&mut self, place: Place) {
        self.sim.bounce(self.ip(place));
    }

    fn step(&mut self) -> anyhow::Result<()> {
        let stepped = self.sim.step();
        stepped.map_err(|error| anyhow::anyhow!("a node gave up: {error}"))?;
        Ok(())
    }

    fn ip(&self, place: Place) -> IpAddr {
        self.sim.lookup(place.to_string())
    }
}

fn pairs(left: &[Place], right: &[Place]) -> Vec<(Place, Place)> {
    let with_all = |one: &Place| right.iter().map(|other| (*one, *other)).collect::<Vec<_>>();
    left.iter().flat_map(with_all).collect()
}
