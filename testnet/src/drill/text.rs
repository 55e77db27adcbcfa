//! A report as plain text, for a terminal or a mail.

use std::fmt::Write as _;

use super::report::Report;
use super::run::{Run, Waited};
use super::tally::Spread;

/// Moments of a timeline that are shown of one run. A file has all of them.
const MARKS_SHOWN: usize = 40;

impl Report {
    /// The report as text.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        self.write_text(&mut out)
            .expect("a text takes whatever is written");
        out
    }

    fn write_text(&self, out: &mut String) -> std::fmt::Result {
        let drill = &self.drill;
        writeln!(out, "{} {}: {}", drill.fault, drill.name, drill.title)?;
        writeln!(out, "verdict    {}", self.verdict)?;
        writeln!(out, "tested     {} ({})", drill.statement, drill.hypothesis)?;
        let (runs, world, nodes) = (self.runs.len(), self.world, drill.mesh.nodes());
        writeln!(
            out,
            "where      {world}, {nodes} nodes, {} of them vote; HMS {}, {}",
            drill.mesh.voters, self.hms, self.made_at
        )?;
        writeln!(out, "seeds      {} from {}", runs, self.seed)?;
        let totals = &self.totals;
        writeln!(
            out,
            "done to it {} times, refused {} times",
            totals.injected, totals.refused
        )?;
        writeln!(
            out,
            "held       {} acknowledged, {} lost; {} lies accepted; {} wrongly convicted",
            totals.acknowledged, totals.lost, totals.accepted_lies, totals.wrongly_convicted
        )?;
        for (what, spread) in [
            ("noticed", self.detection),
            ("contained", self.containment),
            ("recovered", self.recovery),
        ] {
            writeln!(out, "{what:<10} {}", phrase(spread))?;
        }
        for finding in &self.findings {
            writeln!(out, "FINDING    seed {}: {}", finding.seed, finding.words)?;
        }
        if let Some(run) = self.shown() {
            write_run(out, run)?;
        }
        writeln!(
            out,
            "not tolerated by any mesh of {} voters:",
            drill.mesh.voters
        )?;
        for limit in &self.not_tolerated {
            writeln!(out, "  {limit}")?;
        }
        writeln!(out, "undone by  {}", drill.rollback.does)?;
        writeln!(out, "again      {}", self.replay)
    }

    /// The run that is worth looking at: the first with a finding, else the first.
    pub(super) fn shown(&self) -> Option<&Run> {
        let spoilt = self.findings.first().map(|finding| finding.seed);
        let found = self.runs.iter().find(|run| Some(run.seed) == spoilt);
        found.or(self.runs.first())
    }
}

fn write_run(out: &mut String, run: &Run) -> std::fmt::Result {
    writeln!(out, "timeline of seed {}:", run.seed)?;
    for mark in run.timeline.iter().take(MARKS_SHOWN) {
        writeln!(
            out,
            "  {:>7} ms  {:<9}  {}",
            mark.at_ms,
            mark.stage.name(),
            mark.words
        )?;
    }
    if MARKS_SHOWN < run.timeline.len() {
        writeln!(out, "  … and {} more", run.timeline.len() - MARKS_SHOWN)?;
    }
    for evidence in &run.evidence {
        writeln!(out, "  evidence   {evidence}")?;
    }
    if let Some(waited) = &run.waited {
        writeln!(out, "  clients    {}", waiting(waited))?;
    }
    Ok(())
}

/// How long something took, in words.
pub(super) fn phrase(spread: Option<Spread>) -> String {
    match spread {
        None => "–".to_owned(),
        Some(it) if it.runs == 1 => format!("after {} ms", it.p50_ms),
        Some(it) => format!(
            "p50 {} ms, p95 {} ms, p99 {} ms (in {} runs)",
            it.p50_ms, it.p95_ms, it.p99_ms, it.runs
        ),
    }
}

/// How long clients waited, in words.
#[expect(clippy::cast_precision_loss, reason = "milliseconds for people")]
pub(super) fn waiting(waited: &Waited) -> String {
    let ms = |us: u64| us as f64 / 1_000.0;
    format!(
        "waited p50 {:.1} ms, p99 {:.1} ms before; p50 {:.1} ms, p99 {:.1} ms during the attack",
        ms(waited.before_p50_us),
        ms(waited.before_p99_us),
        ms(waited.during_p50_us),
        ms(waited.during_p99_us)
    )
}
