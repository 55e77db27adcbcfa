//! The journal of a run: who heard whom and when, and the trace of everything that happened.
//!
//! The trace is a hash over every note and every byte that arrived anywhere, with its virtual time: two runs with one
//! trace were the same run. The journal judges nothing; scenarios do.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A node of the run, by its place in the cast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place(pub(crate) u8);

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "n{}", self.0)
    }
}

/// Something that a node says: which of its lives it is in, and which of its words in this life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Word {
    /// Starts of the node before this one.
    pub(crate) life: u32,
    /// Words of its kind (gossip, or frames) that the node said in this life before this one.
    pub(crate) number: u32,
}

/// What a node notes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Note {
    /// It heard somebody's gossip.
    Heard { speaker: Place, word: Word },
    /// A frame of somebody arrived.
    Received { sender: Place, word: Word },
    /// A link came up or went down.
    Link { peer: Place, up: bool },
}

/// Clones are the same journal.
#[derive(Clone, Default)]
pub(crate) struct Journal {
    pages: Arc<Mutex<Pages>>,
}

/// What stands in a journal.
#[derive(Default)]
pub(crate) struct Pages {
    trace: blake3::Hasher,
    gossip: BTreeMap<Pair, Vec<Saying>>,
    frames: BTreeMap<Pair, Vec<Saying>>,
    up: BTreeMap<Pair, u64>,
    down: BTreeMap<Pair, u64>,
}

/// Who notes, and of whom.
pub(crate) type Pair = (Place, Place);

/// A word that somebody else said, as it arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Saying {
    /// When, in virtual milliseconds of the run.
    pub(crate) at_ms: u64,
    /// What.
    pub(crate) word: Word,
}

impl Journal {
    /// Notes what happened to a node just now.
    pub(crate) fn note(&self, place: Place, note: Note) {
        let at_ms = now_ms();
        let mut pages = self.read();
        pages
            .trace
            .update(format!("{at_ms} {place} {note:?}\n").as_bytes());
        match note {
            Note::Heard { speaker, word } => {
                let heard = pages.gossip.entry((place, speaker)).or_default();
                heard.push(Saying { at_ms, word });
            }
            Note::Received { sender, word } => {
                let received = pages.frames.entry((place, sender)).or_default();
                received.push(Saying { at_ms, word });
            }
            Note::Link { peer, up: true } => {
                pages.up.insert((place, peer), at_ms);
            }
            Note::Link { peer, up: false } => {
                pages.down.insert((place, peer), at_ms);
            }
        }
    }

    /// Takes bytes that arrived into the trace; the ends are those of the connection, the near one first.
    pub(crate) fn carried(&self, ends: (SocketAddr, SocketAddr), bytes: &[u8]) {
        let (near, far) = ends;
        let head = format!("{} {far} > {near}: {} bytes\n", now_ms(), bytes.len());
        let mut pages = self.read();
        pages.trace.update(head.as_bytes());
        pages.trace.update(bytes);
    }

    /// What stands in it. Held for one look, never across an await.
    pub(crate) fn read(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    /// The hash of everything so far.
    pub(crate) fn trace(&self) -> String {
        self.trace.finalize().to_hex().to_string()
    }

    /// All gossip that a node heard of a speaker, in the order of arrival.
    pub(crate) fn gossip(&self, pair: Pair) -> &[Saying] {
        self.gossip.get(&pair).map_or(&[], Vec::as_slice)
    }

    /// All frames that a node received of a sender, in the order of arrival.
    pub(crate) fn frames(&self, pair: Pair) -> &[Saying] {
        self.frames.get(&pair).map_or(&[], Vec::as_slice)
    }

    /// When a node last had a link to a peer come up, in virtual milliseconds.
    pub(crate) fn up_ms(&self, pair: Pair) -> Option<u64> {
        self.up.get(&pair).copied()
    }

    /// When a node last had a link to a peer go down, in virtual milliseconds.
    pub(crate) fn down_ms(&self, pair: Pair) -> Option<u64> {
        self.down.get(&pair).copied()
    }
}

/// Virtual milliseconds since the run began; nothing has happened before it.
fn now_ms() -> u64 {
    let elapsed = turmoil::sim_elapsed().unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}
