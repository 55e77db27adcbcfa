//! How long entries are kept that Raft does not need any more: receipts of old tasks and audits are made of them.
//!
//! Each time Raft leaves entries behind, a mark is put after them, with the time and their size. What lies before a mark that
//! is too old, or too far down, is forgotten as a whole. The last entry before what is kept stays: its hash is where the
//! chain goes on from.

use std::time::Duration;

use hms_protocol::id::Index;
use hms_protocol::time::Moment;

use super::database::Database;
use super::error::StoreError;
use super::layout;

/// How much of the ledger is kept after Raft has left it behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// For how long.
    pub age: Duration,
    /// How many bytes at most, whatever their age.
    pub bytes: u64,
}

impl Default for Retention {
    /// Thirty days, and a gibibyte: some three million small commands.
    fn default() -> Self {
        Self {
            age: Duration::from_hours(30 * 24),
            bytes: 1024 * 1024 * 1024,
        }
    }
}

/// Where entries were left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    up_to: Index,
    at: Moment,
    /// Of the entries and certificates since the mark before.
    bytes: u64,
}

/// The families that hold what is forgotten.
const FORGOTTEN: [&str; 2] = [layout::LOG, layout::CERTIFICATES];

/// Puts a mark after the entries up to an index, which Raft has left behind at this time, and forgets what is not to be kept.
/// Gives the oldest entry that stays, if anything was forgotten.
pub(super) fn leave(
    database: &Database,
    retention: Retention,
    up_to: Index,
    now: Moment,
) -> Result<Option<Index>, StoreError> {
    let mut marks = marks(database)?;
    let since = marks.last().map_or(Index(0), |mark| mark.up_to);
    let mut batch = database.batch();
    if since < up_to {
        let bytes = size(database, since.next(), up_to)?;
        let mark = Mark {
            up_to,
            at: now,
            bytes,
        };
        batch.put(layout::MARKS, layout::row_key(up_to), mark.encode());
        marks.push(mark);
    }
    let oldest = due(&marks, retention, now);
    if let Some(oldest) = oldest {
        let (from, to) = (layout::row_key(Index(0)), layout::row_key(oldest));
        for family in FORGOTTEN {
            batch.delete_range(family, from, to);
        }
        batch.delete_range(layout::MARKS, from, layout::row_key(oldest.next()));
    }
    database.write(batch, false)?;
    if let Some(oldest) = oldest {
        for family in FORGOTTEN {
            let (from, to) = (layout::row_key(Index(0)), layout::row_key(oldest));
            database.drop_files(family, &from, &to)?;
        }
    }
    Ok(oldest)
}

/// The last mark before which everything is to be forgotten.
fn due(marks: &[Mark], retention: Retention, now: Moment) -> Option<Index> {
    let age_ms = u64::try_from(retention.age.as_millis()).unwrap_or(u64::MAX);
    let mut bytes: u64 = marks.iter().map(|mark| mark.bytes).sum();
    let mut oldest = None;
    for mark in marks {
        if bytes <= retention.bytes && now.since_ms(mark.at) < age_ms {
            break;
        }
        bytes -= mark.bytes;
        oldest = Some(mark.up_to);
    }
    oldest
}

fn marks(database: &Database) -> Result<Vec<Mark>, StoreError> {
    let mut marks = Vec::new();
    database.scan(layout::MARKS, &[], |key, value| {
        let mark = Mark::decode(key, value).ok_or_else(|| {
            let what = "a mark of the ledger".to_owned();
            StoreError::entry(database.directory(), what, "wrong length")
        })?;
        marks.push(mark);
        Ok(())
    })?;
    Ok(marks)
}

/// Bytes of what is forgotten together, from one index to another.
fn size(database: &Database, from: Index, to: Index) -> Result<u64, StoreError> {
    let mut bytes = 0;
    let end = layout::row_key(to);
    for family in FORGOTTEN {
        database.scan_while(family, &layout::row_key(from), |key, value| {
            if end.as_slice() < key {
                return Ok(std::ops::ControlFlow::Break(()));
            }
            bytes += (key.len() + value.len()) as u64;
            Ok(std::ops::ControlFlow::Continue(()))
        })?;
    }
    Ok(bytes)
}

impl Mark {
    fn encode(&self) -> Vec<u8> {
        [self.at.0.to_le_bytes(), self.bytes.to_le_bytes()].concat()
    }

    fn decode(key: &[u8], value: &[u8]) -> Option<Self> {
        let (at, bytes) = value.split_at_checked(8)?;
        Some(Self {
            up_to: layout::row_index(key)?,
            at: Moment(u64::from_le_bytes(at.try_into().ok()?)),
            bytes: u64::from_le_bytes(bytes.try_into().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(up_to: u64, at: u64, bytes: u64) -> Mark {
        Mark {
            up_to: Index(up_to),
            at: Moment(at),
            bytes,
        }
    }

    fn check(age_ms: u64, bytes: u64, oldest: Option<u64>) {
        let marks = [mark(10, 100, 5), mark(20, 200, 5), mark(30, 300, 5)];
        let retention = Retention {
            age: Duration::from_millis(age_ms),
            bytes,
        };
        let due = due(&marks, retention, Moment(350));
        assert_eq!(due, oldest.map(Index), "{age_ms} ms, {bytes} bytes");
    }

    #[test]
    fn what_is_too_old_or_too_much_is_forgotten_from_the_oldest_on() {
        check(1_000, 15, None);
        check(1_000, 14, Some(10));
        check(1_000, 9, Some(20));
        check(1_000, 0, Some(30));
        check(250, 15, Some(10));
        check(150, 15, Some(20));
        check(0, 15, Some(30));
    }

    #[test]
    fn a_mark_reads_back() {
        let marked = mark(7, 1, u64::MAX);
        let key = layout::row_key(marked.up_to);
        let bytes = marked.encode();
        assert_eq!(Mark::decode(&key, &bytes), Some(marked));
        assert_eq!(Mark::decode(&key, &bytes[1..]), None);
        assert_eq!(Mark::decode(&key[1..], &bytes), None);
    }
}
