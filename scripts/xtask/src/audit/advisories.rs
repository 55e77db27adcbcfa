//! Known vulnerabilities, unsoundness and abandonment in what the lock file names.
//!
//! A tolerated advisory needs a reason, and the tolerance is itself judged: one that matches
//! nothing any more is stale.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context;
use cargo_metadata::camino::Utf8Path;
use rustsec::database::Query;
use rustsec::{Database, Lockfile};

use crate::audit::rules::{Advisories, Ignored};

/// What the database had to say.
pub(crate) struct Judged {
    /// One line for a person.
    pub(crate) summary: String,
    /// Advisories without a reason and reasons without an advisory.
    pub(crate) problems: Vec<String>,
}

/// An advisory that concerns a package of the lock file.
struct Match {
    id: String,
    package: String,
    title: String,
}

/// Judges the lock file against the database at `path`.
///
/// # Errors
/// When the database or the lock file cannot be read.
pub(crate) fn check(root: &Utf8Path, path: &Path, rules: &Advisories) -> anyhow::Result<Judged> {
    let database = Database::open(path)
        .with_context(|| format!("no advisory database at {}", path.display()))?;
    let lockfile =
        Lockfile::load(root.join("Cargo.lock").as_std_path()).context("reading Cargo.lock")?;
    let mut found = Vec::new();
    for informational in [false, true] {
        let query = Query::crate_scope().informational(informational);
        found.extend(
            database
                .query_vulnerabilities(&lockfile, &query)
                .into_iter()
                .map(|hit| Match {
                    id: hit.advisory.id.to_string(),
                    package: format!("{} {}", hit.package.name, hit.package.version),
                    title: hit.advisory.title,
                }),
        );
    }
    let known: BTreeSet<String> = database
        .iter()
        .map(|advisory| advisory.id().to_string())
        .collect();
    let summary = format!(
        "{} packages against {} advisories, {} concern us",
        lockfile.packages.len(),
        known.len(),
        found.len()
    );
    Ok(Judged {
        summary,
        problems: judge(&found, &known, &rules.ignore),
    })
}

/// An advisory that this database does not know yet cannot be told from a stale one, so it is left
/// alone.
fn judge(found: &[Match], known: &BTreeSet<String>, ignored: &[Ignored]) -> Vec<String> {
    let mut problems = Vec::new();
    for hit in found {
        if !ignored.iter().any(|entry| entry.id == hit.id) {
            problems.push(format!("{}: {} ({})", hit.id, hit.package, hit.title));
        }
    }
    for entry in ignored {
        if entry.reason.trim().is_empty() {
            problems.push(format!("deny.toml ignores {} without a reason", entry.id));
        }
        if known.contains(&entry.id) && !found.iter().any(|hit| hit.id == entry.id) {
            problems.push(format!(
                "deny.toml ignores {}, which concerns nothing here",
                entry.id
            ));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_entries(found: &[&str], ignored: &[(&str, &str)], expected: &[&str]) {
        let known = BTreeSet::from(["A-1".to_owned(), "A-2".to_owned()]);
        let found: Vec<Match> = found
            .iter()
            .map(|id| Match {
                id: (*id).to_owned(),
                package: "old 1.0.0".to_owned(),
                title: "leaks".to_owned(),
            })
            .collect();
        let ignored: Vec<Ignored> = ignored
            .iter()
            .map(|(id, reason)| Ignored {
                id: (*id).to_owned(),
                reason: (*reason).to_owned(),
            })
            .collect();
        assert_eq!(judge(&found, &known, &ignored), expected);
    }

    #[test]
    fn an_advisory_without_an_entry_is_a_problem() {
        check_entries(&["A-1"], &[], &["A-1: old 1.0.0 (leaks)"]);
        check_entries(&["A-1"], &[("A-1", "not reachable")], &[]);
    }

    #[test]
    fn an_entry_needs_a_reason_and_something_to_ignore() {
        check_entries(
            &["A-1"],
            &[("A-1", " ")],
            &["deny.toml ignores A-1 without a reason"],
        );
        check_entries(
            &[],
            &[("A-2", "was old")],
            &["deny.toml ignores A-2, which concerns nothing here"],
        );
        check_entries(&[], &[("A-9", "newer than the database")], &[]);
    }
}
