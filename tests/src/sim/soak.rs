//! Many seeds, on as many threads as the machine has.

use std::fmt;
use std::num::NonZero;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::sim::Outcome;

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
    /// How long it took.
    pub took: Duration,
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
            took: _,
            broken,
        } = self;
        let broken = broken.len();
        write!(
            out,
            "{seeds} seeds, {tasks} tasks, {receipts} receipts, {convicted} convicted, {lies} lies, {coups} coups, {events} events, {broken} broken"
        )
    }
}

/// Runs every seed of a range in a way of its own.
pub fn soak_with(seeds: Range<u64>, run: impl Fn(u64) -> Outcome + Sync) -> Soaked {
    let began = Instant::now();
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
    soaked.took = began.elapsed();
    soaked.broken.sort_by_key(|outcome| outcome.seed);
    soaked
}

impl Soaked {
    /// How many seeds and events that were a second, in words.
    pub fn pace(&self) -> String {
        let took_ms = self.took.as_millis().max(1);
        let a_second = |count: u64| u128::from(count) * 1_000 / took_ms;
        let (seeds, events) = (a_second(self.seeds), a_second(self.events));
        format!("{seeds} seeds and {events} events a second")
    }

    /// Adds what came of further seeds.
    pub fn add(&mut self, more: Self) {
        self.seeds += more.seeds;
        self.tasks += more.tasks;
        self.receipts += more.receipts;
        self.convicted += more.convicted;
        self.lies += more.lies;
        self.coups += more.coups;
        self.events += more.events;
        self.took += more.took;
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
