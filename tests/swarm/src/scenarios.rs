//! The page of scenarios: what happens in a run, and what must hold of it.
//!
//! Every bound is virtual time. A scenario that does not hold says which pair of nodes it waited for.

mod frames;
mod gossip;
mod partition;
mod restart;
mod stranger;
mod timers;

use std::fmt;
use std::time::Duration;

use clap::ValueEnum;

use crate::journal::{Pages, Pair, Place};
use crate::scene::{Cast, Scene};

/// How long a new mesh may take until everybody hears everybody: connections, subscriptions, and a few of gossipsub's
/// heartbeats.
const FORM_WITHIN: Duration = Duration::from_secs(10);

/// What can be played.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Scenario {
    /// Timers of libp2p fire in virtual time.
    Timers,
    /// The gossip of each reaches all.
    Gossip,
    /// Two sides are cut apart for long enough to notice.
    Partition,
    /// Two sides are cut apart for so short that no link goes down before the heal.
    Hiccup,
    /// A killed node comes back with its key.
    Restart,
    /// A node loses power, tells nobody, and is back before anybody has missed it.
    PowerLoss,
    /// Frames keep their order across restarts and cuts.
    Frames,
    /// Somebody who is no member comes along.
    Stranger,
}

/// What a run has shown.
#[derive(Debug)]
pub(crate) struct Outcome {
    scenario: Scenario,
    nodes: u8,
    seed: u64,
    virtual_ms: u64,
    trace: String,
    remarks: Vec<String>,
}

/// What a scenario remarks about a run: figures for the reader.
type Remarks = Vec<String>;

impl Scenario {
    /// Plays it with so many members.
    ///
    /// # Errors
    /// When something did not hold.
    pub(crate) fn play(self, nodes: u8, seed: u64) -> anyhow::Result<Outcome> {
        let (strangers, burst) = match self {
            Self::Frames => (0, frames::BURST),
            Self::Stranger => (1, 1),
            Self::Restart | Self::PowerLoss => (0, 1),
            Self::Timers | Self::Gossip | Self::Partition | Self::Hiccup => (0, 0),
        };
        let cast = Cast {
            members: nodes,
            strangers,
            burst,
        };
        let mut scene = Scene::set(cast, seed);
        let remarks = match self {
            Self::Timers => timers::play(&mut scene),
            Self::Gossip => gossip::play(&mut scene),
            Self::Partition => partition::play(&mut scene),
            Self::Hiccup => partition::play_hiccup(&mut scene),
            Self::Restart => restart::play(&mut scene),
            Self::PowerLoss => restart::play_power_loss(&mut scene),
            Self::Frames => frames::play(&mut scene),
            Self::Stranger => stranger::play(&mut scene),
        }?;
        let trace = scene.journal().read().trace();
        Ok(Outcome {
            scenario: self,
            nodes,
            seed,
            virtual_ms: scene.now_ms(),
            trace,
            remarks,
        })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            scenario,
            nodes,
            seed,
            virtual_ms,
            trace,
            remarks,
        } = self;
        write!(
            formatter,
            "{scenario:?} nodes={nodes} seed={seed} virtual_ms={virtual_ms} trace={trace}"
        )?;
        remarks
            .iter()
            .try_for_each(|remark| write!(formatter, "\n  {remark}"))
    }
}

/// Runs until everybody hears everybody.
fn form(scene: &mut Scene) -> anyhow::Result<String> {
    let all = scene.members();
    let took_ms = scene.run_until("a new mesh hears itself", FORM_WITHIN, |pages| {
        all_hear(pages, &all, &all, 0)
    })?;
    Ok(format!("all heard all after {took_ms} ms"))
}

/// Whether every hearer has heard gossip of every speaker since a moment; if not, who has not.
fn all_hear(
    pages: &Pages,
    hearers: &[Place],
    speakers: &[Place],
    since_ms: u64,
) -> Result<(), String> {
    for (hearer, speaker) in pairs(hearers, speakers) {
        let last = pages.gossip((hearer, speaker)).last();
        if last.is_none_or(|last| last.at_ms < since_ms) {
            return Err(format!(
                "{hearer} has not heard {speaker} since {since_ms} ms"
            ));
        }
    }
    Ok(())
}

/// Links that nothing has happened to never went down: nobody mends by breaking everything now and then.
fn check_untouched(pages: &Pages, places: &[Place]) -> anyhow::Result<()> {
    for pair in pairs(places, places) {
        let (near, far) = pair;
        anyhow::ensure!(
            pages.down_ms(pair).is_none(),
            "{near} lost its link to {far} without a reason"
        );
    }
    Ok(())
}

/// Every hearer with every speaker but itself.
fn pairs(hearers: &[Place], speakers: &[Place]) -> Vec<(Place, Place)> {
    let with_all = |hearer: &Place| {
        let speakers = speakers.iter().filter(|speaker| *speaker != hearer);
        speakers
            .map(|speaker| (*hearer, *speaker))
            .collect::<Vec<_>>()
    };
    hearers.iter().flat_map(with_all).collect()
}
