//! Every key that is ever written, on one page, and how RocksDB keeps them.
//!
//! | family | key | value |
//! |---|---|---|
//! | `meta` | `owner` | node id (32 bytes), mesh id (32 bytes) |
//! | `meta` | `hard-state` | Raft's hard state, opaque |
//! | `meta` | `log-start` | index of the first row that Raft needs (8 bytes) |
//! | `meta` | `serial` | how many batches were written (8 bytes) |
//! | `meta` | `lock` | the certificate that a voter is locked on, opaque |
//! | `log` | index (8 bytes) | a log row |
//! | `certificates` | index (8 bytes) | a final certificate |
//! | `marks` | index (8 bytes) | when the rows up to here were left by Raft, in milliseconds since 1970 (8), and the bytes of those since the mark before (8) |
//! | `checkpoint` | `newest` | version (1), serial (8), index (8), length (8), digest (32) |
//! | `checkpoint` | `piece` serial (8) number (4) | up to 256 KiB of a checkpoint |
//! | `seen` | `direct`, `gossip` | a replay record |
//! | `agents` | agent id (16 bytes) | opaque to the store |
//! | `memory` | agent id (16 bytes) | an agent's memory, opaque to the store |
//!
//! Numbers in keys are big-endian, so that they sort; in values little-endian. A change of this
//! page is a new [`FORMAT`]. A store of format 1 has no `memory`, one of format 2 no
//! `certificates`, one of format 3 no `marks`; they get them when they are opened.

use hms_protocol::id::Index;
use rocksdb::{ColumnFamilyDescriptor, DBCompressionType, DBRecoveryMode, Options};

use super::database::Age;

/// The version of this page, as the marker file names it.
pub(super) const FORMAT: u32 = 4;

/// The oldest version that can be brought to this one by making the families that it lacks.
pub(super) const FORMAT_OLDEST: u32 = 1;

/// The file that marks a directory as a store, so that lost parts are never taken for a fresh one.
pub(super) const MARKER_FILE: &str = "FORMAT";

/// The file whose lock says that a process uses the directory; it holds that process's id.
pub(super) const LOCK_FILE: &str = "USER";

/// The file that says how many batches were written at least, so that a database that has lost its
/// newest part is noticed.
pub(super) const WITNESS_FILE: &str = "WITNESS";

/// The file that takes room for a moment at start, to see whether there is any.
pub(super) const ROOM_FILE: &str = "ROOM";

/// Bytes of that file beside a copy of the write-ahead log.
pub(super) const ROOM_BYTES: u64 = 1024 * 1024;

/// What the files of the write-ahead log are called after the dot.
pub(super) const WAL_EXTENSION: &str = "log";

pub(super) const META: &str = "meta";
pub(super) const LOG: &str = "log";
pub(super) const CERTIFICATES: &str = "certificates";
pub(super) const MARKS: &str = "marks";
pub(super) const CHECKPOINT: &str = "checkpoint";
pub(super) const SEEN: &str = "seen";
pub(super) const AGENTS: &str = "agents";
pub(super) const MEMORY: &str = "memory";

pub(super) const FAMILIES: [&str; 8] = [
    META,
    LOG,
    CERTIFICATES,
    MARKS,
    CHECKPOINT,
    SEEN,
    AGENTS,
    MEMORY,
];

/// The families of a store of [`FORMAT_OLDEST`]. If one of them is not there, it was lost.
pub(super) const FAMILIES_OLDEST: [&str; 5] = [META, LOG, CHECKPOINT, SEEN, AGENTS];

pub(super) const OWNER: &[u8] = b"owner";
pub(super) const HARD_STATE: &[u8] = b"hard-state";
pub(super) const LOCK: &[u8] = b"lock";
pub(super) const LOG_START: &[u8] = b"log-start";
pub(super) const SERIAL: &[u8] = b"serial";
pub(super) const NEWEST: &[u8] = b"newest";
const PIECE: &[u8] = b"piece";

/// Bytes of one piece of a checkpoint. Log writes go between pieces, so that a large checkpoint
/// delays them by one piece only.
pub(super) const PIECE_BYTES: usize = 256 * 1024;

// RocksDB keeps a write-ahead log until every family has flushed what is in it.
const WAL_BYTES_MAX: u64 = 32 * 1024 * 1024;
// What a family collects in memory before it becomes a file; at most three such buffers each.
const BUFFER_BYTES: usize = 8 * 1024 * 1024;
const BUFFERS_MAX: i32 = 3;
// RocksDB's own log lines: for its developers, so little of them.
const INFO_LOG_BYTES_MAX: usize = 1024 * 1024;
const INFO_LOGS_MAX: usize = 2;

/// The key of a log row.
pub(super) const fn row_key(index: Index) -> [u8; 8] {
    index.0.to_be_bytes()
}

/// The index of a row's key; `None` when it is none.
pub(super) fn row_index(key: &[u8]) -> Option<Index> {
    Some(Index(u64::from_be_bytes(key.try_into().ok()?)))
}

/// The key of one piece of a checkpoint.
pub(super) fn piece_key(serial: u64, number: u32) -> Vec<u8> {
    [PIECE, &serial.to_be_bytes(), &number.to_be_bytes()].concat()
}

/// How the database as a whole is kept.
pub(super) fn options(age: Age) -> Options {
    let mut options = Options::default();
    options.create_if_missing(age == Age::Fresh);
    options.create_missing_column_families(age != Age::Current);
    options.set_paranoid_checks(true);
    // A record that was being written when the power failed is cut off silently; any other damage
    // keeps the database from opening.
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options.set_max_total_wal_size(WAL_BYTES_MAX);
    options.set_max_background_jobs(2);
    options.set_keep_log_file_num(INFO_LOGS_MAX);
    options.set_max_log_file_size(INFO_LOG_BYTES_MAX);
    options.set_stats_dump_period_sec(0);
    options
}

/// How each family is kept.
pub(super) fn families() -> impl Iterator<Item = ColumnFamilyDescriptor> {
    FAMILIES.into_iter().map(|name| {
        let mut options = Options::default();
        options.set_write_buffer_size(BUFFER_BYTES);
        options.set_max_write_buffer_number(BUFFERS_MAX);
        options.set_compression_type(DBCompressionType::None);
        ColumnFamilyDescriptor::new(name, options)
    })
}
