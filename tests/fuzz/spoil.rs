//! How real bytes are spoilt: where they begin, and what is done to them. Drawn by the fuzzer.

use std::sync::LazyLock;
use std::time::Duration;

use bolero::TypeGenerator;
use hms_tests::sim::harvest::Harvest;

/// How long a target runs in an ordinary test run.
pub(crate) const FOR: Duration = Duration::from_secs(1);

/// Kinds of damage to one input. One is the rule; several meet checks that look at more than one place.
const DAMAGES_MAX: usize = 3;

/// What a simulated mesh has said and written.
pub(crate) static HARVEST: LazyLock<Harvest> = LazyLock::new(|| Harvest::gather(7));

/// Which real bytes, and what is done to them.
#[derive(Clone, Debug, TypeGenerator)]
pub(crate) struct Spoilt {
    /// Which of the real encodings.
    pub(crate) which: u32,
    /// Something else to choose by, for the target.
    pub(crate) also: u32,
    damages: Vec<Damage>,
}

/// One thing done to bytes. Places are taken modulo the length.
#[derive(Clone, Debug, TypeGenerator)]
enum Damage {
    /// Other bits.
    Flip { at: u32, mask: u8 },
    /// Another number: lengths and counts are such.
    Number { at: u32, value: u64 },
    /// Further bytes.
    Insert { at: u32, bytes: Vec<u8> },
    /// Fewer bytes.
    Remove { at: u32, bytes: u8 },
    /// The end is missing.
    Cut { at: u32 },
    /// A part is there twice.
    Repeat { from: u32, bytes: u16 },
    /// A part of another real encoding.
    Graft { at: u32, which: u32, from: u32 },
}

impl Spoilt {
    /// The real bytes that this begins with.
    pub(crate) fn choose<'a, T>(&self, real: &'a [T]) -> &'a T {
        &real[place(self.which, real.len())]
    }

    /// The real bytes, spoilt.
    pub(crate) fn make(&self, real: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = self.choose(real).clone();
        for damage in self.damages.iter().take(DAMAGES_MAX) {
            damage.apply(&mut bytes, real);
        }
        bytes
    }
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>, real: &[Vec<u8>]) {
        let length = bytes.len();
        match self {
            Self::Flip { at, mask } => {
                if 0 < length {
                    bytes[place(*at, length)] ^= mask;
                }
            }
            Self::Number { at, value } => {
                let at = place(*at, length + 1);
                let mut number = Vec::new();
                prost::encoding::encode_varint(*value, &mut number);
                let end = length.min(at + 1);
                bytes.splice(at..end, number);
            }
            Self::Insert { at, bytes: more } => {
                let at = place(*at, length + 1);
                bytes.splice(at..at, more.iter().copied());
            }
            Self::Remove { at, bytes: fewer } => {
                let at = place(*at, length + 1);
                let end = length.min(at + usize::from(*fewer));
                bytes.drain(at..end);
            }
            Self::Cut { at } => bytes.truncate(place(*at, length + 1)),
            Self::Repeat { from, bytes: again } => {
                let from = place(*from, length + 1);
                let end = length.min(from + usize::from(*again));
                bytes.extend_from_within(from..end);
            }
            Self::Graft { at, which, from } => {
                let other = &real[place(*which, real.len())];
                bytes.truncate(place(*at, length + 1));
                bytes.extend_from_slice(&other[place(*from, other.len() + 1)..]);
            }
        }
    }
}

fn place(number: u32, length: usize) -> usize {
    number as usize % length
}
