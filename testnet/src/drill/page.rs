//! A report as one page of HTML that needs nothing else: the timeline drawn, the numbers, and the signed JSON inside.

use std::fmt::Write as _;

use super::Verdict;
use super::report::Report;
use super::run::{Run, Stage};
use super::seal::{PAGE_CLOSES, PAGE_OPENS, Sealed};
use super::text::{phrase, waiting};

/// Size of the drawing, in units of its own.
const WIDTH: u64 = 1_000;
/// Height of a lane of the drawing.
const LANE: u64 = 34;
/// Room for the names of the lanes.
const LEFT: u64 = 110;

/// Lanes of the drawing, from top to bottom.
const LANES: [Stage; 7] = [
    Stage::Steady,
    Stage::Injected,
    Stage::Detected,
    Stage::Contained,
    Stage::Ended,
    Stage::Recovered,
    Stage::Broken,
];

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#16202c;--dim:#5d6b7a;--paper:#fbfcfd;--line:#d9e0e7;--good:#11734b;--warn:#8a5a00;--bad:#b3261e;--deed:#6b3fa0}
@media(prefers-color-scheme:dark){:root{--ink:#e8edf2;--dim:#9aa8b6;--paper:#11161c;--line:#2c3742;--good:#4cc38a;--warn:#f1b24a;--bad:#ff8a80;--deed:#c3a1f0}}
body{margin:0 auto;max-width:64rem;padding:2rem 1.25rem;font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper)}
h1{font-size:1.5rem;margin:0 0 .25rem}h2{font-size:1.05rem;margin:2rem 0 .5rem}p{margin:.25rem 0}.dim{color:var(--dim)}
.verdict{display:inline-block;padding:.15rem .7rem;border-radius:1rem;border:2px solid;font-weight:600}
.good{color:var(--good)}.warn{color:var(--warn)}.bad{color:var(--bad)}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .75rem .3rem 0;border-bottom:1px solid var(--line);vertical-align:top}
th{font-weight:600;white-space:nowrap}td.n{font-variant-numeric:tabular-nums;white-space:nowrap}
svg{width:100%;height:auto}svg text{fill:var(--dim);font:13px system-ui,sans-serif}code{font:14px ui-monospace,monospace;overflow-wrap:anywhere}
";

impl Sealed {
    /// The page.
    pub fn to_html(&self) -> String {
        let mut out = String::new();
        write_page(&mut out, self).expect("a text takes whatever is written");
        out
    }
}

fn write_page(out: &mut String, sealed: &Sealed) -> std::fmt::Result {
    let report = &sealed.report;
    let drill = &report.drill;
    let title = escape(&format!("{} {}", drill.fault, drill.name));
    write!(
        out,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>HMS drill {title}</title><style>{STYLE}</style></head><body><main>"
    )?;
    let (verdict, tone) = (report.verdict, tone(report.verdict));
    write!(
        out,
        "<p class=\"dim\">HMS drill {title}</p><h1>{}</h1><p><span class=\"verdict {tone}\">{verdict}</span></p>",
        escape(&drill.title)
    )?;
    write!(
        out,
        "<p>{}</p><p class=\"dim\">{}; {} nodes, {} of them vote; {}; HMS {}</p>",
        escape(&drill.statement),
        report.world,
        drill.mesh.nodes(),
        drill.mesh.voters,
        escape(&report.made_at),
        escape(&report.hms)
    )?;
    write_findings(out, report)?;
    write_numbers(out, report)?;
    if let Some(run) = report.shown() {
        write_run(out, run)?;
    }
    write_limits(out, report)?;
    write!(
        out,
        "<h2>Signature</h2><p>Signed by <code>{}</code>. Check this page with <code>hms drill verify FILE</code>.</p>",
        hex::encode(sealed.signer.as_bytes())
    )?;
    write!(
        out,
        "</main>{PAGE_OPENS}{}{PAGE_CLOSES}</body></html>",
        sealed.text()
    )
}

fn write_findings(out: &mut String, report: &Report) -> std::fmt::Result {
    if report.findings.is_empty() {
        return Ok(());
    }
    write!(out, "<h2>Findings</h2><table>")?;
    for finding in &report.findings {
        let words = escape(&finding.words);
        write!(
            out,
            "<tr><th>seed {}</th><td>{words}</td></tr>",
            finding.seed
        )?;
    }
    write!(out, "</table>")
}

fn write_numbers(out: &mut String, report: &Report) -> std::fmt::Result {
    let totals = &report.totals;
    let rows = [
        (
            "Done to it",
            format!(
                "{} times, refused {} times, in {} runs",
                totals.injected,
                totals.refused,
                report.runs.len()
            ),
        ),
        (
            "Acknowledged work",
            format!("{}, lost {}", totals.acknowledged, totals.lost),
        ),
        ("Lies accepted", totals.accepted_lies.to_string()),
        ("Wrongly convicted", totals.wrongly_convicted.to_string()),
        ("Noticed", phrase(report.detection)),
        ("Contained", phrase(report.containment)),
        ("Recovered", phrase(report.recovery)),
    ];
    write!(out, "<h2>What held</h2><table>")?;
    for (name, value) in rows {
        write!(out, "<tr><th>{name}</th><td>{}</td></tr>", escape(&value))?;
    }
    write!(out, "</table>")
}

fn write_run(out: &mut String, run: &Run) -> std::fmt::Result {
    write!(out, "<h2>Timeline of seed {}</h2>", run.seed)?;
    write_drawing(out, run)?;
    write!(
        out,
        "<table><tr><th>at</th><th>stage</th><th>what happened</th></tr>"
    )?;
    for mark in &run.timeline {
        write!(
            out,
            "<tr><td class=\"n\">{} ms</td><td>{}</td><td>{}</td></tr>",
            mark.at_ms,
            mark.stage.name(),
            escape(&mark.words)
        )?;
    }
    write!(out, "</table>")?;
    for evidence in &run.evidence {
        write!(out, "<p>Evidence: {}</p>", escape(evidence))?;
    }
    if let Some(waited) = &run.waited {
        write!(out, "<p>Clients {}</p>", escape(&waiting(waited)))?;
    }
    Ok(())
}

/// One lane for each stage, one sign for each moment.
fn write_drawing(out: &mut String, run: &Run) -> std::fmt::Result {
    let end = run
        .timeline
        .iter()
        .map(|mark| mark.at_ms)
        .max()
        .unwrap_or(0)
        .max(1);
    let x = |at_ms: u64| LEFT + at_ms * (WIDTH - LEFT - 20) / end;
    let height = LANE * (LANES.len() as u64 + 1);
    write!(
        out,
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"timeline of the run\">"
    )?;
    let at = |stage| run.timeline.iter().find(|mark| mark.stage == stage);
    if let (Some(from), Some(to)) = (at(Stage::Injected), at(Stage::Ended)) {
        let (left, right) = (x(from.at_ms), x(to.at_ms));
        write!(
            out,
            "<rect x=\"{left}\" y=\"0\" width=\"{}\" height=\"{}\" fill=\"var(--deed)\" opacity=\".12\"/>",
            right.saturating_sub(left).max(1),
            height - LANE
        )?;
    }
    for (number, stage) in LANES.into_iter().enumerate() {
        let y = LANE * number as u64 + LANE / 2;
        write!(
            out,
            "<line x1=\"{LEFT}\" y1=\"{y}\" x2=\"{WIDTH}\" y2=\"{y}\" stroke=\"var(--line)\"/><text x=\"0\" y=\"{}\">{}</text>",
            y + 4,
            stage.name()
        )?;
        for mark in run.timeline.iter().filter(|mark| mark.stage == stage) {
            write!(
                out,
                "<circle cx=\"{}\" cy=\"{y}\" r=\"6\" fill=\"var({})\"><title>{} ms: {}</title></circle>",
                x(mark.at_ms),
                colour(stage),
                mark.at_ms,
                escape(&mark.words)
            )?;
        }
    }
    write!(
        out,
        "<text x=\"{LEFT}\" y=\"{height}\" dy=\"-10\">0 ms</text><text x=\"{WIDTH}\" y=\"{height}\" dy=\"-10\" text-anchor=\"end\">{end} ms</text></svg>"
    )
}

fn write_limits(out: &mut String, report: &Report) -> std::fmt::Result {
    write!(out, "<h2>Not tolerated</h2><table>")?;
    for limit in &report.not_tolerated {
        write!(out, "<tr><td>{}</td></tr>", escape(limit))?;
    }
    write!(
        out,
        "</table><h2>Undone by</h2><p>{}</p><h2>Again</h2><p><code>{}</code></p>",
        escape(&report.drill.rollback.does),
        escape(&report.replay)
    )
}

const fn tone(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Caught | Verdict::Masked => "good",
        Verdict::NotTolerated => "warn",
        Verdict::Failed => "bad",
    }
}

const fn colour(stage: Stage) -> &'static str {
    match stage {
        Stage::Steady | Stage::Recovered | Stage::Contained => "--good",
        Stage::Injected | Stage::Ended => "--deed",
        Stage::Detected | Stage::Noted => "--warn",
        Stage::Broken => "--bad",
    }
}

/// A text that is only text in a page.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            sign => out.push(sign),
        }
    }
    out
}
