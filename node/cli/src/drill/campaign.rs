//! The whole catalogue, with further seeds while there is time; or random combinations of attacks.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use hms_testnet::drill::catalogue::drills;
use hms_testnet::drill::manifest::Drill;
use hms_testnet::drill::mixture::mixture;
use hms_testnet::drill::verdict::judge;
use hms_testnet::drill::{Report, Run, Verdict, World};
use serde_json::{Value, json};

use super::run::{Where, circumstances};
use super::store::Store;
use super::{catalogue, report, simulate};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::phrase::parse_span;
use crate::screen::{Screen, plain, remark};

/// What to run, and for how long.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// Where.
    #[arg(long, value_enum, default_value = "sim")]
    world: Where,
    /// For how long: every drill is run once, then again while there is time.
    #[arg(long, default_value = "1m", value_parser = parse_span, value_name = "SPAN")]
    within: Duration,
    /// The first seed.
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
    /// Random combinations of the attacks of the catalogue, instead of the catalogue.
    #[arg(long)]
    random: bool,
    /// Folder for the reports [default: `$HMS_DRILL_DIR`, else ~/.local/state/hms/drills]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// One line of the matrix.
struct Line {
    drill: Drill,
    seed: u64,
    runs: Vec<Run>,
}

/// Runs until the time is up, at least once through.
pub(super) async fn run(wanted: &Wanted, screen: Screen) -> Result<Exit, Fault> {
    let world = World::from(wanted.world);
    let store = Store::open(wanted.out.as_deref())?;
    let began = crate::clock::stopwatch();
    let mut lines: Vec<Line> = Vec::new();
    let mut seed = wanted.seed;
    while seed == wanted.seed || began.elapsed() < wanted.within {
        for drill in chosen(wanted, world, seed) {
            if seed != wanted.seed && wanted.within < began.elapsed() {
                break;
            }
            let run = once(&drill, world, seed).await?;
            let (verdict, _) = judge(&drill, &run);
            remark(&format!("{:<22} seed {seed}: {verdict}", drill.name));
            match lines.iter_mut().find(|line| line.drill == drill) {
                Some(line) => line.runs.push(run),
                None => lines.push(Line {
                    drill,
                    seed,
                    runs: vec![run],
                }),
            }
        }
        seed += 1;
    }
    conclude(lines, world, &store, screen)
}

/// What is run under a seed.
fn chosen(wanted: &Wanted, world: World, seed: u64) -> Vec<Drill> {
    if wanted.random {
        return vec![mixture(seed, world)];
    }
    let drills = drills().into_iter();
    drills
        .filter(|drill| drill.worlds.contains(&world))
        .collect()
}

async fn once(drill: &Drill, world: World, seed: u64) -> Result<Run, Fault> {
    if world == World::Testnet {
        return Ok(hms_testnet::arena::run(drill, seed, &mut |_| ()).await?);
    }
    let drill = drill.clone();
    let simulating =
        tokio::task::spawn_blocking(move || simulate::simulate(&drill, seed, 1, |_, _| (), |_| ()));
    let failed = |reason: String| Fault::Simulator { reason };
    let mut runs = simulating
        .await
        .map_err(|error| failed(error.to_string()))??;
    runs.pop()
        .ok_or_else(|| failed("it has run nothing".to_owned()))
}

fn conclude(lines: Vec<Line>, world: World, store: &Store, screen: Screen) -> Result<Exit, Fault> {
    let mut reports = Vec::new();
    for Line { drill, seed, runs } in lines {
        let report = Report::of(&drill, circumstances(world, seed), runs);
        let (sealed, _) = store.keep(report)?;
        reports.push(sealed.report);
    }
    let worst = reports.iter().map(|report| report.verdict).max();
    screen.show(
        |screen| matrix(&reports, screen),
        || Value::Array(reports.iter().map(row).collect()),
    )?;
    Ok(report::exit(worst.unwrap_or(Verdict::Failed)))
}

fn matrix(reports: &[Report], screen: Screen) -> String {
    let heading = [
        "FAULT",
        "DRILL",
        "RUNS",
        "VERDICT",
        "NOTICED p50/p99",
        "RECOVERED p50/p99",
        "LOST",
        "LIES",
        "WRONGED",
    ];
    let mut sheet = screen.table(&heading);
    let spread = |it: Option<hms_testnet::drill::tally::Spread>| {
        it.map_or_else(
            || "–".to_owned(),
            |it| format!("{}/{} ms", it.p50_ms, it.p99_ms),
        )
    };
    for report in reports {
        let totals = report.totals;
        sheet.row([
            plain(&report.drill.fault),
            plain(&report.drill.name),
            plain(report.runs.len()),
            (
                report.verdict.name().to_owned(),
                catalogue::tone(report.verdict),
            ),
            plain(spread(report.detection)),
            plain(spread(report.recovery)),
            plain(totals.lost),
            plain(totals.accepted_lies),
            plain(totals.wrongly_convicted),
        ]);
    }
    let findings = reports.iter().flat_map(|report| {
        let name = &report.drill.name;
        let of_drill = report.findings.iter();
        of_drill.map(move |finding| format!("\n{name} seed {}: {}", finding.seed, finding.words))
    });
    sheet.render() + &findings.collect::<String>()
}

fn row(report: &Report) -> Value {
    json!({
        "fault": report.drill.fault,
        "drill": report.drill.name,
        "runs": report.runs.len(),
        "verdict": report.verdict,
        "findings": report.findings,
        "detection": report.detection,
        "containment": report.containment,
        "recovery": report.recovery,
        "totals": report.totals,
        "replay": report.replay,
    })
}
