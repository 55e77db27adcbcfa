//! What came of a drill, for whoever must trust the mesh: what was tried, what held, who was caught, how fast, and what is
//! not tolerated.

use hms_protocol::trust::Trust;
use serde::{Deserialize, Serialize};

use super::tally::Spread;
use super::verdict::judge;
use super::{Drill, Run, Verdict, World};

/// The form of the report. Another number is another form.
pub const REPORT_VERSION: u32 = 1;

/// A report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// [`REPORT_VERSION`].
    pub version: u32,
    /// The version of HMS that was drilled.
    pub hms: String,
    /// When it was made, as RFC 3339 says it.
    pub made_at: String,
    /// The drill, as it was run.
    pub drill: Drill,
    /// Where.
    pub world: World,
    /// The first seed; each further run has the next.
    pub seed: u64,
    /// What it comes to: the worst of the runs.
    pub verdict: Verdict,
    /// What was not as it should be, each with the seed of its run.
    pub findings: Vec<Finding>,
    /// How long it took until it was noticed.
    pub detection: Option<Spread>,
    /// How long it took until it could do no more harm.
    pub containment: Option<Spread>,
    /// How long it took until the mesh was as before.
    pub recovery: Option<Spread>,
    /// What was counted in all runs.
    pub totals: Totals,
    /// What no mesh of this size stands, whatever this drill came to.
    pub not_tolerated: Vec<String>,
    /// The command that does it again.
    pub replay: String,
    /// Every run.
    pub runs: Vec<Run>,
}

/// Something that was not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// In the run of this seed.
    pub seed: u64,
    /// What.
    pub words: String,
}

/// Sums over all runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// How often something was done to the mesh.
    pub injected: u64,
    /// How often that was refused.
    pub refused: u64,
    /// Submits that were acknowledged.
    pub acknowledged: u64,
    /// Submits that were acknowledged and are not in the ledger.
    pub lost: u64,
    /// Things that were proved to a client and are not so.
    pub accepted_lies: u64,
    /// Who was convicted and had done nothing.
    pub wrongly_convicted: u64,
}

/// What makes a report besides its runs.
#[derive(Clone, Debug)]
pub struct Circumstances {
    /// The version of HMS.
    pub hms: String,
    /// The time, as RFC 3339 says it.
    pub made_at: String,
    /// Where it was run.
    pub world: World,
    /// The first seed.
    pub seed: u64,
}

impl Report {
    /// Judges the runs of a drill.
    pub fn of(drill: &Drill, circumstances: Circumstances, runs: Vec<Run>) -> Self {
        let mut verdict = Verdict::Caught;
        let mut findings = Vec::new();
        for run in &runs {
            let (of_run, words) = judge(drill, run);
            verdict = verdict.max(of_run);
            findings.extend(words.into_iter().map(|words| Finding {
                seed: run.seed,
                words,
            }));
        }
        if runs.is_empty() {
            verdict = Verdict::Failed;
        }
        let Circumstances {
            hms,
            made_at,
            world,
            seed,
        } = circumstances;
        let spread = |of: fn(&Run) -> Option<u64>| Spread::of(runs.iter().filter_map(of));
        Self {
            version: REPORT_VERSION,
            hms,
            made_at,
            world,
            seed,
            verdict,
            findings,
            detection: spread(|run| run.detected_ms),
            containment: spread(|run| run.contained_ms),
            recovery: spread(|run| run.recovered_ms),
            totals: totals(&runs),
            not_tolerated: not_tolerated(drill),
            replay: replay(drill, world, seed, runs.len()),
            drill: drill.clone(),
            runs,
        }
    }
}

fn totals(runs: &[Run]) -> Totals {
    runs.iter().fold(Totals::default(), |sum, run| Totals {
        injected: sum.injected + run.injected,
        refused: sum.refused + run.refused,
        acknowledged: sum.acknowledged + run.acknowledged,
        lost: sum.lost + run.lost,
        accepted_lies: sum.accepted_lies + run.accepted_lies,
        wrongly_convicted: sum.wrongly_convicted + run.wrongly_convicted.len() as u64,
    })
}

/// Stated in every report, whatever it was about.
fn not_tolerated(drill: &Drill) -> Vec<String> {
    let voters = usize::try_from(drill.mesh.voters).unwrap_or(usize::MAX);
    let liars = Trust::Byzantine.liars_max(voters);
    let lost = voters - Trust::Byzantine.quorum(voters);
    let mut limits = vec![
        format!(
            "more than {liars} of {voters} voters that lie: honest voters stop instead of going on with two histories"
        ),
        format!(
            "more than {lost} of {voters} voters lost at a time: nothing is decided until they are back"
        ),
    ];
    limits.extend(
        drill
            .expect
            .because
            .iter()
            .map(|why| format!("{}: {why}", drill.title)),
    );
    limits
}

fn replay(drill: &Drill, world: World, seed: u64, repeats: usize) -> String {
    let (name, nodes) = (&drill.name, drill.mesh.nodes());
    let repeated = if 1 < repeats {
        format!(" --repeat {repeats}")
    } else {
        String::new()
    };
    format!("hms drill run {name} --world {world} --nodes {nodes} --seed {seed}{repeated}")
}
