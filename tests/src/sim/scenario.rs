//! A run as data: a seed, a kind of plan, what of the plan is left out, and every blow with its time.
//!
//! Whatever happens in a run follows from its scenario, so that a run can be told, repeated and cut short. What fate would
//! strike is in it, drawn or written down; everything else that is left to chance comes from the seed.

use std::fmt;
use std::str::FromStr;

use crate::sim::fate::Fate;
use crate::sim::links::Weather;
use crate::sim::plan::{Extra, Plan};
use crate::sim::{Outcome, run_under};

/// A kind of plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Everybody is honest, and much goes wrong.
    Honest,
    /// One voter of four lies.
    Liar,
    /// Two voters of four lie, as good as. No mesh can stand that.
    TwoLiars,
    /// Disks call durable what is not. No mesh can stand that.
    DishonestDisks,
    /// The key of one voter of four runs twice.
    Twins,
    /// The disk of one voter of four is put back to what it was.
    Rewound,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Honest,
        Self::Liar,
        Self::TwoLiars,
        Self::DishonestDisks,
        Self::Twins,
        Self::Rewound,
    ];

    /// Its name in scripts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Honest => "honest",
            Self::Liar => "liar",
            Self::TwoLiars => "two-liars",
            Self::DishonestDisks => "dishonest-disks",
            Self::Twins => "twins",
            Self::Rewound => "rewound",
        }
    }

    /// The plan of this kind for a seed.
    pub fn plan(self, seed: u64) -> Plan {
        match self {
            Self::Honest => Plan::draw(seed),
            Self::Liar => Plan::with_liar(seed),
            Self::TwoLiars => Plan::with_two_liars(seed),
            Self::DishonestDisks => Plan::on_dishonest_disks(seed),
            Self::Twins => Plan::with_one_of_four(seed, Extra::Twin),
            Self::Rewound => Plan::with_one_of_four(seed, Extra::Rewind),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// A word that names no kind of plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such kind of plan")]
pub struct UnknownKind;

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(word: &str) -> Result<Self, UnknownKind> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == word);
        found.ok_or(UnknownKind)
    }
}

/// What of a plan is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cast {
    /// Clients.
    pub clients: usize,
    /// Requests that they make together.
    pub requests: usize,
    /// Workers.
    pub workers: usize,
    /// Whether the network is calm all the time.
    pub calm: bool,
}

/// A run as data.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The seed.
    pub seed: u64,
    /// The kind of its plan.
    pub kind: Kind,
    /// What of the plan is left.
    pub cast: Cast,
    /// What falls, and when.
    pub fate: Fate,
}

impl Scenario {
    /// The scenario of a seed, with everything that the plan has and fate draws.
    pub fn draw(kind: Kind, seed: u64) -> Self {
        let plan = kind.plan(seed);
        Self {
            seed,
            kind,
            cast: Cast {
                clients: plan.clients,
                requests: plan.requests,
                workers: plan.workers,
                calm: false,
            },
            fate: Fate::draw(seed, &plan),
        }
    }

    /// Its plan.
    pub fn plan(&self) -> Plan {
        let plan = self.kind.plan(self.seed);
        Plan {
            clients: self.cast.clients,
            requests: self.cast.requests,
            workers: self.cast.workers,
            weather: if self.cast.calm {
                Weather::CALM
            } else {
                plan.weather
            },
            ..plan
        }
    }

    /// Runs it to its end.
    pub fn run(&self) -> Outcome {
        run_under(self.seed, &self.plan(), self.fate.clone())
    }
}
