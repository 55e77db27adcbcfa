//! A table of the replicated state that knows its own digest.
//!
//! The digest is a sum modulo 2^256 over the hashes of the records (an additive multiset hash): adding, changing and
//! removing one record costs one hash, whatever the table holds, and the order in which records came does not matter.
//! Records are shared, so a copy of a table costs a pointer per record.

use std::collections::BTreeMap;
use std::sync::Arc;

use hms_protocol::digest::{Domain, Hash, hash_fields};

/// What a table holds.
pub trait Record: Clone {
    /// What it is found by.
    type Key: Ord + Clone;

    /// The table's name: part of every hash, so that a record cannot move between tables.
    const TABLE: &'static str;

    /// The record's key.
    fn key(&self) -> Self::Key;

    /// The content that counts. Two records with equal content have equal bytes, on every machine.
    fn content(&self) -> Vec<u8>;
}

/// Records by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table<R: Record> {
    // Invariant: `sum` is the sum of every row's `hash`, and each `hash` is that of its record as it is now.
    rows: BTreeMap<R::Key, Row<R>>,
    sum: Sum,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Row<R> {
    record: Arc<R>,
    hash: Hash,
}

impl<R: Record> Default for Table<R> {
    fn default() -> Self {
        Self {
            rows: BTreeMap::new(),
            sum: Sum::default(),
        }
    }
}

impl<R: Record> Table<R> {
    /// The record with this key.
    pub fn get(&self, key: &R::Key) -> Option<&R> {
        self.rows.get(key).map(|row| &*row.record)
    }

    /// Adds a record, or replaces the one with its key.
    pub fn put(&mut self, record: R) {
        let hash = hash_record(&record);
        self.sum.add(hash);
        let row = Row {
            hash,
            record: Arc::new(record),
        };
        if let Some(former) = self.rows.insert(row.record.key(), row) {
            self.sum.subtract(former.hash);
        }
    }

    /// Changes a record in place; the change must keep its key. False if there is none.
    pub fn update(&mut self, key: &R::Key, change: impl FnOnce(&mut R)) -> bool {
        let Some(row) = self.rows.get_mut(key) else {
            return false;
        };
        change(Arc::make_mut(&mut row.record));
        debug_assert!(row.record.key() == *key, "a record changed its key");
        let hash = hash_record(&*row.record);
        self.sum.subtract(row.hash);
        self.sum.add(hash);
        row.hash = hash;
        true
    }

    /// Removes a record.
    pub fn remove(&mut self, key: &R::Key) -> Option<Arc<R>> {
        let row = self.rows.remove(key)?;
        self.sum.subtract(row.hash);
        Some(row.record)
    }

    /// Every record, by key.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &R> {
        self.rows.values().map(|row| &*row.record)
    }

    /// Every record with a key greater than this one, by key.
    pub fn iter_after<'a>(&'a self, key: &R::Key) -> impl Iterator<Item = &'a R> + use<'a, R> {
        use std::ops::Bound::{Excluded, Unbounded};
        let rows = self.rows.range((Excluded(key.clone()), Unbounded));
        rows.map(|(_, row)| &*row.record)
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The digest of all records.
    pub fn digest(&self) -> Hash {
        self.sum.to_hash()
    }
}

fn hash_record<R: Record>(record: &R) -> Hash {
    let fields: [&[u8]; 2] = [R::TABLE.as_bytes(), &record.content()];
    hash_fields(Domain::StateRecord, &fields)
}

/// A number modulo 2^256, least limb first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum([u64; 4]);

impl Sum {
    fn add(&mut self, hash: Hash) {
        let mut carry = false;
        for (limb, other) in self.0.iter_mut().zip(limbs(hash)) {
            (*limb, carry) = limb.add_with_carry(other, carry);
        }
    }

    fn subtract(&mut self, hash: Hash) {
        let mut borrow = false;
        for (limb, other) in self.0.iter_mut().zip(limbs(hash)) {
            (*limb, borrow) = limb.sub_with_borrow(other, borrow);
        }
    }

    fn to_hash(self) -> Hash {
        let mut bytes = [0; 32];
        for (chunk, limb) in bytes.chunks_exact_mut(8).zip(self.0) {
            chunk.copy_from_slice(&limb.to_le_bytes());
        }
        Hash::from_bytes(bytes)
    }
}

/// One step of long addition and subtraction, as the standard library's unstable functions do it.
trait Limb: Sized {
    fn add_with_carry(self, other: Self, carry: bool) -> (Self, bool);
    fn sub_with_borrow(self, other: Self, borrow: bool) -> (Self, bool);
}

impl Limb for u64 {
    fn add_with_carry(self, other: Self, carry: bool) -> (Self, bool) {
        let (sum, first) = self.overflowing_add(other);
        let (sum, second) = sum.overflowing_add(Self::from(carry));
        (sum, first || second)
    }

    fn sub_with_borrow(self, other: Self, borrow: bool) -> (Self, bool) {
        let (rest, first) = self.overflowing_sub(other);
        let (rest, second) = rest.overflowing_sub(Self::from(borrow));
        (rest, first || second)
    }
}

fn limbs(hash: Hash) -> [u64; 4] {
    let mut limbs = [0; 4];
    for (limb, chunk) in limbs.iter_mut().zip(hash.as_bytes().chunks_exact(8)) {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(chunk);
        *limb = u64::from_le_bytes(bytes);
    }
    limbs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    struct Note(u8, u64);

    impl Record for Note {
        type Key = u8;
        const TABLE: &'static str = "note";

        fn key(&self) -> u8 {
            self.0
        }

        fn content(&self) -> Vec<u8> {
            [&[self.0][..], &self.1.to_le_bytes()].concat()
        }
    }

    /// Applies the changes one by one, and compares with a table that got the end result at once.
    fn check(changes: &[(u8, Option<u64>)]) {
        let mut table = Table::default();
        for (key, value) in changes {
            match value {
                Some(value) if table.get(key).is_some() => {
                    assert!(table.update(key, |note: &mut Note| note.1 = *value));
                }
                Some(value) => table.put(Note(*key, *value)),
                None => drop(table.remove(key)),
            }
        }
        let mut afresh = Table::default();
        for note in table.iter().rev() {
            afresh.put(note.clone());
        }
        assert_eq!(table.digest(), afresh.digest());
        assert_eq!(table.is_empty(), table.digest() == Hash::default());
    }

    proptest! {
        #[test]
        fn the_digest_depends_on_the_content_and_not_on_the_way_to_it(
            changes in proptest::collection::vec((0_u8..8, proptest::option::of(any::<u64>())), 0..64),
        ) {
            check(&changes);
        }
    }

    #[test]
    fn replacing_a_record_forgets_the_former() {
        let mut table = Table::default();
        table.put(Note(1, 1));
        table.put(Note(1, 2));
        assert_eq!(table.len(), 1);
        let mut afresh = Table::default();
        afresh.put(Note(1, 2));
        assert_eq!(table.digest(), afresh.digest());
    }
}
