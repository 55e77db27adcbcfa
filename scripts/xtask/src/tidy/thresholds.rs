//! R2: the pure crates carry a `clippy.toml` of their own that bans clocks, threads and unordered
//! maps.
//!
//! Clippy reads the nearest file only, so a pure crate without one would silently fall back to the
//! looser file above.

use std::fs;

use cargo_metadata::camino::Utf8Path;
use serde::Deserialize;

use crate::tidy::finding::Finding;

const FILES: [&str; 2] = ["protocol/clippy.toml", "consensus/clippy.toml"];
const METHODS: [&str; 3] = [
    "std::time::Instant::now",
    "std::time::SystemTime::now",
    "std::thread::spawn",
];
const TYPES: [&str; 2] = ["std::collections::HashMap", "std::collections::HashSet"];

/// The part of a `clippy.toml` that matters here; the thresholds are clippy's own business.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Lints {
    disallowed_methods: Vec<Ban>,
    disallowed_types: Vec<Ban>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Ban {
    Bare(String),
    Reasoned { path: String },
}

impl Ban {
    fn path(&self) -> &str {
        match self {
            Self::Bare(path) | Self::Reasoned { path } => path,
        }
    }
}

/// Checks the files of both pure crates; a missing file bans nothing.
pub(crate) fn check(root: &Utf8Path) -> Vec<Finding> {
    FILES
        .into_iter()
        .flat_map(|path| {
            judge(
                path,
                &fs::read_to_string(root.join(path)).unwrap_or_default(),
            )
        })
        .collect()
}

fn judge(path: &str, text: &str) -> Vec<Finding> {
    let finding = |message| Finding {
        path: path.to_owned(),
        line: 0,
        rule: "R2",
        message,
    };
    let lints: Lints = match toml::from_str(text) {
        Ok(lints) => lints,
        Err(error) => return vec![finding(error.message().to_owned())],
    };
    let bans = |required: &[&'static str], present: &[Ban], list: &str| {
        let missing = required
            .iter()
            .filter(|name| !present.iter().any(|ban| ban.path() == **name));
        missing
            .map(|name| finding(format!("{list} must ban `{name}`")))
            .collect::<Vec<_>>()
    };
    let mut findings = bans(&METHODS, &lints.disallowed_methods, "disallowed-methods");
    findings.extend(bans(&TYPES, &lints.disallowed_types, "disallowed-types"));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_write_a_ban_count() {
        let text = r#"
            too-many-lines-threshold = 70
            disallowed-methods = [
                { path = "std::time::Instant::now", reason = "time is an input" },
                "std::time::SystemTime::now",
            ]
            disallowed-types = ["std::collections::HashMap"]
        "#;
        let texts: Vec<String> = judge("clippy.toml", text)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            texts,
            [
                "clippy.toml:0: [R2] disallowed-methods must ban `std::thread::spawn`",
                "clippy.toml:0: [R2] disallowed-types must ban `std::collections::HashSet`",
            ]
        );
    }

    #[test]
    fn a_missing_file_bans_nothing() {
        assert_eq!(judge("clippy.toml", "").len(), METHODS.len() + TYPES.len());
    }
}
