//! Follows the logs of a local mesh: what every node writes, line by line, with its name before it.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::time::Duration;

use crate::manifest::NodeEntry;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Longest line that is held back for its end; a longer one is written in parts.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// One log that is followed.
struct Trail {
    name: String,
    file: File,
    held: Vec<u8>,
}

/// Writes what the nodes log from `lines` before the end on, until `goes_on` says no or the reader goes away.
pub fn follow(
    nodes: &[NodeEntry],
    lines: usize,
    out: &mut impl Write,
    mut goes_on: impl FnMut() -> bool,
) -> io::Result<()> {
    let mut trails = Vec::new();
    for node in nodes {
        let mut file = File::open(&node.log_file)?;
        file.seek(SeekFrom::Start(offset_of_last(&node.log_file, lines)?))?;
        trails.push(Trail {
            name: node.name.clone(),
            file,
            held: Vec::new(),
        });
    }
    while goes_on() {
        for trail in &mut trails {
            trail.write_news(out)?;
        }
        out.flush()?;
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}

impl Trail {
    fn write_news(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.file.read_to_end(&mut self.held)?;
        while let Some(end) = self.held.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.held.drain(..=end).collect();
            write!(out, "{:>4} | {}", self.name, String::from_utf8_lossy(&line))?;
        }
        if LINE_BYTES_MAX < self.held.len() {
            let part = std::mem::take(&mut self.held);
            writeln!(out, "{:>4} | {}", self.name, String::from_utf8_lossy(&part))?;
        }
        Ok(())
    }
}

/// Where the last `lines` lines of a file begin.
fn offset_of_last(path: &std::path::Path, lines: usize) -> io::Result<u64> {
    let content = std::fs::read(path)?;
    let starts = content
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
        .map(|(at, _)| at + 1);
    let starts: Vec<usize> = std::iter::once(0)
        .chain(starts)
        .filter(|at| *at < content.len())
        .collect();
    let first = starts.len().saturating_sub(lines);
    Ok(starts.get(first).map_or(content.len(), |at| *at) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_found_also_without_a_final_newline() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        for (text, lines, offset) in [
            ("", 2, 0),
            ("a\nb\nc\n", 2, 2),
            ("a\nb\nc", 1, 4),
            ("a\n", 5, 0),
            ("a\nb\n", 0, 4),
        ] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(
                offset_of_last(&path, lines).unwrap(),
                offset,
                "{text:?} {lines}"
            );
        }
    }
}
