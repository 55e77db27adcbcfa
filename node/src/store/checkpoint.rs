//! Checkpoints on disk: written in pieces, believed as a whole.
//!
//! The pieces of a new checkpoint lie beside those of the newest one until a single write makes the
//! new one count and the old one go. A crash in between leaves the old one.

use std::sync::Arc;

use hms_protocol::digest::{Domain, Hash, hash_fields};
use hms_protocol::id::Index;

use super::database::{Batch, Database};
use super::error::StoreError;
use super::layout::{self, PIECE_BYTES};

const VERSION: u8 = 1;
const MANIFEST_BYTES: usize = 57;

/// What is known of the newest checkpoint.
struct Manifest {
    serial: u64,
    index: Index,
    bytes: u64,
    digest: Hash,
}

/// A checkpoint on its way to the disk, piece by piece.
#[derive(Debug)]
pub(super) struct Piecewise {
    serial: u64,
    index: Index,
    bytes: Arc<[u8]>,
    digest: Hash,
    written: usize,
    pieces: u32,
}

impl Piecewise {
    /// Begins to write a checkpoint, after whatever is left of one that was never finished is gone.
    pub(super) fn begin(
        database: &Database,
        index: Index,
        bytes: Arc<[u8]>,
    ) -> Result<Self, StoreError> {
        let serial = read_manifest(database)?.map_or(0, |newest| newest.serial) + 1;
        let mut batch = database.batch();
        batch.delete_range(
            layout::CHECKPOINT,
            layout::piece_key(serial, 0),
            layout::piece_key(u64::MAX, u32::MAX),
        );
        database.write(batch, false)?;
        Ok(Self {
            serial,
            index,
            digest: digest(&bytes),
            bytes,
            written: 0,
            pieces: 0,
        })
    }

    pub(super) const fn index(&self) -> Index {
        self.index
    }

    pub(super) fn bytes(&self) -> Arc<[u8]> {
        Arc::clone(&self.bytes)
    }

    /// Writes one more piece. Returns whether there are more.
    pub(super) fn write_next(&mut self, database: &Database) -> Result<bool, StoreError> {
        let rest = &self.bytes[self.written..];
        let piece = &rest[..rest.len().min(PIECE_BYTES)];
        let mut batch = database.batch();
        let key = layout::piece_key(self.serial, self.pieces);
        batch.put(layout::CHECKPOINT, key, piece);
        database.write(batch, false)?;
        self.written += piece.len();
        self.pieces += 1;
        Ok(self.written < self.bytes.len())
    }

    /// Makes it the newest checkpoint, with this batch. All pieces are written before.
    pub(super) fn finish(&self, batch: &mut Batch<'_>) {
        assert_eq!(self.written, self.bytes.len(), "a piece is missing");
        let manifest = Manifest {
            serial: self.serial,
            index: self.index,
            bytes: self.bytes.len() as u64,
            digest: self.digest,
        };
        batch.put(layout::CHECKPOINT, layout::NEWEST, manifest.encode());
        batch.delete_range(
            layout::CHECKPOINT,
            layout::piece_key(0, 0),
            layout::piece_key(self.serial, 0),
        );
    }
}

/// The newest checkpoint, if there is one.
pub(super) fn read(database: &Database) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(manifest) = read_manifest(database)? else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    let mut number = 0;
    while (bytes.len() as u64) < manifest.bytes {
        let key = layout::piece_key(manifest.serial, number);
        let piece = database.get(layout::CHECKPOINT, &key)?;
        let piece = piece.filter(|piece| !piece.is_empty());
        let Some(piece) = piece else {
            return Err(damaged(database, manifest.index, "a piece is missing"));
        };
        bytes.extend_from_slice(&piece);
        number += 1;
    }
    if bytes.len() as u64 != manifest.bytes || digest(&bytes) != manifest.digest {
        return Err(damaged(
            database,
            manifest.index,
            "its digest does not match",
        ));
    }
    Ok(Some(bytes))
}

/// The newest entry that the newest checkpoint covers.
pub(super) fn index(database: &Database) -> Result<Option<Index>, StoreError> {
    Ok(read_manifest(database)?.map(|manifest| manifest.index))
}

fn read_manifest(database: &Database) -> Result<Option<Manifest>, StoreError> {
    let Some(value) = database.get(layout::CHECKPOINT, layout::NEWEST)? else {
        return Ok(None);
    };
    let manifest = Manifest::decode(&value).ok_or_else(|| {
        let what = "the newest checkpoint".to_owned();
        StoreError::entry(database.directory(), what, "its manifest cannot be read")
    })?;
    Ok(Some(manifest))
}

impl Manifest {
    fn encode(&self) -> Vec<u8> {
        let mut value = Vec::with_capacity(MANIFEST_BYTES);
        value.push(VERSION);
        for number in [self.serial, self.index.0, self.bytes] {
            value.extend_from_slice(&number.to_le_bytes());
        }
        value.extend_from_slice(self.digest.as_bytes());
        value
    }

    fn decode(value: &[u8]) -> Option<Self> {
        let (version, rest) = value.split_first()?;
        let (serial, rest) = rest.split_first_chunk()?;
        let (index, rest) = rest.split_first_chunk()?;
        let (bytes, digest) = rest.split_first_chunk()?;
        (*version == VERSION).then_some(Self {
            serial: u64::from_le_bytes(*serial),
            index: Index(u64::from_le_bytes(*index)),
            bytes: u64::from_le_bytes(*bytes),
            digest: Hash::from_slice(digest)?,
        })
    }
}

fn digest(bytes: &[u8]) -> Hash {
    hash_fields(Domain::StateRecord, &[b"checkpoint", bytes])
}

fn damaged(database: &Database, index: Index, reason: &str) -> StoreError {
    let what = format!("the checkpoint at entry {index}");
    StoreError::entry(database.directory(), what, reason)
}
