//! From what the store held to a log that can be believed, or the first reason why it cannot.
//!
//! Every row is checked against its checksum and its link in the chain, the log against the
//! checkpoint that it continues, and the hard state against both. A log that fails is refused as a
//! whole: a voter that has forgotten what it promised is worse than one that is gone.
//!
//! It repairs nothing.

use std::sync::Arc;

use hms_protocol::certificate::Certificate;
use hms_protocol::chain::EntryKind;
use hms_protocol::codec::{self, CodecError};
use hms_protocol::id::{Index, Term};

use super::log::{Anchor, Kept, Log, Point};
use super::row::{Row, RowError, Vow};
use crate::effect::Recovered;

/// Reads what a checkpoint's bytes stand for, and checks them as far as its author can. `None` when
/// they are no checkpoint. The Raft room does not look inside: the state does.
pub type ReadAnchor = fn(&[u8]) -> Option<Anchor>;

/// Why this node cannot start from what its store holds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// The checkpoint cannot be read.
    #[error("the checkpoint of {bytes} bytes is damaged")]
    CheckpointDamaged {
        /// How large it is.
        bytes: usize,
    },
    /// There are log rows, but no checkpoint that they could continue.
    #[error("the log begins at entry {first} and there is no checkpoint before it")]
    CheckpointMissing {
        /// The first row.
        first: Index,
    },
    /// The log begins later than the checkpoint ends.
    #[error("the checkpoint ends with entry {checkpoint}, the log begins with entry {first}")]
    CheckpointGap {
        /// The last entry that the checkpoint covers.
        checkpoint: Index,
        /// The first row.
        first: Index,
    },
    /// The row that the checkpoint ends with is another one.
    #[error("entry {index} of the log is not the entry that the checkpoint ends with")]
    CheckpointConflict {
        /// Where.
        index: Index,
    },
    /// A row is not there, though later ones are.
    #[error("entry {index} of the log is missing")]
    RowMissing {
        /// Which.
        index: Index,
    },
    /// A row cannot be read.
    #[error("entry {index} of the log is damaged: {source}")]
    RowDamaged {
        /// Which.
        index: Index,
        /// What is wrong with it.
        source: RowError,
    },
    /// A row stands under an index that is not its own.
    #[error("entry {found} of the log stands where entry {index} belongs")]
    RowMisplaced {
        /// Where it stands.
        index: Index,
        /// What it is.
        found: Index,
    },
    /// A row does not continue the chain.
    #[error("entry {index} of the log does not follow from the entries before it")]
    ChainBroken {
        /// The first one that does not.
        index: Index,
    },
    /// A row has an earlier term than the one before it.
    #[error("entry {index} of the log has term {term}, the entry before it has term {before}")]
    TermRegressed {
        /// Which.
        index: Index,
        /// Its term.
        term: Term,
        /// The term before it.
        before: Term,
    },
    /// A recovery has no checkpoint that covers it.
    #[error("entry {index} of the log is a recovery, and the checkpoint does not cover it")]
    RecoveryUncovered {
        /// Which.
        index: Index,
    },
    /// The hard state cannot be read.
    #[error("the hard state is damaged: {source}")]
    HardStateDamaged {
        /// What is wrong with it.
        source: RowError,
    },
    /// There is a log, but no hard state: a vote may have been forgotten.
    #[error("the log ends with entry {last} and there is no hard state")]
    HardStateMissing {
        /// The last row.
        last: Index,
    },
    /// The hard state is older than the log: a vote may have been forgotten.
    #[error("the hard state is of term {term}, the log ends in term {last}")]
    HardStateStale {
        /// Its term.
        term: Term,
        /// The last row's.
        last: Term,
    },
    /// Entries that were committed are not there.
    #[error("entry {commit} was committed and the log ends with entry {last}")]
    CommittedLost {
        /// The last one that was committed.
        commit: Index,
        /// The last row.
        last: Index,
    },
    /// A certificate cannot be read.
    #[error("the certificate of entry {index} is damaged: {reason}")]
    CertificateDamaged {
        /// Of which entry.
        index: Index,
        /// What is wrong with it.
        reason: String,
    },
    /// The certificate that this voter is locked on cannot be read.
    #[error("the lock is damaged: {reason}")]
    LockDamaged {
        /// What is wrong with it.
        reason: String,
    },
    /// Raft itself refuses to start from this.
    #[error("raft refuses to start: {reason}")]
    Refused {
        /// Why.
        reason: String,
    },
}

impl RestoreError {
    /// The stable code, for machines.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::CheckpointDamaged { .. } => "HMS-CHECKPOINT-DAMAGED",
            Self::CheckpointMissing { .. } => "HMS-CHECKPOINT-MISSING",
            Self::CheckpointGap { .. } => "HMS-CHECKPOINT-GAP",
            Self::CheckpointConflict { .. } => "HMS-CHECKPOINT-CONFLICT",
            Self::RowMissing { .. } => "HMS-ROW-MISSING",
            Self::RowDamaged { .. } => "HMS-ROW-DAMAGED",
            Self::RowMisplaced { .. } => "HMS-ROW-MISPLACED",
            Self::ChainBroken { .. } => "HMS-CHAIN-BROKEN",
            Self::TermRegressed { .. } => "HMS-TERM-REGRESSED",
            Self::RecoveryUncovered { .. } => "HMS-RECOVERY-UNCOVERED",
            Self::HardStateDamaged { .. } => "HMS-HARD-STATE-DAMAGED",
            Self::HardStateMissing { .. } => "HMS-HARD-STATE-MISSING",
            Self::HardStateStale { .. } => "HMS-HARD-STATE-STALE",
            Self::CommittedLost { .. } => "HMS-COMMITTED-LOST",
            Self::CertificateDamaged { .. } => "HMS-CERTIFICATE-DAMAGED",
            Self::LockDamaged { .. } => "HMS-LOCK-DAMAGED",
            Self::Refused { .. } => "HMS-RAFT-REFUSED",
        }
    }

    /// What the operator can do, for people.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::RowDamaged {
                source: RowError::Version { .. },
                ..
            }
            | Self::HardStateDamaged {
                source: RowError::Version { .. },
            } => "start this data directory with the version of hms-node that wrote it",
            Self::CheckpointDamaged { .. }
            | Self::CheckpointMissing { .. }
            | Self::CheckpointGap { .. }
            | Self::CheckpointConflict { .. }
            | Self::RowMissing { .. }
            | Self::RowDamaged { .. }
            | Self::RowMisplaced { .. }
            | Self::ChainBroken { .. }
            | Self::TermRegressed { .. }
            | Self::RecoveryUncovered { .. }
            | Self::HardStateDamaged { .. }
            | Self::HardStateMissing { .. }
            | Self::HardStateStale { .. }
            | Self::CommittedLost { .. }
            | Self::CertificateDamaged { .. }
            | Self::LockDamaged { .. }
            | Self::Refused { .. } => {
                "the ledger here cannot be trusted: move the data directory away and join the mesh \
                 as a new node, which its peers bring up to date"
            }
        }
    }
}

/// Checks everything and makes the log.
pub(super) fn restore(recovered: Recovered, read: ReadAnchor) -> Result<Log, RestoreError> {
    let checkpoint = recovered
        .checkpoint
        .map(|bytes| read_checkpoint(bytes, read))
        .transpose()?;
    let base = checkpoint.as_ref().map(|kept| kept.anchor.point);
    let rows = check_rows(&recovered.rows, base)?;
    let last = rows.last().map_or(base.unwrap_or_default(), |row| Point {
        index: row.index,
        term: row.term,
        chain: row.chain,
    });
    let vow = check_hard_state(recovered.hard_state.as_deref(), base, last, rows.is_empty())?;
    Ok(Log::new(checkpoint, rows, vow))
}

/// Takes the certificates out of what the store held: those of the log, and the voter's lock. Their signatures were checked
/// before they were written.
pub(super) fn read_certificates(
    recovered: &mut Recovered,
) -> Result<(Vec<Certificate>, Option<Certificate>), RestoreError> {
    let read = |(index, bytes): (Index, Vec<u8>)| {
        codec::decode(&bytes).map_err(|error| RestoreError::CertificateDamaged {
            index,
            reason: error.to_string(),
        })
    };
    let certificates = std::mem::take(&mut recovered.certificates).into_iter();
    let lock = recovered.lock.take();
    let lock = lock.map(|bytes| codec::decode(&bytes)).transpose();
    let damaged = |error: CodecError| RestoreError::LockDamaged {
        reason: error.to_string(),
    };
    Ok((
        certificates.map(read).collect::<Result<_, _>>()?,
        lock.map_err(damaged)?,
    ))
}

fn read_checkpoint(bytes: Vec<u8>, read: ReadAnchor) -> Result<Kept, RestoreError> {
    let damaged = RestoreError::CheckpointDamaged { bytes: bytes.len() };
    let anchor = read(&bytes).ok_or(damaged)?;
    Ok(Kept {
        anchor,
        bytes: Arc::from(bytes),
    })
}

/// Checks the rows one after the other; gives those after the checkpoint.
fn check_rows(stored: &[(Index, Vec<u8>)], base: Option<Point>) -> Result<Vec<Row>, RestoreError> {
    let Some((first, _)) = stored.first() else {
        return Ok(Vec::new());
    };
    let first = *first;
    let Some(base) = base else {
        return Err(RestoreError::CheckpointMissing { first });
    };
    if base.index.next() < first {
        return Err(RestoreError::CheckpointGap {
            checkpoint: base.index,
            first,
        });
    }
    let mut rows = Vec::with_capacity(stored.len());
    let mut expected = first;
    let mut before: Option<Point> = None;
    for (index, bytes) in stored {
        if *index != expected {
            return Err(RestoreError::RowMissing { index: expected });
        }
        let row = check_row(
            *index,
            bytes,
            before.or((base.index < *index).then_some(base)),
        )?;
        if row.index == base.index && (row.term, row.chain) != (base.term, base.chain) {
            return Err(RestoreError::CheckpointConflict { index: base.index });
        }
        before = Some(Point {
            index: row.index,
            term: row.term,
            chain: row.chain,
        });
        expected = expected.next();
        if base.index < row.index {
            if row.kind == EntryKind::Recovery {
                return Err(RestoreError::RecoveryUncovered { index: row.index });
            }
            rows.push(row);
        }
    }
    Ok(rows)
}

fn check_row(index: Index, bytes: &[u8], before: Option<Point>) -> Result<Row, RestoreError> {
    let row = Row::decode(bytes).map_err(|source| RestoreError::RowDamaged { index, source })?;
    if row.index != index {
        return Err(RestoreError::RowMisplaced {
            index,
            found: row.index,
        });
    }
    // The first row of the margin behind a checkpoint has nothing to be checked against.
    let Some(before) = before else {
        return Ok(row);
    };
    if row.term < before.term {
        return Err(RestoreError::TermRegressed {
            index,
            term: row.term,
            before: before.term,
        });
    }
    if !row.follows(before.chain) {
        return Err(RestoreError::ChainBroken { index });
    }
    Ok(row)
}

fn check_hard_state(
    stored: Option<&[u8]>,
    base: Option<Point>,
    last: Point,
    no_rows: bool,
) -> Result<Vow, RestoreError> {
    let covered = base.unwrap_or_default();
    let Some(stored) = stored else {
        if !no_rows {
            return Err(RestoreError::HardStateMissing { last: last.index });
        }
        // A founder's first start: nothing was promised but what the checkpoint says.
        return Ok(Vow {
            term: covered.term.0,
            vote: 0,
            commit: covered.index.0,
        });
    };
    let vow = Vow::decode(stored).map_err(|source| RestoreError::HardStateDamaged { source })?;
    if vow.term < last.term.0 {
        return Err(RestoreError::HardStateStale {
            term: Term(vow.term),
            last: last.term,
        });
    }
    if last.index.0 < vow.commit {
        return Err(RestoreError::CommittedLost {
            commit: Index(vow.commit),
            last: last.index,
        });
    }
    // The commit index is written lazily, a checkpoint may be ahead of it.
    Ok(Vow {
        commit: vow.commit.max(covered.index.0),
        ..vow
    })
}
