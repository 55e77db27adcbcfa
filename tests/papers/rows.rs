//! The plan's rows that this version promises: each is named by the tests that prove it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::root;

/// The rows. TST-1, a figure of coverage, is `scripts/coverage`'s: no test runs it.
const ROWS: [&str; 54] = [
    "WS-1", "WS-2", "WS-3", "MSH-1", "MSH-2", "MSH-3", "MSH-4", "MSH-5", "MSH-6", "MSH-8", "MSH-9",
    "MSH-10", "MSH-11", "MSH-12", "MSH-13", "MSH-14", "MSH-16", "BYZ-3", "DAT-2", "SUP-1", "SUP-2",
    "SUP-3", "SUP-4", "SUP-5", "SUP-6", "SUP-7", "SUP-8", "SUP-9", "A2A-1", "A2A-2", "A2A-3",
    "A2A-4", "A2A-5", "A2A-6", "A2A-8", "AGT-1", "AGT-2", "AGT-3", "AGT-4", "AGT-5", "AGT-9",
    "AGX-1", "AGX-3", "AGX-10", "VER-1", "VER-4", "DAT-1", "DAT-6", "UI-6", "OBS-1", "OBS-3",
    "TST-2", "TST-3", "TST-4",
];

/// Folders without sources of ours.
const PASSED_OVER: [&str; 2] = ["target", ".git"];

/// What marks a file as one with tests.
const MARKS: [&str; 3] = ["#[test]", "#[tokio::test", "proptest! {"];

/// Every file under a folder that holds tests: its path and its comments.
fn collect(folder: &Path, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("the tree can be read") {
        let path = entry.expect("the tree can be read").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !PASSED_OVER.contains(&&*name) {
                collect(&path, found);
            }
            continue;
        }
        // This page names rows without proving them.
        if path.ends_with("papers/rows.rs") {
            continue;
        }
        let script = name.ends_with(".script");
        if !(script || name.ends_with(".rs")) {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source is text");
        if script || MARKS.iter().any(|mark| text.contains(mark)) || name == "main.rs" {
            let comments: Vec<&str> = text.lines().filter(|line| is_comment(line)).collect();
            found.insert(path.display().to_string(), comments.join("\n"));
        }
    }
}

/// Docs of Rust, and the comments of scripts.
fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("///") || line.starts_with("//!") || line.starts_with("# ")
}

/// Whether a row's name stands in a text, and not only a longer one: `MSH-1` is not `MSH-10`.
fn names(text: &str, row: &str) -> bool {
    text.match_indices(row).any(|(at, _)| {
        let after = text[at + row.len()..].chars().next();
        let before = text[..at].chars().next_back();
        !after.is_some_and(|letter| letter.is_ascii_digit())
            && !before.is_some_and(|letter| letter.is_ascii_alphanumeric())
    })
}

#[test]
fn every_promised_row_is_named_by_a_test() {
    let mut comments = BTreeMap::new();
    collect(&root(), &mut comments);
    assert!(100 < comments.len(), "the tests were not found");
    let unnamed: Vec<&str> = ROWS
        .into_iter()
        .filter(|row| !comments.values().any(|text| names(text, row)))
        .collect();
    assert!(
        unnamed.is_empty(),
        "no test says that it proves {unnamed:?}"
    );
}

#[test]
fn a_row_is_not_taken_for_a_longer_one() {
    assert!(names("/// MSH-10, MSH-1: both", "MSH-1"));
    assert!(!names("/// MSH-10: one", "MSH-1"));
    assert!(!names("/// XMSH-1", "MSH-1"));
}
