//! Runs of a seed as scripts: what a shrunk run is written as, and read from.
//!
//! | line | what it says |
//! |---|---|
//! | `mesh seed=7 plan=honest clients=1 requests=20 workers=0 weather=calm` | the seed and the kind of plan, and what of the plan is left |
//! | `at 1200ms kill n2` | what befalls the mesh then: any blow, see [`blow`] |
//! | `finish` | lets all of it happen; that no promise may be broken goes without saying |
//!
//! Nothing is told of such a run but a promise that was broken: what is not decided here is left to the seed.

use std::fmt::Write as _;

use crate::golden::blow;
use crate::golden::stage::StageError;
use crate::golden::words::{Words, span};
use crate::sim::scenario::{Kind, Scenario};
use crate::sim::shrink::Shrunk;

/// What stands for a network that is calm all the time.
const CALM: &str = "calm";

/// A shrunk run as a script, which holds when the promise is kept.
pub fn write(shrunk: &Shrunk) -> String {
    let Scenario {
        seed,
        kind,
        cast,
        fate,
    } = &shrunk.scenario;
    let mut script = String::new();
    let broken = shrunk.outcome.broken.as_ref();
    let promise = broken.map_or_else(String::new, |broken| format!("{broken:?}"));
    let weather = if cast.calm { " weather=calm" } else { "" };
    let lines = [
        format!("# Seed {seed} of the plan {kind} broke a promise: {promise}."),
        format!(
            "mesh seed={seed} plan={kind} clients={} requests={} workers={}{weather}",
            cast.clients, cast.requests, cast.workers
        ),
    ];
    let blows = fate.blows.iter();
    let blows = blows.map(|(at, it)| format!("at {at}ms {}", blow::write(*it)));
    let end = ["finish", "---", "ok"].map(str::to_owned);
    for line in lines.into_iter().chain(blows).chain(end) {
        writeln!(script, "{line}").expect("a string takes every line");
    }
    script
}

/// The scenario that a `mesh` line begins, without blows; `None` if the line is not of a seed.
pub(super) fn begin(words: &Words<'_>) -> Result<Option<Scenario>, StageError> {
    if !words.named.contains_key("seed") {
        return Ok(None);
    }
    let kind = words.named("plan", Kind::Honest)?;
    let mut scenario = Scenario::draw(kind, words.named("seed", 0)?);
    scenario.fate.blows.clear();
    let cast = &mut scenario.cast;
    cast.clients = words.named("clients", cast.clients)?;
    cast.requests = words.named("requests", cast.requests)?;
    cast.workers = words.named("workers", cast.workers)?;
    cast.calm = words.named.get("weather") == Some(&CALM);
    Ok(Some(scenario))
}

/// Adds what befalls it at some time.
pub(super) fn add(scenario: &mut Scenario, words: &Words<'_>) -> Result<(), StageError> {
    let at = span(words.plain(1, "when")?).ok_or(StageError::BadWord { what: "when" })?;
    let struck = blow::read(words.plain.get(2..).unwrap_or_default());
    let struck = struck.ok_or(StageError::BadWord { what: "a blow" })??;
    scenario.fate.blows.push((at, struck));
    Ok(())
}
