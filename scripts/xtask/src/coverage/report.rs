//! A coverage report in LCOV's format: which line of which file was run how often.
//!
//! Only files below the workspace are kept; functions and branches are not read.

use std::collections::BTreeMap;

use anyhow::Context;

/// How often each line that can be run was run, by its number from 1.
pub(crate) type Lines = BTreeMap<usize, u64>;

/// Reads a report; paths become relative to the workspace at `root`.
///
/// # Errors
/// When a line of counts cannot be read, or stands outside of a file.
pub(crate) fn read(root: &str, text: &str) -> anyhow::Result<BTreeMap<String, Lines>> {
    let mut files: BTreeMap<String, Lines> = BTreeMap::new();
    let mut current: Option<&str> = None;
    for record in text.lines() {
        if let Some(path) = record.strip_prefix("SF:") {
            current = Some(path);
        } else if let Some(counted) = record.strip_prefix("DA:") {
            let (line, times) = count(counted).with_context(|| format!("reading {record:?}"))?;
            let path = current.with_context(|| format!("{record:?} belongs to no file"))?;
            let Some(path) = path.strip_prefix(root) else {
                continue;
            };
            let path = path.trim_start_matches('/').to_owned();
            *files.entry(path).or_default().entry(line).or_default() += times;
        } else if record == "end_of_record" {
            current = None;
        }
    }
    Ok(files)
}

/// Reads `line,times`; a checksum may follow.
fn count(counted: &str) -> Option<(usize, u64)> {
    let mut parts = counted.split(',');
    let line = parts.next()?.parse().ok()?;
    let times = parts.next()?.parse().ok()?;
    Some((line, times))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_a_file_add_up_and_foreign_files_are_left_out() {
        let text = "SF:/w/node/a.rs\nFN:1,f\nDA:1,2\nDA:2,0\nend_of_record\n\
                    SF:/elsewhere/b.rs\nDA:1,1\nend_of_record\n\
                    SF:/w/node/a.rs\nDA:1,3\nend_of_record\n";
        let expected = [("node/a.rs".to_owned(), Lines::from([(1, 5), (2, 0)]))];
        assert_eq!(
            read("/w", text).expect("it can be read"),
            BTreeMap::from(expected)
        );
    }

    #[test]
    fn a_count_that_cannot_be_read_or_has_no_file_is_an_error() {
        for text in ["SF:/w/a.rs\nDA:one,1\n", "SF:/w/a.rs\nDA:1\n", "DA:1,1\n"] {
            assert!(read("/w", text).is_err(), "{text:?}");
        }
    }
}
