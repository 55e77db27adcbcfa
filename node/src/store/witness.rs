//! Whether the database is as new as it once was.
//!
//! Every batch carries a serial number; now and then, and when the store closes, the newest is
//! written to a file of its own. A database whose newest serial is older than the file's has gone
//! back in time: a part of it was cut off, or an older copy was put in its place. RocksDB itself
//! does not notice when its list of files has lost its end.
//!
//! What was lost since the file was last written goes unnoticed here; the log's own checks may
//! notice.

use std::fs;
use std::io;
use std::path::Path;

use hms_keystore::write_whole;

use super::database::Database;
use super::error::StoreError;
use super::layout;

/// Checks the database against its witness; gives the newest serial.
pub(super) fn check(database: &Database) -> Result<u64, StoreError> {
    let serial = read_serial(database)?;
    let path = database.directory().join(layout::WITNESS_FILE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(serial),
        Err(source) => return Err(StoreError::file("read", &path, source)),
    };
    let damaged = |reason: &str| {
        let what = format!("the file {}", layout::WITNESS_FILE);
        StoreError::entry(database.directory(), what, reason)
    };
    let witnessed: u64 = text
        .trim()
        .parse()
        .map_err(|_| damaged("it is no number"))?;
    if serial < witnessed {
        let what = "the newest part of the ledger".to_owned();
        let reason = format!("{witnessed} batches were written, {serial} are there");
        return Err(StoreError::entry(database.directory(), what, &reason));
    }
    Ok(serial)
}

/// Notes that a serial is on stable storage.
pub(super) fn note(directory: &Path, serial: u64) -> Result<(), StoreError> {
    let path = directory.join(layout::WITNESS_FILE);
    let text = format!("{serial}\n");
    let written = write_whole(&path, text.as_bytes(), 0o644);
    written.map_err(|source| StoreError::file("written", &path, source))
}

fn read_serial(database: &Database) -> Result<u64, StoreError> {
    let Some(value) = database.get(layout::META, layout::SERIAL)? else {
        return Ok(0);
    };
    let bytes = value.try_into().map_err(|_| {
        let what = "the serial of the newest batch".to_owned();
        StoreError::entry(database.directory(), what, "wrong length")
    })?;
    Ok(u64::from_le_bytes(bytes))
}
