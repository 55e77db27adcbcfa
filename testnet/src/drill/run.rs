//! What happened in one run of a drill: a timeline, and what was counted.

use serde::{Deserialize, Serialize};

use super::tally::rank;

/// One run, as a world reports it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its seed.
    pub seed: u64,
    /// The digest of everything that happened, where a run can be repeated to the last byte.
    pub trace: Option<String>,
    /// What happened, in order.
    pub timeline: Vec<Mark>,
    /// How often something was done to the mesh.
    pub injected: u64,
    /// How often that was refused by somebody honest, where it is counted.
    pub refused: u64,
    /// From the first injection until it was noticed, in milliseconds.
    pub detected_ms: Option<u64>,
    /// From being noticed until it could do no more harm, in milliseconds.
    pub contained_ms: Option<u64>,
    /// From the end of the attack until the mesh was as before, in milliseconds.
    pub recovered_ms: Option<u64>,
    /// Changes of leader during the attack.
    pub leader_changes: u32,
    /// Submits that were acknowledged.
    pub acknowledged: u64,
    /// Submits that were acknowledged and are not in the ledger.
    pub lost: u64,
    /// Things that were proved to a client and are not so.
    pub accepted_lies: u64,
    /// Whom the ledger convicted, by name.
    pub convicted: Vec<String>,
    /// Whom it convicted and who had done nothing, by name.
    pub wrongly_convicted: Vec<String>,
    /// The promise that was broken, if one was.
    pub broken: Option<String>,
    /// Evidence as it stands in the ledger, in words, one for each.
    pub evidence: Vec<String>,
    /// The longest that a client waited for an acknowledgement during the attack, in milliseconds.
    pub longest_wait_ms: u64,
    /// How long clients waited for an acknowledgement before and during the attack, in microseconds.
    pub waited: Option<Waited>,
}

/// How long clients waited, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waited {
    /// The median before the attack.
    pub before_p50_us: u64,
    /// The 99th percentile before the attack.
    pub before_p99_us: u64,
    /// The median during the attack.
    pub during_p50_us: u64,
    /// The 99th percentile during the attack.
    pub during_p99_us: u64,
}

impl Waited {
    /// Of what clients waited before the attack and during it, in microseconds and in any order; zero where nobody did.
    pub fn of(mut before: Vec<u64>, mut during: Vec<u64>) -> Self {
        before.sort_unstable();
        during.sort_unstable();
        let rank = |sorted: &[u64], percent| rank(sorted, percent).unwrap_or_default();
        Self {
            before_p50_us: rank(&before, 50),
            before_p99_us: rank(&before, 99),
            during_p50_us: rank(&during, 50),
            during_p99_us: rank(&during, 99),
        }
    }
}

/// A moment of a timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// When, in milliseconds since the mesh was there.
    pub at_ms: u64,
    /// What kind of moment.
    pub stage: Stage,
    /// What happened.
    pub words: String,
}

/// A kind of moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The mesh does its work.
    Steady,
    /// Something is done to it for the first time.
    Injected,
    /// It is noticed.
    Detected,
    /// It can do no more harm.
    Contained,
    /// The attack is over.
    Ended,
    /// The mesh is as before.
    Recovered,
    /// A promise is broken.
    Broken,
    /// Something else worth telling.
    Noted,
}

impl Stage {
    /// Its name, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::Injected => "injected",
            Self::Detected => "detected",
            Self::Contained => "contained",
            Self::Ended => "ended",
            Self::Recovered => "recovered",
            Self::Broken => "broken",
            Self::Noted => "noted",
        }
    }
}

/// What a world tells while a drill is run, one per line of JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// A moment of the run of this seed.
    Mark(u64, Mark),
    /// A run is over.
    Run(Box<Run>),
    /// It cannot be run.
    Refused(String),
}
