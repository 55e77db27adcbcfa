//! One drill, run and told.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use hms_testnet::Cluster;
use hms_testnet::drill::report::Circumstances;
use hms_testnet::drill::{Drill, DrillFault, Mark, Report, Run, Sealed, Stage, World};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use super::{catalogue, report, simulate, store::Store};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::screen::{Screen, remark};

/// Most runs of one command: what is more is a campaign.
const REPEATS_MAX: u64 = 10_000;

/// Which drill, and how.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// Name of a drill, or a TOML file with one.
    #[arg(value_name = "DRILL")]
    drill: String,
    /// Where: in the simulation, or with real nodes [default: the first that the drill names].
    #[arg(long, value_enum)]
    world: Option<Where>,
    /// How many nodes: voters stay, workers come or go [default: what the drill says].
    #[arg(long, value_name = "N")]
    nodes: Option<u32>,
    /// The seed; each further run has the next.
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
    /// How many runs.
    #[arg(long, default_value_t = 1, value_name = "R", value_parser = clap::value_parser!(u64).range(1..=REPEATS_MAX))]
    repeat: u64,
    /// Run it against the local mesh in this folder, which was there before, instead of one that is made for it.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["nodes", "repeat"])]
    live: Option<PathBuf>,
    /// Allow that a mesh is touched that this command did not start.
    #[arg(long)]
    allow_live: bool,
    /// How many nodes of a live mesh may be touched.
    #[arg(long, default_value_t = 1, value_name = "N")]
    blast_radius: usize,
    /// Folder for the report [default: `$HMS_DRILL_DIR`, else ~/.local/state/hms/drills]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// The worlds, as they are typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Where {
    /// In one thread, under one seed, in simulated time.
    Sim,
    /// With real nodes, as processes on this machine.
    Testnet,
}

impl From<Where> for World {
    fn from(typed: Where) -> Self {
        match typed {
            Where::Sim => Self::Sim,
            Where::Testnet => Self::Testnet,
        }
    }
}

/// Runs it. The mesh that is made for it is gone when this returns, whatever happened.
pub(super) async fn run(wanted: &Wanted, screen: Screen) -> Result<Exit, Fault> {
    let mut drill = catalogue::read(&wanted.drill)?;
    if let Some(nodes) = wanted.nodes {
        drill = drill.with_nodes(nodes)?;
    }
    let world = match (wanted.world, &wanted.live) {
        (_, Some(_)) => World::Testnet,
        (Some(world), None) => world.into(),
        (None, None) => drill.worlds[0],
    };
    drill.check_world(world)?;
    let live = wanted
        .live
        .as_deref()
        .map(|folder| open_live(wanted, &drill, folder));
    let live = live.transpose()?;
    let store = Store::open(wanted.out.as_deref())?;
    remark(&format!("{} {}: {}", drill.fault, drill.name, drill.title));
    let runs = match live {
        Some(cluster) => {
            let tell = &mut |mark: &Mark| remark(&line(mark));
            vec![hms_testnet::arena::run_live(cluster, &drill, wanted.seed, tell).await?]
        }
        None => perform(&drill, world, wanted, screen).await?,
    };
    let report = Report::of(&drill, circumstances(world, wanted.seed), runs);
    let (sealed, files) = store.keep(report)?;
    show(&sealed, screen)?;
    for file in files {
        remark(&format!("report  {}", file.display()));
    }
    Ok(report::exit(sealed.report.verdict))
}

/// A mesh that was there before, if this drill may touch it.
fn open_live(wanted: &Wanted, drill: &Drill, folder: &Path) -> Result<Cluster, Fault> {
    if !wanted.allow_live {
        let refused = DrillFault::NotLive {
            name: drill.name.clone(),
            reason: "nobody has allowed it with --allow-live".to_owned(),
        };
        return Err(refused.into());
    }
    drill.check_live(wanted.blast_radius)?;
    Ok(Cluster::open(folder)?)
}

async fn perform(
    drill: &Drill,
    world: World,
    wanted: &Wanted,
    screen: Screen,
) -> Result<Vec<Run>, Fault> {
    let bar = progress(wanted.repeat, screen);
    let alone = wanted.repeat == 1;
    let tell = move |_: u64, mark: &Mark| {
        if alone && mark.stage != Stage::Noted {
            remark(&line(mark));
        }
    };
    let runs = match world {
        World::Sim => {
            let (drill, seed, repeats, ticks) =
                (drill.clone(), wanted.seed, wanted.repeat, bar.clone());
            let simulating = tokio::task::spawn_blocking(move || {
                simulate::simulate(&drill, seed, repeats, tell, |_| ticks.inc(1))
            });
            simulating.await.map_err(|error| Fault::Simulator {
                reason: error.to_string(),
            })??
        }
        World::Testnet => {
            let mut runs = Vec::new();
            for seed in wanted.seed..wanted.seed + wanted.repeat {
                runs.push(
                    hms_testnet::arena::run(drill, seed, &mut |mark| tell(seed, mark)).await?,
                );
                bar.inc(1);
            }
            runs
        }
    };
    bar.finish_and_clear();
    Ok(runs)
}

/// What a report is made under.
pub(super) fn circumstances(world: World, seed: u64) -> Circumstances {
    let now = i64::try_from(crate::clock::now().0).unwrap_or(i64::MAX);
    let made_at = jiff::Timestamp::from_millisecond(now).map(|time| time.to_string());
    Circumstances {
        hms: env!("CARGO_PKG_VERSION").to_owned(),
        made_at: made_at.unwrap_or_default(),
        world,
        seed,
    }
}

fn show(sealed: &Sealed, screen: Screen) -> Result<(), Fault> {
    let json = || serde_json::from_str(sealed.text()).unwrap_or(Value::Null);
    screen.show(|_| sealed.report.to_text(), json)
}

/// A moment, as it is shown while it happens.
fn line(mark: &Mark) -> String {
    format!(
        "{:>7} ms  {:<9}  {}",
        mark.at_ms,
        mark.stage.name(),
        mark.words
    )
}

/// A bar on standard error, for people who wait for many runs.
fn progress(runs: u64, screen: Screen) -> ProgressBar {
    if screen.is_json() || runs == 1 {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} runs, {elapsed}");
    ProgressBar::new(runs).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
