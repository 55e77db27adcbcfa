//! The ledger's hash chain: two logs with the same hash at an index are the same log up to that index.
//!
//! A link covers the link before it and the entry's term, index, kind and [`digest`]. The digest of a batch is the root
//! of a [`tree`] over the fields of the encoded batch, each as it stands in the bytes and in that order, so that one
//! command is shown to belong to an entry without the others. Bytes that do not split into fields to their very end, and
//! what entries of the other kinds carry, are hashed as a whole. The two are hashed in two domains, so one is never taken
//! for the other; in both, different bytes have different digests.
//!
//! Pure arithmetic over what an entry holds. Where entries come from, what their bytes mean and whether they are
//! committed is not known here.

use crate::codec::shape;
use crate::digest::{Domain, Hash, hash_fields};
use crate::id::{Index, Term};
use crate::tree;

/// What a log entry carries. The number is part of the chain: it never changes meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// Nothing: a new leader's first entry, which commits what its predecessors left.
    Empty,
    /// A batch of commands.
    Batch,
    /// A change of the voters or learners.
    Membership,
    /// The voters are lost, and one node goes on alone: a [`Recovery`](crate::recovery::Recovery).
    Recovery,
}

impl EntryKind {
    /// The number under which the kind is hashed and stored.
    pub const fn number(self) -> u8 {
        match self {
            Self::Empty => 0,
            Self::Batch => 1,
            Self::Membership => 2,
            Self::Recovery => 3,
        }
    }

    /// The kind with this number, if there is one.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Empty),
            1 => Some(Self::Batch),
            2 => Some(Self::Membership),
            3 => Some(Self::Recovery),
            _ => None,
        }
    }
}

/// The chain hash of an entry, given that of the entry before it.
pub fn link(previous: Hash, term: Term, index: Index, kind: EntryKind, data: &[u8]) -> Hash {
    link_digest(previous, term, index, kind, digest(kind, data))
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

/// The digest under which the chain names an entry's data.
///
/// ```
/// use hms_protocol::chain::{EntryKind, digest, leaves};
/// use hms_protocol::tree;
///
/// // Two fields: number 1 is 1, number 2 is 7.
/// let batch = b"\x08\x01\x10\x07";
/// let fields = [tree::leaf(b"\x08\x01"), tree::leaf(b"\x10\x07")];
/// assert_eq!(leaves(batch).as_deref(), Some(&fields[..]));
/// assert_eq!(digest(EntryKind::Batch, batch), tree::root(&fields));
/// ```
pub fn digest(kind: EntryKind, data: &[u8]) -> Hash {
    let leaves = match kind {
        EntryKind::Batch => leaves(data),
        EntryKind::Empty | EntryKind::Membership | EntryKind::Recovery => None,
    };
    match leaves {
        Some(leaves) => tree::root(&leaves),
        None => hash_fields(Domain::EntryData, &[data]),
    }
}

/// The leaves of the tree whose root is the digest of a batch: one for each field. `None` for bytes that do not split into
/// fields to their very end.
pub fn leaves(batch: &[u8]) -> Option<Vec<Hash>> {
    let mut fields = shape::fields(batch);
    let leaves = fields.by_ref().map(|field| tree::leaf(field.whole));
    let leaves = leaves.collect();
    fields.is_at_end().then_some(leaves)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

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
        let kinds = [
            EntryKind::Empty,
            EntryKind::Batch,
            EntryKind::Membership,
            EntryKind::Recovery,
        ];
        for kind in kinds {
            assert_eq!(EntryKind::from_number(kind.number()), Some(kind));
        }
        assert_eq!(EntryKind::from_number(4), None);
    }

    #[test]
    fn only_a_batch_of_whole_fields_is_a_tree() {
        let whole = b"\x08\x01\x1a\x02ab";
        let hashed = |data: &[u8]| hash_fields(Domain::EntryData, &[data]);
        let root = tree::root(&[tree::leaf(b"\x08\x01"), tree::leaf(b"\x1a\x02ab")]);
        assert_eq!(digest(EntryKind::Batch, whole), root);
        assert_eq!(digest(EntryKind::Batch, b""), tree::root(&[]));
        assert_eq!(digest(EntryKind::Membership, whole), hashed(whole));
        assert_eq!(digest(EntryKind::Empty, b""), hashed(b""));
        for cut in [1, 3, 5] {
            let data = &whole[..cut];
            assert_eq!(digest(EntryKind::Batch, data), hashed(data), "up to {cut}");
        }
    }

    /// Fields with one number and short texts, one after the other.
    fn batch(texts: &[Vec<u8>]) -> Vec<u8> {
        let field = |text: &Vec<u8>| {
            let length = u8::try_from(text.len()).expect("they are short");
            [&[0x1a, length], text.as_slice()].concat()
        };
        texts.iter().flat_map(field).collect()
    }

    proptest! {
        #[test]
        fn every_byte_of_a_batch_counts(
            texts in vec(vec(any::<u8>(), 0..20), 1..20), at: prop::sample::Index, flip in 1_u8..,
        ) {
            let data = batch(&texts);
            prop_assert_eq!(leaves(&data).map(|leaves| leaves.len()), Some(texts.len()));
            let named = digest(EntryKind::Batch, &data);
            let mut changed = data.clone();
            changed[at.index(data.len())] ^= flip;
            prop_assert_ne!(digest(EntryKind::Batch, &changed), named);
            prop_assert_ne!(digest(EntryKind::Batch, &data[..at.index(data.len())]), named);
        }
    }
}
