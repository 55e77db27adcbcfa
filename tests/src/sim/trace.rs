//! The trace of a run: a digest over everything that happened, and the last of it in words.
//!
//! Two runs of one seed must have equal digests. The words are for whoever looks at a run that went wrong.

use std::collections::VecDeque;
use std::fmt;

use crate::sim::clock::Millis;

/// Lines kept in words.
const LINES_KEPT: usize = 2_000;

/// What happened.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    hasher: blake3::Hasher,
    events: u64,
    lines: VecDeque<(Millis, String)>,
}

impl Trace {
    /// Notes an event: when, where, of what kind, and its content.
    pub fn note(&mut self, now: Millis, place: usize, kind: u8, content: &[u8]) {
        self.events += 1;
        self.hasher.update(&now.to_le_bytes());
        self.hasher.update(&(place as u64).to_le_bytes());
        self.hasher.update(&[kind]);
        self.hasher.update(&(content.len() as u64).to_le_bytes());
        self.hasher.update(content);
    }

    /// Tells something in words.
    pub fn say(&mut self, now: Millis, words: String) {
        if self.lines.len() == LINES_KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back((now, words));
    }

    /// What was told since the last time, oldest first.
    pub fn take_lines(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
            .into_iter()
            .map(|(_, words)| words)
            .collect()
    }

    /// The digest of everything noted.
    pub fn digest(&self) -> String {
        self.hasher.finalize().to_hex().to_string()
    }

    /// How many events were noted.
    pub fn events(&self) -> u64 {
        self.events
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (now, words) in &self.lines {
            writeln!(out, "{now:>7} {words}")?;
        }
        Ok(())
    }
}
