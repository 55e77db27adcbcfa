//! Many seeds, on as many threads as the machine has.

use std::fmt;
use std::num::NonZero;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::sim::{Outcome, run};

/// What came of many seeds.
#[derive(Debug, Default)]
pub struct Soaked {
    /// How many were run.
    pub seeds: u64,
    /// Tasks that were acknowledged in all of them.
    pub tasks: usize,
    /// Receipts that were taken in all of them.
    pub receipts: usize,
    /// Nodes that were convicted in all of them.
    pub convicted: usize,
    /// Lies that were told in all of them.
    pub lies: u64,
    /// Changes of voters that liars wanted and nobody has ordered, in all of them.
    pub coups: u64,
    /// What happened in all of them.
    pub events: u64,
    /// Those that broke a promise, by seed.
    pub broken: Vec<Outcome>,
}

impl fmt::Display for Soaked {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            seeds,
            tasks,
            receipts,
            convicted,
            lies,
            coups,
            events,
            broken,
        } = self;
        let broken = broken.len();
        write!(
            out,
            "{seeds} seeds, {tasks} tasks, {receipts} receipts, {convicted} convicted, {lies} lies, {coups} coups, {events} events, {broken} broken"
        )
    }
}

/// Runs every seed of a range.
pub fn soak(seeds: Range<u64>) -> Soaked {
    soak_with(seeds, run)
}

/// Runs every seed of a range in a way of its own.
pub fn soak_with(seeds: Range<u64>, run: impl Fn(u64) -> Outcome + Sync) -> Soaked {
    let next = AtomicU64::new(seeds.start);
    let soaked = Mutex::new(Soaked::default());
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seeds.end <= seed {
                        return;
                    }
                    let outcome = run(seed);
                    let mut soaked = soaked.lock().expect("no thread panics with the lock");
                    soaked.take(outcome);
                }
            });
        }
    });
    let mut soaked = soaked.into_inner().expect("no thread panics with the lock");
    soaked.broken.sort_by_key(|outcome| outcome.seed);
    soaked
}

impl Soaked {
    /// Adds what came of further seeds.
    pub fn add(&mut self, more: Self) {
        self.seeds += more.seeds;
        self.tasks += more.tasks;
        self.receipts += more.receipts;
        self.convicted += more.convicted;
        self.lies += more.lies;
        self.coups += more.coups;
        self.events += more.events;
        self.broken.extend(more.broken);
    }

    fn take(&mut self, outcome: Outcome) {
        self.seeds += 1;
        self.tasks += outcome.tasks;
        self.receipts += outcome.receipts;
        self.convicted += outcome.convicted;
        self.lies += outcome.lies;
        self.coups += outcome.coups;
        self.events += outcome.trace.events();
        if outcome.broken.is_some() {
            self.broken.push(outcome);
        }
    }
}
