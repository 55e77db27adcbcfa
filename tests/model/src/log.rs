//! A log of at most four entries in sixteen bits, because a model has millions of them.
//!
//! An entry is a term and one of two values, in four bits; its place is its index. A log stands for the chain hash of its
//! last entry: two logs are equal if and only if their hashes are.

use std::fmt;

/// Values that one leader may propose for one index. An honest leader proposes one; a liar needs two.
pub const VALUES: u8 = 2;

const ENTRY_BITS: u16 = 4;

const ENTRIES_MAX: u16 = 4;

/// A log, oldest entry in the lowest bits.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Log(u16);

impl Log {
    /// The log without an entry.
    pub const EMPTY: Self = Self(0);

    /// How many entries it has.
    pub fn length(self) -> u16 {
        let used = u16::BITS - self.0.leading_zeros();
        let entries = used.div_ceil(u32::from(ENTRY_BITS));
        u16::try_from(entries).expect("there are at most four")
    }

    /// The term of its last entry; zero if it is empty.
    pub fn last_term(self) -> u8 {
        self.entries().last().map_or(0, |(term, _)| term)
    }

    /// Its entries as (term, value), oldest first.
    pub fn entries(self) -> impl Iterator<Item = (u8, u8)> {
        (0..self.length()).map(move |index| {
            let entry = (self.0 >> (index * ENTRY_BITS)) & 0xf;
            let entry = u8::try_from(entry).expect("four bits fit into eight");
            (entry / VALUES, entry % VALUES)
        })
    }

    /// The log with one more entry.
    #[must_use]
    pub fn with(self, term: u8, value: u8) -> Self {
        assert!(
            value < VALUES && 0 < term,
            "an entry has a term and one of {VALUES} values"
        );
        assert!(self.length() < ENTRIES_MAX, "the log is full");
        let entry = u16::from(term * VALUES + value);
        Self(self.0 | entry << (self.length() * ENTRY_BITS))
    }

    /// Its first entries.
    #[must_use]
    pub fn prefix(self, length: u16) -> Self {
        let mask = 1_u32.wrapping_shl(u32::from(length * ENTRY_BITS)) - 1;
        if length < self.length() {
            Self(self.0 & u16::try_from(mask).expect("the log is longer"))
        } else {
            self
        }
    }

    /// Every prefix but the empty one, itself included.
    pub fn prefixes(self) -> impl Iterator<Item = Self> {
        (1..=self.length()).map(move |length| self.prefix(length))
    }

    /// Whether `start` is a prefix of it.
    pub fn extends(self, start: Self) -> bool {
        self.prefix(start.length()) == start
    }

    /// Whether neither extends the other: the two disagree about an index.
    pub fn conflicts(self, other: Self) -> bool {
        !self.extends(other) && !other.extends(self)
    }

    /// What two logs have in common.
    #[must_use]
    pub fn shared_start(self, other: Self) -> Self {
        let lengths = (0..=self.length()).rev();
        let mut prefixes = lengths.map(|length| self.prefix(length));
        prefixes
            .find(|prefix| other.extends(*prefix))
            .unwrap_or_default()
    }

    /// The log in which every value was replaced.
    #[must_use]
    pub fn relabel(self, mut value: impl FnMut(usize, u8, u8) -> u8) -> Self {
        let entries = self.entries().enumerate();
        entries.fold(Self::EMPTY, |log, (index, (term, old))| {
            log.with(term, value(index, term, old))
        })
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = ["", "'"];
        let entries = self
            .entries()
            .map(|(term, value)| format!("{term}{}", names[usize::from(value)]));
        write!(out, "[{}]", entries.collect::<Vec<_>>().join(" "))
    }
}
