//! From a run that breaks a promise to the smallest one that breaks the same.
//!
//! What came after the promise was broken is dropped first, then the weather, workers and requests, then blows by delta
//! debugging: halves, quarters, and so on down to single ones. In the end no single blow can be missed. All of it is
//! trying: a run with less in it is another run, and whatever still breaks the same promise is kept.

use std::mem::{Discriminant, discriminant};

use crate::sim::Outcome;
use crate::sim::clock::Millis;
use crate::sim::fate::Blow;
use crate::sim::oracle::Violation;
use crate::sim::scenario::{Cast, Scenario};

/// Runs that a shrinking takes at most. When they are used up, the smallest scenario so far is the result.
const RUNS_MAX: usize = 1_500;

/// What shrinking has come to.
#[derive(Debug)]
pub struct Shrunk {
    /// The smallest scenario that still breaks the promise.
    pub scenario: Scenario,
    /// How it came out.
    pub outcome: Outcome,
    /// Runs that it took.
    pub runs: usize,
}

/// A scenario that breaks a promise, and which.
struct Shrinking {
    scenario: Scenario,
    outcome: Outcome,
    promise: Discriminant<Violation>,
    runs: usize,
}

/// Shrinks a scenario; `None` if it breaks no promise.
pub fn shrink(scenario: Scenario) -> Option<Shrunk> {
    let outcome = scenario.run();
    let promise = discriminant(outcome.broken.as_ref()?);
    let mut shrinking = Shrinking {
        scenario,
        outcome,
        promise,
        runs: 1,
    };
    shrinking.drop_what_came_later();
    shrinking.drop_cast();
    shrinking.drop_blows();
    while shrinking.drop_cast() {
        shrinking.drop_blows();
    }
    let Shrinking {
        scenario,
        outcome,
        runs,
        ..
    } = shrinking;
    Some(Shrunk {
        scenario,
        outcome,
        runs,
    })
}

impl Shrinking {
    /// Keeps a scenario if it breaks the same promise. Says whether it does.
    fn keep(&mut self, smaller: Scenario) -> bool {
        if RUNS_MAX <= self.runs {
            return false;
        }
        self.runs += 1;
        let outcome = smaller.run();
        let same = outcome.broken.as_ref().map(discriminant) == Some(self.promise);
        if same {
            self.scenario = smaller;
            self.outcome = outcome;
        }
        same
    }

    fn with_blows(&self, blows: Vec<(Millis, Blow)>) -> Scenario {
        let mut smaller = self.scenario.clone();
        smaller.fate.blows = blows;
        smaller
    }

    fn drop_what_came_later(&mut self) {
        let ended_at = self.outcome.ended_at;
        let mut blows = self.scenario.fate.blows.clone();
        blows.retain(|(at, _)| *at <= ended_at);
        let smaller = self.with_blows(blows);
        self.keep(smaller);
    }

    /// Leaves out of the plan what it does not need. Says whether there was anything.
    fn drop_cast(&mut self) -> bool {
        let mut shrunk = false;
        while self.drop_of_cast() {
            shrunk = true;
        }
        shrunk
    }

    fn drop_of_cast(&mut self) -> bool {
        let cast = self.scenario.cast;
        let fewer = |clients, requests| Cast {
            clients,
            requests,
            ..cast
        };
        let mut trials = vec![
            Cast { calm: true, ..cast },
            Cast { workers: 0, ..cast },
            fewer(0, 0),
            fewer(cast.clients.min(1), cast.requests),
            fewer(cast.clients, cast.requests / 2),
            fewer(cast.clients, cast.requests.saturating_sub(1)),
        ];
        trials.retain(|trial| *trial != cast);
        trials.into_iter().any(|cast| {
            let whole = self.scenario.clone();
            self.keep(Scenario { cast, ..whole })
        })
    }

    /// Delta debugging: leaves out parts of the blows, of ever smaller size, until no single one can be left out.
    fn drop_blows(&mut self) {
        let mut size = self.scenario.fate.blows.len().div_ceil(2);
        while 0 < size {
            let dropped = self.drop_parts(size);
            if size == 1 && !dropped {
                return;
            }
            size = size.div_ceil(2).min(self.scenario.fate.blows.len());
        }
    }

    /// Tries to leave out every part of so many blows, the last ones first. Says whether any could be.
    fn drop_parts(&mut self, size: usize) -> bool {
        let mut dropped = false;
        let mut end = self.scenario.fate.blows.len();
        while 0 < end {
            let begin = end.saturating_sub(size);
            let mut blows = self.scenario.fate.blows.clone();
            blows.drain(begin..end);
            let smaller = self.with_blows(blows);
            dropped |= self.keep(smaller);
            end = begin.min(self.scenario.fate.blows.len());
        }
        dropped
    }
}
