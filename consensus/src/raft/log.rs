//! The uncompacted log, in memory: what Raft reads, with the chain hash of every entry.
//!
//! Entries are hashed and turned into rows as they are appended; entries that a new leader
//! overrules go, and what follows is linked anew. It writes nothing: the driver hands the rows to
//! the store.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use hms_protocol::certificate::Certificate;
use hms_protocol::chain::EntryKind;
use hms_protocol::digest::Hash;
use hms_protocol::id::{Index, MeshId, Term};
use hms_protocol::receipt::{Handover, KeptEntry};
use raft::eraftpb::{Entry, EntryType, HardState, Snapshot, SnapshotMetadata};
use raft::{GetEntriesContext, RaftState, Storage, StorageError};

use super::limits;
use super::members::Members;
use super::row::{Row, Vow};

/// A point of the log: an entry's index, term and chain hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Point {
    /// Where it stands.
    pub index: Index,
    /// The term of the leader that made it.
    pub term: Term,
    /// The chain hash up to and including it.
    pub chain: Hash,
}

/// What a checkpoint stands for, as its own bytes say: a point of the log, and who took part there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The mesh whose ledger it is of.
    pub mesh: MeshId,
    /// The last entry that it covers.
    pub point: Point,
    /// Who took part when that entry was applied.
    pub members: Members,
    /// What ended the epochs before, in order.
    pub handovers: Vec<Handover>,
    /// The certificate of that entry; a genesis has none.
    pub certificate: Option<Certificate>,
}

/// A checkpoint that is on stable storage.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) anchor: Anchor,
    pub(super) bytes: Arc<[u8]>,
}

/// The log after some base, as Raft's storage.
#[derive(Debug)]
pub(super) struct Log {
    // The entry before the first row: compacted away, but its term and hash are needed.
    base: Point,
    // Invariant: contiguous, the first is `base.index + 1`, terms never decrease.
    rows: VecDeque<(Entry, Hash)>,
    start: Vow,
    checkpoint: Option<Kept>,
    // A peer needs a checkpoint that covers its own membership, and there is none yet. Set while
    // Raft reads.
    wanted: Cell<bool>,
}

/// What appending did, for the store.
pub(super) struct Appended {
    /// Rows from here on are overruled.
    pub(super) truncate_from: Option<Index>,
    /// The new rows.
    pub(super) rows: Vec<(Index, Vec<u8>)>,
}

impl Log {
    /// A log that begins after a checkpoint, or at the very beginning.
    pub(super) fn new(checkpoint: Option<Kept>, rows: Vec<Row>, start: Vow) -> Self {
        let base = checkpoint
            .as_ref()
            .map_or_else(Point::default, |kept| kept.anchor.point);
        let rows = rows.into_iter().map(|row| {
            let chain = row.chain;
            (entry(row), chain)
        });
        Self {
            base,
            rows: rows.collect(),
            start,
            checkpoint,
            wanted: Cell::new(false),
        }
    }

    pub(super) fn last(&self) -> Point {
        let last = self.rows.back();
        last.map_or(self.base, |(entry, chain)| point(entry, *chain))
    }

    /// The point at this index, if it is still, and already, in the log.
    pub(super) fn point(&self, index: Index) -> Option<Point> {
        if index == self.base.index {
            return Some(self.base);
        }
        let (entry, chain) = self.rows.get(self.place(index.0)?)?;
        Some(point(entry, *chain))
    }

    /// The entries from the one before `from` up to `to`, as far as they are here. The base is not among them but for its
    /// hash: nothing is known of what it carries.
    pub(super) fn kept_between(&self, from: Index, to: Index) -> BTreeMap<Index, KeptEntry> {
        let mut kept = BTreeMap::new();
        if self.base.index.next() == from {
            let base = KeptEntry {
                kind: EntryKind::Empty,
                term: self.base.term,
                data: Vec::new(),
                chain: self.base.chain,
            };
            kept.insert(self.base.index, base);
        }
        let start = self.place(from.0.saturating_sub(1)).unwrap_or_default();
        let rows = self.rows.iter().skip(start);
        let within = rows.take_while(|(entry, _)| entry.index <= to.0);
        kept.extend(within.map(|(entry, chain)| {
            let kept = KeptEntry {
                kind: kind(entry, &entry.data),
                term: Term(entry.term),
                data: entry.data.clone(),
                chain: *chain,
            };
            (Index(entry.index), kept)
        }));
        kept
    }

    /// The first change of members after an index.
    pub(super) fn next_change(&self, after: Index) -> Option<Index> {
        let start = self.place(after.0 + 1).unwrap_or_default();
        let mut rows = self.rows.iter().skip(start);
        let change = EntryType::EntryConfChange;
        let found = rows.find(|(entry, _)| entry.get_entry_type() == change);
        found.map(|(entry, _)| Index(entry.index))
    }

    /// The first entry of a later term than this one.
    pub(super) fn first_of_later_term(&self, term: Term) -> Option<Index> {
        let place = self.rows.partition_point(|(entry, _)| entry.term <= term.0);
        self.rows.get(place).map(|(entry, _)| Index(entry.index))
    }

    /// Forgets the entries from an index on.
    pub(super) fn truncate(&mut self, from: Index) {
        let kept = self.place(from.0);
        self.rows
            .truncate(kept.expect("what a checkpoint covers is never cut"));
    }

    pub(super) fn checkpoint(&self) -> Option<&Kept> {
        self.checkpoint.as_ref()
    }

    /// Whether a peer waits for a newer checkpoint. Asking resets it: Raft will ask again.
    pub(super) fn take_wanted(&self) -> bool {
        self.wanted.replace(false)
    }

    /// Appends entries that Raft has accepted, in place of any that they overrule.
    pub(super) fn append(&mut self, entries: Vec<Entry>) -> Appended {
        let mut appended = Appended {
            truncate_from: None,
            rows: Vec::with_capacity(entries.len()),
        };
        let Some(first) = entries.first().map(|entry| entry.index) else {
            return appended;
        };
        let kept = first
            .checked_sub(self.base.index.0 + 1)
            .expect("raft never overrules what a checkpoint covers");
        let kept = usize::try_from(kept).expect("the log fits in memory");
        assert!(kept <= self.rows.len(), "raft never leaves a gap");
        if kept < self.rows.len() {
            appended.truncate_from = Some(Index(first));
            self.rows.truncate(kept);
        }
        for mut entry in entries {
            let data = std::mem::take(&mut entry.data);
            let (index, term) = (Index(entry.index), Term(entry.term));
            let kind = kind(&entry, &data);
            let (row, bytes) = Row::forge(self.last().chain, kind, term, index, data);
            entry.data = row.data;
            self.rows.push_back((entry, row.chain));
            appended.rows.push((index, bytes));
        }
        appended
    }

    /// Replaces the whole log by a checkpoint.
    pub(super) fn install(&mut self, kept: Kept) {
        self.rows.clear();
        self.base = kept.anchor.point;
        self.checkpoint = Some(kept);
    }

    /// Keeps a newer checkpoint of this node's own and forgets what it covers, but for a margin.
    /// Returns the last index that is gone now, if anything went.
    pub(super) fn keep(&mut self, kept: Kept) -> Option<Index> {
        let covered = self.place(kept.anchor.point.index.0 + 1)?;
        self.checkpoint = Some(kept);
        let margin = self.margin(covered.min(self.rows.len()));
        let (entry, chain) = self.rows.drain(..margin).next_back()?;
        self.base = point(&entry, chain);
        Some(self.base.index)
    }

    /// How many of the first `covered` rows can go, so that those that stay are a margin and no
    /// more.
    fn margin(&self, covered: usize) -> usize {
        let (mut entries, mut bytes) = (0, 0);
        let behind = self.rows.range(..covered).rev().take_while(|(entry, _)| {
            entries += 1;
            bytes += size(entry);
            entries <= limits::LOG_MARGIN_ENTRIES && bytes <= limits::LOG_MARGIN_BYTES
        });
        covered - behind.count()
    }

    fn place(&self, index: u64) -> Option<usize> {
        usize::try_from(index.checked_sub(self.base.index.0 + 1)?).ok()
    }
}

impl Storage for Log {
    fn initial_state(&self) -> raft::Result<RaftState> {
        let members = self.checkpoint.as_ref().map(|kept| &kept.anchor.members);
        let hard_state = HardState {
            term: self.start.term,
            vote: self.start.vote,
            commit: self.start.commit,
        };
        let conf_state = members.map(Members::conf_state).unwrap_or_default();
        Ok(RaftState::new(hard_state, conf_state))
    }

    fn entries(
        &self,
        low: u64,
        high: u64,
        max_size: impl Into<Option<u64>>,
        _context: GetEntriesContext,
    ) -> raft::Result<Vec<Entry>> {
        let Some(start) = self.place(low) else {
            return Err(StorageError::Compacted.into());
        };
        let end = self.place(high).filter(|end| *end <= self.rows.len());
        let Some(end) = end.filter(|end| start <= *end) else {
            return Err(StorageError::Unavailable.into());
        };
        let max = max_size.into().unwrap_or(u64::MAX);
        let mut bytes = 0_u64;
        let within = self.rows.range(start..end).take_while(|(entry, _)| {
            let first = bytes == 0;
            bytes = bytes.saturating_add(size(entry));
            first || bytes <= max
        });
        Ok(within.map(|(entry, _)| entry.clone()).collect())
    }

    fn term(&self, index: u64) -> raft::Result<u64> {
        if index < self.base.index.0 {
            return Err(StorageError::Compacted.into());
        }
        let point = self.point(Index(index));
        let point = point.ok_or(raft::Error::Store(StorageError::Unavailable))?;
        Ok(point.term.0)
    }

    fn first_index(&self) -> raft::Result<u64> {
        Ok(self.base.index.0 + 1)
    }

    fn last_index(&self) -> raft::Result<u64> {
        Ok(self.last().index.0)
    }

    /// Gives only what the checkpoint stands for. The bytes are added when the message leaves, so
    /// that they are not copied about.
    fn snapshot(&self, request_index: u64, to: u64) -> raft::Result<Snapshot> {
        let fitting = self.checkpoint.as_ref().filter(|kept| {
            let anchor = &kept.anchor;
            anchor.point.index.0 >= request_index && anchor.members.node(to).is_some()
        });
        let Some(kept) = fitting else {
            self.wanted.set(true);
            return Err(StorageError::SnapshotTemporarilyUnavailable.into());
        };
        Ok(Snapshot {
            data: Vec::new(),
            metadata: Some(metadata(&kept.anchor)),
        })
    }
}

/// Raft's form of an anchor.
pub(super) fn metadata(anchor: &Anchor) -> SnapshotMetadata {
    SnapshotMetadata {
        conf_state: Some(anchor.members.conf_state()),
        index: anchor.point.index.0,
        term: anchor.point.term.0,
    }
}

/// What an entry carries.
pub(super) fn kind(entry: &Entry, data: &[u8]) -> EntryKind {
    if entry.entry_type != i32::from(EntryType::EntryNormal) {
        EntryKind::Membership
    } else if data.is_empty() {
        EntryKind::Empty
    } else {
        EntryKind::Batch
    }
}

fn entry(row: Row) -> Entry {
    let entry_type = match row.kind {
        // A recovery is covered by a checkpoint, so Raft never reads it.
        EntryKind::Empty | EntryKind::Batch | EntryKind::Recovery => EntryType::EntryNormal,
        EntryKind::Membership => EntryType::EntryConfChange,
    };
    Entry {
        entry_type: entry_type.into(),
        term: row.term.0,
        index: row.index.0,
        data: row.data,
        ..Entry::default()
    }
}

fn point(entry: &Entry, chain: Hash) -> Point {
    Point {
        index: Index(entry.index),
        term: Term(entry.term),
        chain,
    }
}

/// Bytes that an entry takes in a message, a little rounded up.
pub(super) fn size(entry: &Entry) -> u64 {
    const FRAME_BYTES: u64 = 32;
    entry.data.len() as u64 + FRAME_BYTES
}
