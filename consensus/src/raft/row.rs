//! Log rows and hard state as bytes: versioned, checksummed, with the entry's chain hash.
//!
//! A row that reads back without error is the row that was written, bit for bit. Whether it belongs
//! where it was found is for recovery to say.
//!
//! Row: version (1), kind (1), term (8), index (8), chain hash (32), checksum (16), data. Hard
//! state: version (1), term (8), vote (8), commit (8), checksum (16). Numbers are little-endian.

use hms_protocol::chain::{self, EntryKind};
use hms_protocol::digest::{Domain, Hash, hash_fields};
use hms_protocol::id::{Index, Term};
use hms_protocol::receipt::KeptEntry;

const VERSION: u8 = 1;
const HEAD_BYTES: usize = 50;
const CHECKSUM_BYTES: usize = 16;
const STATE_BYTES: usize = 25;

/// One log entry as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) kind: EntryKind,
    pub(super) term: Term,
    pub(super) index: Index,
    /// The chain hash up to and including this entry.
    pub(super) chain: Hash,
    pub(super) data: Vec<u8>,
}

/// What a voter must not forget (Raft section 5.2): its term, its vote in it, and how far it knows
/// to be committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Vow {
    pub(super) term: u64,
    /// The raft id that it voted for; zero for none.
    pub(super) vote: u64,
    pub(super) commit: u64,
}

/// Why bytes are not a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// There are too few bytes.
    #[error("it is cut off after {bytes} bytes")]
    Short {
        /// How many there are.
        bytes: usize,
    },
    /// It was written by another version of this program.
    #[error("it has version {version}, this program reads {VERSION}")]
    Version {
        /// The version it names.
        version: u8,
    },
    /// What was read is not what was written.
    #[error("its checksum does not match")]
    Checksum,
    /// The kind of entry is unknown.
    #[error("its kind {kind} is unknown")]
    Kind {
        /// The kind it names.
        kind: u8,
    },
}

/// Reads a row as it was kept: for whoever shows the ledger from the disk.
pub fn read_row(bytes: &[u8]) -> Result<(Index, KeptEntry), RowError> {
    let row = Row::decode(bytes)?;
    let entry = KeptEntry {
        kind: row.kind,
        term: row.term,
        data: row.data,
        chain: row.chain,
    };
    Ok((row.index, entry))
}

impl Row {
    /// Makes the row that follows an entry with the chain hash `previous`, and its bytes.
    pub(super) fn forge(
        previous: Hash,
        kind: EntryKind,
        term: Term,
        index: Index,
        data: Vec<u8>,
    ) -> (Self, Vec<u8>) {
        let digest = chain::digest(kind, &data);
        let chain = chain::link_digest(previous, term, index, kind, digest);
        let row = Self {
            kind,
            term,
            index,
            chain,
            data,
        };
        let bytes = row.encode(digest);
        (row, bytes)
    }

    fn encode(&self, digest: Hash) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + CHECKSUM_BYTES + self.data.len());
        bytes.push(VERSION);
        bytes.push(self.kind.number());
        bytes.extend_from_slice(&self.term.0.to_le_bytes());
        bytes.extend_from_slice(&self.index.0.to_le_bytes());
        bytes.extend_from_slice(self.chain.as_bytes());
        let checksum = checksum(&[&bytes, digest.as_bytes()]);
        bytes.extend_from_slice(&checksum);
        bytes.extend_from_slice(&self.data);
        bytes
    }

    /// Reads a row back and checks its checksum.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, RowError> {
        let (head, rest) = split(bytes, HEAD_BYTES)?;
        let (sum, data) = split(rest, CHECKSUM_BYTES)?;
        if head[0] != VERSION {
            return Err(RowError::Version { version: head[0] });
        }
        let kind = EntryKind::from_number(head[1]).ok_or(RowError::Kind { kind: head[1] })?;
        if checksum(&[head, chain::digest(kind, data).as_bytes()]) != sum {
            return Err(RowError::Checksum);
        }
        Ok(Self {
            kind,
            term: Term(number(head, 2)),
            index: Index(number(head, 10)),
            chain: Hash::from_slice(&head[18..]).expect("the head ends with 32 bytes of hash"),
            data: data.to_vec(),
        })
    }

    /// Whether this row follows an entry with the chain hash `previous`.
    pub(super) fn follows(&self, previous: Hash) -> bool {
        self.chain == chain::link(previous, self.term, self.index, self.kind, &self.data)
    }
}

impl Vow {
    pub(super) fn encode(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(STATE_BYTES + CHECKSUM_BYTES);
        bytes.push(VERSION);
        for value in [self.term, self.vote, self.commit] {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        let checksum = checksum(&[&bytes]);
        bytes.extend_from_slice(&checksum);
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, RowError> {
        let (head, sum) = split(bytes, STATE_BYTES)?;
        if head[0] != VERSION {
            return Err(RowError::Version { version: head[0] });
        }
        if checksum(&[head]) != sum {
            return Err(RowError::Checksum);
        }
        Ok(Self {
            term: number(head, 1),
            vote: number(head, 9),
            commit: number(head, 17),
        })
    }
}

fn split(bytes: &[u8], at: usize) -> Result<(&[u8], &[u8]), RowError> {
    bytes
        .split_at_checked(at)
        .ok_or(RowError::Short { bytes: bytes.len() })
}

fn checksum(fields: &[&[u8]]) -> [u8; CHECKSUM_BYTES] {
    let digest = hash_fields(Domain::LogRow, fields);
    let mut sum = [0; CHECKSUM_BYTES];
    sum.copy_from_slice(&digest.as_bytes()[..CHECKSUM_BYTES]);
    sum
}

fn number(bytes: &[u8], at: usize) -> u64 {
    let mut field = [0; 8];
    field.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_row_reads_back_as_it_was_written(
            term: u64, index: u64, number in 0_u8..4, data: Vec<u8>, seed: [u8; 32],
        ) {
            let kind = EntryKind::from_number(number).unwrap();
            let previous = Hash::from_bytes(seed);
            let (row, bytes) = Row::forge(previous, kind, Term(term), Index(index), data);
            prop_assert_eq!(Row::decode(&bytes), Ok(row.clone()));
            prop_assert!(row.follows(previous));
        }

        #[test]
        fn a_changed_or_cut_row_is_refused(data: Vec<u8>, place: usize, flip in 1_u8..) {
            let (_, bytes) =
                Row::forge(Hash::default(), EntryKind::Batch, Term(3), Index(9), data);
            let place = place % bytes.len();
            let mut damaged = bytes.clone();
            damaged[place] ^= flip;
            prop_assert!(Row::decode(&damaged).is_err());
            prop_assert!(Row::decode(&bytes[..place]).is_err());
        }

        #[test]
        fn a_vow_reads_back_and_a_changed_one_is_refused(
            term: u64, vote: u64, commit: u64, place: usize, flip in 1_u8..,
        ) {
            let vow = Vow { term, vote, commit };
            let mut bytes = vow.encode();
            prop_assert_eq!(Vow::decode(&bytes), Ok(vow));
            let place = place % bytes.len();
            prop_assert!(Vow::decode(&bytes[..place]).is_err());
            bytes[place] ^= flip;
            prop_assert!(Vow::decode(&bytes).is_err());
        }
    }
}
