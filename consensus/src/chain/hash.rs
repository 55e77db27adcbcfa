//! The link hash: two logs with the same hash at an index are the same log up to that index.
//!
//! Pure arithmetic over what an entry holds. It does not know where entries come from or whether
//! they are committed.

use hms_protocol::digest::{Domain, Hash, hash_fields};
use hms_protocol::id::{Index, Term};

/// What a log entry carries. The number is part of the chain: it never changes meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// Nothing: a new leader's first entry, which commits what its predecessors left.
    Empty,
    /// A batch of commands.
    Batch,
    /// A change of the voters or learners.
    Membership,
}

impl EntryKind {
    /// The number under which the kind is hashed and stored.
    pub const fn number(self) -> u8 {
        match self {
            Self::Empty => 0,
            Self::Batch => 1,
            Self::Membership => 2,
        }
    }

    /// The kind with this number, if there is one.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Empty),
            1 => Some(Self::Batch),
            2 => Some(Self::Membership),
            _ => None,
        }
    }
}

/// The chain hash of an entry, given that of the entry before it.
pub fn link(previous: Hash, term: Term, index: Index, kind: EntryKind, data: &[u8]) -> Hash {
    link_digest(previous, term, index, kind, digest(data))
}

/// The digest under which the chain names an entry's data.
pub fn digest(data: &[u8]) -> Hash {
    hash_fields(Domain::EntryData, &[data])
}

/// Like [`link`], for data whose [`digest`] is known.
pub fn link_digest(
    previous: Hash,
    term: Term,
    index: Index,
    kind: EntryKind,
    data_digest: Hash,
) -> Hash {
    hash_fields(
        Domain::Chain,
        &[
            previous.as_bytes(),
            &term.0.to_le_bytes(),
            &index.0.to_le_bytes(),
            &[kind.number()],
            data_digest.as_bytes(),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(other: Hash) {
        let link = link(Hash::default(), Term(1), Index(2), EntryKind::Batch, b"x");
        assert_ne!(link, other);
    }

    #[test]
    fn every_field_of_an_entry_changes_its_link() {
        let previous = Hash::from_bytes([1; 32]);
        let zero = Hash::default();
        check(link(previous, Term(1), Index(2), EntryKind::Batch, b"x"));
        check(link(zero, Term(2), Index(2), EntryKind::Batch, b"x"));
        check(link(zero, Term(1), Index(3), EntryKind::Batch, b"x"));
        check(link(zero, Term(1), Index(2), EntryKind::Membership, b"x"));
        check(link(zero, Term(1), Index(2), EntryKind::Batch, b"y"));
    }

    #[test]
    fn a_kind_reads_back_from_its_number() {
        for kind in [EntryKind::Empty, EntryKind::Batch, EntryKind::Membership] {
            assert_eq!(EntryKind::from_number(kind.number()), Some(kind));
        }
        assert_eq!(EntryKind::from_number(3), None);
    }
}
