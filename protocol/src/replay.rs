//! The replay window: every message is let in at most once, also across crashes of this node.
//!
//! **Within one life** the window keeps, per sender and kind of body, the highest sequence let in and a bitmap of the
//! [`REPLAY_WINDOW`] sequences behind it. Kinds have bitmaps of their own because they travel on streams of different
//! speed while they share one count.
//!
//! **Across lives** it keeps a *ceiling* per sender: a stamp that no message let in so far exceeds. A message stamped above
//! the ceiling on disk may only be acted on once a higher one is there ([`Clearance`]); a save raises all ceilings
//! [`REPLAY_AHEAD_MS`] into the future, so that one small write serves all senders for that long. After a
//! restart everything stamped up to its sender's ceiling is refused. So wherever a crash strikes, what was acted on
//! before is never let in after. The price: for at most [`REPLAY_AHEAD_MS`] after a crash, honest messages are refused
//! too. Counting a ceiling in sequences was set aside: a slow sender would take hours to pass it.
//!
//! **Its size is bounded** by [`REPLAY_SENDERS_MAX`]. When a further sender appears, the one silent longest is forgotten
//! and its ceiling becomes the floor for every sender that the window does not know: nothing stamped up to there is let
//! in from them, so a forgotten message stays refused.
//!
//! It expects headers whose signature, mesh, audience and time were checked before. Messages to the ledger pass
//! unrecorded: the ledger counts each attempt's report and each verifier's verdict once, whoever repeats it.

use std::collections::BTreeMap;

use crate::envelope::{Audience, BodyKind, EnvelopeRefusal, Header, Sender};
use crate::id::{Incarnation, Sequence};
use crate::limits::{REPLAY_AHEAD_MS, REPLAY_SENDERS_MAX, REPLAY_WINDOW};
use crate::time::Moment;

/// What was let in, by sender.
#[derive(Clone, Debug, Default)]
pub struct ReplayWindow {
    // Invariant: at most REPLAY_SENDERS_MAX.
    senders: BTreeMap<Sender, Voice>,
    /// Nothing stamped up to here is let in from a sender that is not in `senders`.
    forgotten: Moment,
    /// The number of the newest save that was handed out.
    saves: u64,
    /// Set once the node stops in order: what the next life will know.
    closed: Option<ReplayRecord>,
}

/// When a message that was let in may be acted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a message that has to wait for a save must not be acted on before"]
pub enum Clearance {
    /// At once.
    Now,
    /// Once the save of this number, or a later one, is durable. It was handed out already.
    After(u64),
    /// Once a save that is still to be asked for is durable.
    OnceSaved,
}

/// An order to write. Saves are written in order of their numbers; one replaces the other.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "nothing moves on until the record is on disk"]
pub struct Save {
    /// From 1 in every life of this node.
    pub number: u64,
    /// What to write.
    pub record: ReplayRecord,
}

/// What a replay window leaves on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplayRecord {
    /// What is remembered of each sender.
    pub senders: BTreeMap<Sender, Remembered>,
    /// Nothing stamped up to here is let in from any other sender.
    pub forgotten: Moment,
}

/// What is remembered of one sender across lives of this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// The newest life of the sender.
    pub incarnation: Incarnation,
    /// Nothing of that life stamped up to here is let in after a restart of this node, by the sender's clock.
    pub ceiling: Moment,
}

impl ReplayWindow {
    /// Takes up where an earlier life of this node left off.
    pub fn restore(record: ReplayRecord) -> Self {
        let voice = |remembered: Remembered| Voice {
            saved: remembered.ceiling,
            asked: remembered.ceiling,
            ..Voice::of(remembered.incarnation, remembered.ceiling)
        };
        let senders = record.senders.into_iter();
        Self {
            senders: senders
                .map(|(sender, remembered)| (sender, voice(remembered)))
                .collect(),
            forgotten: record.forgotten,
            saves: 0,
            closed: None,
        }
    }

    /// Lets a message in, at most once. `now` is this node's clock and serves only to tell how fast to raise ceilings.
    pub fn admit(&mut self, header: &Header, now: Moment) -> Result<Clearance, EnvelopeRefusal> {
        if header.audience == Audience::Ledger {
            return Ok(Clearance::Now);
        }
        if self.closed.is_some() {
            let (issued_at, floor) = (header.issued_at, Moment(u64::MAX));
            return Err(EnvelopeRefusal::BeforeRestart { issued_at, floor });
        }
        match self.senders.get_mut(&header.sender) {
            Some(voice) => voice.check_life(header, self.forgotten)?,
            None => self.meet(header)?,
        }
        let voice = self
            .senders
            .get_mut(&header.sender)
            .expect("the sender was met above");
        voice
            .lanes
            .entry(header.kind)
            .or_default()
            .admit(header.incarnation, header.sequence)?;
        voice.hear(header.issued_at, now);
        if header.issued_at <= voice.saved {
            Ok(Clearance::Now)
        } else if header.issued_at <= voice.asked {
            Ok(Clearance::After(self.saves))
        } else {
            Ok(Clearance::OnceSaved)
        }
    }

    /// Raises every ceiling and gives what has to be written. A write that fails must stop the node.
    pub fn save(&mut self, now: Moment) -> Save {
        for voice in self.senders.values_mut() {
            voice.raise(now);
        }
        let record = self
            .closed
            .clone()
            .unwrap_or_else(|| self.record(|voice| voice.asked));
        self.saves += 1;
        Save {
            number: self.saves,
            record,
        }
    }

    /// The save of this number is durable. Only the newest one counts: its record stands for all before it.
    pub fn saved(&mut self, number: u64) {
        if number == self.saves {
            for voice in self.senders.values_mut() {
                voice.saved = voice.asked;
            }
        }
    }

    /// Gives what has to be written when the node stops in order: exact ceilings, so that the next life refuses no more
    /// than it must. From this call on nothing is let in any more, and every further save is this one.
    pub fn close(&mut self) -> Save {
        if self.closed.is_none() {
            self.closed = Some(self.record(|voice| voice.peak));
        }
        self.save(Moment(0))
    }

    /// How many senders are remembered.
    pub fn senders(&self) -> usize {
        self.senders.len()
    }

    fn record(&self, ceiling: impl Fn(&Voice) -> Moment) -> ReplayRecord {
        let remembered = |voice: &Voice| Remembered {
            incarnation: voice.incarnation,
            ceiling: ceiling(voice),
        };
        let senders = self.senders.iter();
        ReplayRecord {
            senders: senders
                .map(|(sender, voice)| (*sender, remembered(voice)))
                .collect(),
            forgotten: self.forgotten,
        }
    }

    /// Makes room for a sender that the window does not know.
    fn meet(&mut self, header: &Header) -> Result<(), EnvelopeRefusal> {
        check_floor(header, self.forgotten)?;
        if self.senders.len() >= REPLAY_SENDERS_MAX {
            self.forget_one();
        }
        let voice = Voice::of(header.incarnation, self.forgotten);
        self.senders.insert(header.sender, voice);
        assert!(self.senders.len() <= REPLAY_SENDERS_MAX);
        Ok(())
    }

    fn forget_one(&mut self) {
        let silent = self.senders.iter().min_by_key(|(_, voice)| voice.peak);
        if let Some((&sender, &Voice { peak, .. })) = silent {
            self.forgotten = self.forgotten.max(peak);
            self.senders.remove(&sender);
        }
    }
}

/// One sender.
#[derive(Clone, Debug)]
struct Voice {
    incarnation: Incarnation,
    /// Nothing of this life stamped up to here is let in: it may have been before.
    floor: Moment,
    /// The ceiling on disk for this life. Invariant: nothing stamped above it may be acted on.
    saved: Moment,
    /// The ceiling in the newest save for this life, durable or under way. Invariant: `saved <= asked`.
    asked: Moment,
    /// The newest stamp let in, of whatever life of the sender and in whatever life of this node.
    peak: Moment,
    /// The newest stamp let in since both nodes started, and when that was by this node's clock.
    newest: Option<(Moment, Moment)>,
    lanes: BTreeMap<BodyKind, Lane>,
}

impl Voice {
    fn of(incarnation: Incarnation, floor: Moment) -> Self {
        Self {
            incarnation,
            floor,
            saved: Moment(0),
            asked: Moment(0),
            peak: floor,
            newest: None,
            lanes: BTreeMap::new(),
        }
    }

    /// Refuses former lives and what may have been let in before; a new life begins afresh, but not below `forgotten`:
    /// the window may have known that life once already.
    fn check_life(&mut self, header: &Header, forgotten: Moment) -> Result<(), EnvelopeRefusal> {
        if header.incarnation < self.incarnation {
            return Err(EnvelopeRefusal::FormerLife {
                incarnation: header.incarnation,
                current: self.incarnation,
            });
        }
        if self.incarnation == header.incarnation {
            return check_floor(header, self.floor);
        }
        check_floor(header, forgotten)?;
        let peak = self.peak.max(forgotten);
        *self = Self {
            peak,
            ..Self::of(header.incarnation, forgotten)
        };
        Ok(())
    }

    fn hear(&mut self, issued_at: Moment, now: Moment) {
        self.peak = self.peak.max(issued_at);
        if self.newest.is_none_or(|(newest, _)| newest < issued_at) {
            self.newest = Some((issued_at, now));
        }
    }

    /// A sender that was not heard in this life keeps its ceiling: raising it would punish it for our restarts.
    fn raise(&mut self, now: Moment) {
        let ahead = self.newest.map_or(Moment(0), |(newest, heard_at)| {
            newest
                .plus_ms(now.since_ms(heard_at))
                .plus_ms(REPLAY_AHEAD_MS)
        });
        self.asked = self.asked.max(self.peak).max(ahead);
    }
}

/// Number of words in a lane's bitmap: the window, and one more because its two ends may share a word.
const WORDS: u64 = REPLAY_WINDOW / BITS + 1;

const BITS: u64 = u64::BITS as u64;

/// One sender's messages of one kind.
#[derive(Clone, Debug, Default)]
struct Lane {
    highest: Option<Sequence>,
    /// A ring of bits by sequence (RFC 6479): moving the window clears words instead of shifting them. Empty until the
    /// first message.
    seen: Vec<u64>,
}

impl Lane {
    fn admit(
        &mut self,
        incarnation: Incarnation,
        sequence: Sequence,
    ) -> Result<(), EnvelopeRefusal> {
        match self.highest {
            Some(highest) if sequence <= highest => {
                if REPLAY_WINDOW <= highest.0 - sequence.0 {
                    return Err(EnvelopeRefusal::Stale { sequence, highest });
                }
                if self.seen[word(sequence)] & bit(sequence) != 0 {
                    return Err(EnvelopeRefusal::Replayed {
                        incarnation,
                        sequence,
                    });
                }
            }
            Some(highest) => self.advance(highest, sequence),
            None => {
                self.seen = vec![0; place(WORDS)];
                self.highest = Some(sequence);
            }
        }
        self.seen[word(sequence)] |= bit(sequence);
        Ok(())
    }

    /// Moves the window up, clearing the words that it newly covers.
    fn advance(&mut self, highest: Sequence, sequence: Sequence) {
        let (old, new) = (highest.0 / BITS, sequence.0 / BITS);
        for block in (old + 1..=new).take(self.seen.len()) {
            self.seen[place(block % WORDS)] = 0;
        }
        self.highest = Some(sequence);
    }
}

fn word(sequence: Sequence) -> usize {
    place(sequence.0 / BITS % WORDS)
}

/// A place in the ring, as the machine counts.
fn place(word: u64) -> usize {
    usize::try_from(word).expect("the ring has WORDS words, which fit any machine")
}

fn bit(sequence: Sequence) -> u64 {
    1 << (sequence.0 % BITS)
}

fn check_floor(header: &Header, floor: Moment) -> Result<(), EnvelopeRefusal> {
    if floor < header.issued_at {
        Ok(())
    } else {
        Err(EnvelopeRefusal::BeforeRestart {
            issued_at: header.issued_at,
            floor,
        })
    }
}
