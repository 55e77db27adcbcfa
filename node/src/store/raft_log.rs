//! The log's rows and Raft's hard state: how a write becomes part of a batch, and what is read
//! back.

use hms_consensus::effect::LogWrite;
use hms_protocol::id::Index;

use super::database::{Batch, Database};
use super::error::StoreError;
use super::layout;

/// The families that begin anew with a checkpoint of another voter's.
const REPLACED: [&str; 3] = [layout::LOG, layout::CERTIFICATES, layout::MARKS];

/// Adds a write to a batch. A checkpoint that it installs is the checkpoint room's business, but
/// for the rows that it replaces. Rows that Raft does not need any more stay, as history.
pub(super) fn add(write: &LogWrite, batch: &mut Batch<'_>) {
    if let Some((index, _)) = &write.install {
        for family in REPLACED {
            batch.delete_range(
                family,
                layout::row_key(Index(0)),
                layout::row_key(Index(u64::MAX)),
            );
        }
        put_start(index.next(), batch);
    }
    if let Some(from) = write.truncate_from {
        batch.delete_range(
            layout::LOG,
            layout::row_key(from),
            layout::row_key(Index(u64::MAX)),
        );
    }
    for (index, row) in &write.rows {
        batch.put(layout::LOG, layout::row_key(*index), row);
    }
    for (index, certificate) in &write.certificates {
        batch.put(layout::CERTIFICATES, layout::row_key(*index), certificate);
    }
    if let Some(lock) = &write.lock {
        batch.put(layout::META, layout::LOCK, lock);
    }
    if let Some(state) = &write.hard_state {
        batch.put(layout::META, layout::HARD_STATE, state);
    }
    if let Some(to) = write.compact_to {
        put_start(to.next(), batch);
    }
}

fn put_start(start: Index, batch: &mut Batch<'_>) {
    batch.put(layout::META, layout::LOG_START, start.0.to_le_bytes());
}

/// The first row that Raft needs; the first of all when nothing was ever compacted.
pub(super) fn start(database: &Database) -> Result<Index, StoreError> {
    let Some(value) = database.get(layout::META, layout::LOG_START)? else {
        return Ok(Index(0));
    };
    let bytes = value.try_into().map_err(|_| {
        let what = "the start of the log".to_owned();
        StoreError::entry(database.directory(), what, "wrong length")
    })?;
    Ok(Index(u64::from_le_bytes(bytes)))
}

/// Every row from an index on, in order.
pub(super) fn read_rows(
    database: &Database,
    start: Index,
) -> Result<Vec<(Index, Vec<u8>)>, StoreError> {
    read_from(database, layout::LOG, start)
}

/// Every certificate from an index on, in order.
pub(super) fn read_certificates(
    database: &Database,
    start: Index,
) -> Result<Vec<(Index, Vec<u8>)>, StoreError> {
    read_from(database, layout::CERTIFICATES, start)
}

/// The certificate that the voter is locked on, if there is one.
pub(super) fn read_lock(database: &Database) -> Result<Option<Vec<u8>>, StoreError> {
    database.get(layout::META, layout::LOCK)
}

fn read_from(
    database: &Database,
    family: &'static str,
    start: Index,
) -> Result<Vec<(Index, Vec<u8>)>, StoreError> {
    let mut rows = Vec::new();
    database.scan(family, &layout::row_key(start), |key, row| {
        let index = layout::row_index(key).ok_or_else(|| {
            let what = format!("an entry of {family}");
            StoreError::entry(database.directory(), what, "its key has the wrong length")
        })?;
        rows.push((index, row.to_vec()));
        Ok(())
    })?;
    Ok(rows)
}

/// Raft's hard state, if there is one.
pub(super) fn read_hard_state(database: &Database) -> Result<Option<Vec<u8>>, StoreError> {
    database.get(layout::META, layout::HARD_STATE)
}

/// Whether anything was ever promised: a vote, or a row.
pub(super) fn has_history(database: &Database) -> Result<bool, StoreError> {
    let promised = read_hard_state(database)?.is_some();
    Ok(promised || !read_rows(database, start(database)?)?.is_empty())
}
