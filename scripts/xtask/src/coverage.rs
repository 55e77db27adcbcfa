//! How much of what ships the tests run through: one line per crate, one for all, and a floor.
//!
//! All tests are run with counters. Only lines of the product's own folders count, and of them not
//! those of tests: they are always run, and would make every figure look better than it is.

mod measure;
mod report;
mod trials;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use anyhow::ensure;
use cargo_metadata::camino::Utf8Path;

use crate::tidy::{House, Manifest};
use measure::Measured;
use report::Lines;

/// Below this many per cent of all lines the gate fails. The plan asks for it (TST-1).
const LINES_FLOOR: f64 = 90.0;

/// The folders of what ships. The rest proves it (`tests/`) or judges it (`scripts/`).
const PRODUCT: [&str; 5] = ["consensus/", "node/", "proto/", "protocol/", "testnet/"];

/// The lines of one crate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    run: usize,
    all: usize,
}

impl Tally {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a tree has fewer than 2^52 lines"
    )]
    fn per_cent(self) -> f64 {
        self.run as f64 * 100.0 / self.all as f64
    }

    fn row(self, name: &str) -> String {
        let Self { run, all } = self;
        format!("{name:<16}{run:>7} of {all:>6}{:>8.2} %\n", self.per_cent())
    }
}

/// Runs all tests, prints the figures, and is `true` when every test passes and the total is not
/// below the floor. `missing` has the lines named that no test runs through.
///
/// # Errors
/// When the tree cannot be read or something cannot be measured.
pub(crate) fn run(root: &Utf8Path, missing: bool) -> anyhow::Result<bool> {
    let house = House::load(root)?;
    let Measured { report, passed } = measure::measure(root)?;
    let mut measured = report::read(root.as_str(), &report)?;
    for source in &house.sources {
        if source.is_trial() || !source.is_in(&PRODUCT) {
            measured.remove(&source.path);
        } else if let Some(lines) = measured.get_mut(&source.path) {
            let trials = trials::ranges(&source.syntax);
            lines.retain(|line, _| !trials.iter().any(|range| range.contains(line)));
        }
    }
    let known: BTreeSet<&str> = house
        .sources
        .iter()
        .map(|source| source.path.as_str())
        .collect();
    measured.retain(|path, _| known.contains(path.as_str()));

    if missing {
        print!("{}", gaps(&measured));
    }
    let tallies = by_crate(&house.manifests, &measured);
    ensure!(
        tallies.values().any(|tally| 0 < tally.all),
        "the counters know no line of this tree"
    );
    let (table, enough) = table(&tallies);
    print!("{table}");
    if !passed {
        println!("coverage: FAILED, not every test passes");
    }
    Ok(passed && enough)
}

/// The lines of every crate that ships; the innermost folder decides whose a file is.
fn by_crate(manifests: &[Manifest], measured: &BTreeMap<String, Lines>) -> BTreeMap<String, Tally> {
    let mut folders: Vec<(&str, &str)> = manifests
        .iter()
        .filter_map(|manifest| {
            Some((
                manifest.path.strip_suffix("Cargo.toml")?,
                manifest.name.as_str(),
            ))
        })
        .filter(|(folder, _)| PRODUCT.iter().any(|place| folder.starts_with(place)))
        .collect();
    folders.sort_by_key(|(folder, _)| std::cmp::Reverse(folder.len()));
    let mut tallies: BTreeMap<String, Tally> = folders
        .iter()
        .map(|(_, name)| ((*name).to_owned(), Tally::default()))
        .collect();
    for (path, lines) in measured {
        let owner = folders.iter().find(|(folder, _)| path.starts_with(folder));
        if let Some(tally) = owner.and_then(|(_, name)| tallies.get_mut(*name)) {
            tally.all += lines.len();
            tally.run += lines.values().filter(|times| 0 < **times).count();
        }
    }
    tallies
}

/// The figures as they are printed, and whether they pass.
fn table(tallies: &BTreeMap<String, Tally>) -> (String, bool) {
    let mut text = String::from("Lines that tests run through:\n");
    let mut total = Tally::default();
    // A crate of types alone has no line that could be run.
    for (name, tally) in tallies.iter().filter(|(_, tally)| 0 < tally.all) {
        text += &tally.row(name);
        total.run += tally.run;
        total.all += tally.all;
    }
    text += &total.row("total");
    let passed = LINES_FLOOR <= total.per_cent();
    let verdict = if passed { "passed" } else { "FAILED" };
    let _ = writeln!(text, "coverage: {verdict}, the floor is {LINES_FLOOR} %");
    (text, passed)
}

/// The lines that no test runs through, a file per line, the most first.
fn gaps(measured: &BTreeMap<String, Lines>) -> String {
    let mut files: Vec<(usize, &str, String)> = Vec::new();
    for (path, lines) in measured {
        let unrun: Vec<usize> = lines
            .iter()
            .filter(|(_, times)| **times == 0)
            .map(|(line, _)| *line)
            .collect();
        if !unrun.is_empty() {
            files.push((unrun.len(), path, spans(&unrun)));
        }
    }
    files.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    let rows = files
        .iter()
        .map(|(count, path, spans)| format!("{count:>5}  {path}: {spans}\n"));
    rows.collect()
}

/// Lines in order as spans: `3 7-9`.
fn spans(lines: &[usize]) -> String {
    let joined = lines.chunk_by(|a, b| a + 1 == *b);
    let spans = joined.map(|span| match span {
        [only] => only.to_string(),
        _ => format!("{}-{}", span[0], span[span.len() - 1]),
    });
    spans.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(name: &str, path: &str) -> Manifest {
        Manifest {
            name: name.to_owned(),
            path: path.to_owned(),
            imports: Vec::new(),
        }
    }

    #[test]
    fn a_file_counts_for_the_innermost_crate_and_only_for_what_ships() {
        let manifests = [
            manifest("house", "node/Cargo.toml"),
            manifest("shed", "node/shed/Cargo.toml"),
            manifest("gate", "scripts/xtask/Cargo.toml"),
        ];
        let lines = |counts: &[u64]| counts.iter().copied().enumerate().collect::<Lines>();
        let measured = BTreeMap::from([
            ("node/shed/src/lib.rs".to_owned(), lines(&[1, 0])),
            ("node/src/lib.rs".to_owned(), lines(&[2, 0, 5])),
            ("scripts/xtask/src/main.rs".to_owned(), lines(&[9])),
        ]);
        let expected = [
            ("house".to_owned(), Tally { run: 2, all: 3 }),
            ("shed".to_owned(), Tally { run: 1, all: 2 }),
        ];
        assert_eq!(by_crate(&manifests, &measured), BTreeMap::from(expected));
    }

    #[test]
    fn the_floor_itself_passes_and_a_line_less_does_not() {
        let judged = |run| {
            let tally = Tally { run, all: 1_000 };
            table(&BTreeMap::from([("house".to_owned(), tally)]))
        };
        let (text, passed) = judged(900);
        assert!(passed, "{text}");
        assert_eq!(
            text,
            "Lines that tests run through:\n\
             house               900 of   1000   90.00 %\n\
             total               900 of   1000   90.00 %\n\
             coverage: passed, the floor is 90 %\n"
        );
        let (text, passed) = judged(899);
        assert!(!passed, "{text}");
    }

    #[test]
    fn gaps_are_told_as_spans_and_the_largest_first() {
        let lines = |unrun: &[usize]| -> Lines {
            let times = |line| u64::from(!unrun.contains(&line));
            (1..=9).map(|line| (line, times(line))).collect()
        };
        let measured = BTreeMap::from([
            ("a.rs".to_owned(), lines(&[4])),
            ("b.rs".to_owned(), lines(&[1, 3, 4, 5, 9])),
            ("c.rs".to_owned(), lines(&[])),
        ]);
        assert_eq!(gaps(&measured), "    5  b.rs: 1 3-5 9\n    1  a.rs: 4\n");
    }
}
