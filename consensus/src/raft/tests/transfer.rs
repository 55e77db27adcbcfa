//! The two halves of a transfer against each other, and each against one that lies.

use hms_protocol::digest::Hash;
use hms_protocol::frame::Chunk;
use hms_protocol::id::{Index, Term};
use hms_protocol::limits::{CHUNK_BYTES_MAX, SNAPSHOT_BYTES_MAX};

use super::chaos::Dice;
use super::mesh::node;
use crate::raft::limits::{CHUNK_REPEAT_TICKS, CHUNKS_IN_FLIGHT_MAX, INCOMING_PATIENCE_TICKS};
use crate::raft::transfer::{Parcel, Receiver, Sender, Span, Taken, digest};

const CHUNK: usize = 10;
const WINDOW: u64 = CHUNK as u64 * CHUNKS_IN_FLIGHT_MAX;

fn snapshot(bytes: usize) -> Vec<u8> {
    (0..bytes)
        .map(|at| u8::try_from(at % 251).unwrap())
        .collect()
}

fn parcel(bytes: &[u8]) -> Parcel {
    Parcel {
        leader: node(1),
        term: Term(3),
        index: Index(40),
        digest: digest(bytes),
        total: bytes.len() as u64,
    }
}

fn chunk(bytes: &[u8], span: Span) -> Chunk {
    let place = |at| usize::try_from(at).unwrap();
    Chunk {
        digest: digest(bytes),
        total: bytes.len() as u64,
        offset: span.start,
        bytes: bytes[place(span.start)..place(span.end)].to_vec(),
    }
}

/// Both halves, and what is on its way between them.
struct Line {
    bytes: Vec<u8>,
    sender: Sender,
    receiver: Receiver,
    chunks: Vec<Span>,
    answers: Vec<u64>,
    got: Option<Vec<u8>>,
    sent: u64,
}

impl Line {
    fn new(bytes: usize) -> Self {
        let mut sender = Sender::new(bytes as u64, CHUNK);
        let first = sender.begin();
        Self {
            bytes: snapshot(bytes),
            sent: first.end - first.start,
            chunks: vec![first],
            sender,
            receiver: Receiver::default(),
            answers: Vec::new(),
            got: None,
        }
    }

    fn send(&mut self, spans: impl IntoIterator<Item = Span>) {
        let spans: Vec<Span> = spans.into_iter().collect();
        let bytes: u64 = spans.iter().map(|span| span.end - span.start).sum();
        assert!(bytes <= WINDOW, "one word is answered with {bytes} bytes");
        self.sent += bytes;
        self.chunks.extend(spans);
    }

    fn arrive(&mut self, span: Span) {
        let parcel = parcel(&self.bytes);
        let taken = if self.got.is_some() {
            // As the log has it now, Raft answers.
            Taken::Part(parcel.total)
        } else {
            self.receiver
                .take(parcel, &chunk(&self.bytes, span))
                .unwrap()
        };
        assert!(self.receiver.held() <= self.bytes.len());
        match taken {
            Taken::Part(arrived) => self.answers.push(arrived),
            Taken::Whole(bytes) => {
                self.got = Some(bytes);
                self.answers.push(parcel.total);
            }
        }
    }

    /// Something happens: a tick, or something on its way arrives, is lost, or arrives twice, in any order.
    fn step(&mut self, dice: &mut Dice) {
        let (lost, kept) = (dice.roll(6) == 0, dice.roll(6) == 0);
        match dice.roll(3) {
            0 => {
                let span = self.sender.tick();
                self.send(span);
            }
            1 if !self.chunks.is_empty() => {
                let place = dice.roll(self.chunks.len());
                let span = self.chunks[place].clone();
                if !kept {
                    self.chunks.remove(place);
                }
                if !lost {
                    self.arrive(span);
                }
            }
            _ if !self.answers.is_empty() => {
                let place = dice.roll(self.answers.len());
                let arrived = self.answers[place];
                if !kept {
                    self.answers.remove(place);
                }
                if !lost {
                    let spans = self.sender.hear(arrived);
                    self.send(spans);
                }
            }
            _ => {}
        }
    }
}

#[test]
fn a_snapshot_arrives_whatever_is_lost_repeated_or_out_of_order() {
    for seed in 0..200 {
        let mut dice = Dice(seed);
        let mut line = Line::new(1 + dice.roll(600));
        let mut steps = 0;
        while line.got.is_none() {
            line.step(&mut dice);
            // The receiver may forget everything, once.
            if steps == 150 {
                line.receiver = Receiver::default();
            }
            steps += 1;
            assert!(steps < 40_000, "seed {seed} never ends");
        }
        assert_eq!(line.got.as_ref(), Some(&line.bytes), "seed {seed}");
    }
}

#[test]
fn on_a_good_line_every_byte_is_sent_once() {
    let mut line = Line::new(1_005);
    while !line.chunks.is_empty() {
        let flying: u64 = line.chunks.iter().map(|span| span.end - span.start).sum();
        assert!(flying <= WINDOW, "{flying} bytes are on their way");
        let span = line.chunks.remove(0);
        line.arrive(span);
        let arrived = line.answers.remove(0);
        let spans = line.sender.hear(arrived);
        line.send(spans);
    }
    assert_eq!((line.got, line.sent), (Some(snapshot(1_005)), 1_005));
}

#[test]
fn silence_is_answered_with_the_chunk_that_is_due_alone() {
    let mut sender = Sender::new(1_000, CHUNK);
    assert_eq!(sender.begin(), 0..10);
    assert_eq!(sender.hear(10), [10..20, 20..30, 30..40, 40..50]);
    for _ in 0..3 {
        let again: Vec<Span> = (0..CHUNK_REPEAT_TICKS)
            .filter_map(|_| sender.tick())
            .collect();
        assert_eq!(again, std::iter::once(10..20).collect::<Vec<Span>>());
    }
    assert_eq!(sender.stuck(), 3 * CHUNK_REPEAT_TICKS);
    // The receiver has more than was known.
    assert_eq!(sender.hear(40), [40..50, 50..60, 60..70, 70..80]);
    assert_eq!(sender.stuck(), 0);
}

#[test]
fn a_chunk_that_was_lost_is_sent_again_before_any_silence() {
    let mut sender = Sender::new(1_000, CHUNK);
    sender.begin();
    sender.hear(10);
    assert_eq!(sender.hear(10), [10..20, 20..30, 30..40, 40..50]);
    assert!(sender.hear(10).is_empty(), "once is enough");
}

#[test]
fn a_transfer_that_was_interrupted_goes_on_where_it_was() {
    let mut sender = Sender::new(1_000, CHUNK);
    sender.begin();
    sender.hear(10);
    sender.hear(40);
    sender.halt();
    assert!(sender.hear(50).is_empty());
    assert!((0..100).all(|_| sender.tick().is_none()));
    assert_eq!(sender.begin(), 40..50);
    assert_eq!(sender.hear(50)[0], 50..60);
}

/// A receiver that lies gets no more than an honest one could: a window per word, and none for what cannot be.
#[test]
fn a_receiver_that_lies_does_not_flood_its_leader() {
    for seed in 0..50 {
        let mut dice = Dice(seed);
        let (mut sender, mut sent, mut ticks) = (Sender::new(5_000, CHUNK), 0, 0);
        sender.begin();
        for _ in 0..5_000 {
            let spans = if dice.roll(10) == 0 {
                ticks += 1;
                sender.tick().into_iter().collect()
            } else {
                sender.hear(dice.roll(6_000) as u64)
            };
            sent += spans
                .iter()
                .map(|span: &Span| span.end - span.start)
                .sum::<u64>();
        }
        assert!(
            sent <= 5_000 + (ticks + 1) * 2 * WINDOW,
            "{sent} bytes in {ticks} ticks"
        );
    }
}

/// What the receiver says to one chunk of a transfer that is under way and has 20 of 100 bytes, and what it holds then.
fn told(parcel: Parcel, chunk: &Chunk) -> (Result<Taken, &'static str>, Receiver) {
    let bytes = snapshot(100);
    let mut receiver = Receiver::default();
    let half = self::parcel(&bytes);
    assert_eq!(
        receiver.take(half, &self::chunk(&bytes, 0..20)),
        Ok(Taken::Part(20))
    );
    let taken = receiver.take(parcel, chunk);
    (taken.map_err(|refusal| refusal.code()), receiver)
}

#[test]
fn what_a_lying_leader_sends_is_refused_and_the_transfer_goes_on() {
    let bytes = snapshot(100);
    let (good, next) = (parcel(&bytes), chunk(&bytes, 20..30));
    let changed = |change: fn(&mut Parcel, &mut Chunk)| {
        let (mut parcel, mut chunk) = (good, next.clone());
        change(&mut parcel, &mut chunk);
        let (taken, mut receiver) = told(parcel, &chunk);
        assert_eq!(receiver.take(good, &next), Ok(Taken::Part(30)));
        taken
    };
    assert_eq!(changed(|_, chunk| chunk.offset = 40), Ok(Taken::Part(20)));
    assert_eq!(changed(|_, chunk| chunk.offset = 10), Ok(Taken::Part(20)));
    let bad = Err("HMS-RAFT-BAD-CHUNK");
    assert_eq!(changed(|_, chunk| chunk.offset = 91), bad);
    assert_eq!(changed(|_, chunk| chunk.offset = u64::MAX), bad);
    assert_eq!(changed(|_, chunk| chunk.bytes.clear()), bad);
    assert_eq!(
        changed(|_, chunk| chunk.bytes = vec![0; CHUNK_BYTES_MAX + 1]),
        bad
    );
    assert_eq!(changed(|parcel, _| parcel.total = 1_000), bad);
    assert_eq!(changed(|parcel, _| parcel.digest = Hash::default()), bad);
    assert_eq!(changed(|parcel, _| parcel.leader = node(2)), bad);
    assert_eq!(changed(|parcel, _| parcel.index = Index(39)), bad);
    assert_eq!(changed(|parcel, _| parcel.term = Term(2)), bad);
    let large = SNAPSHOT_BYTES_MAX as u64 + 1;
    let too_large = Err("HMS-RAFT-SNAPSHOT-TOO-LARGE");
    assert_eq!(changed(|parcel, _| parcel.total = u64::MAX), too_large);
    let (taken, _) = told(
        Parcel {
            total: large,
            ..good
        },
        &next,
    );
    assert_eq!(taken, too_large);
}

#[test]
fn bytes_that_are_not_what_was_announced_are_dropped() {
    let bytes = snapshot(30);
    let mut parcel = parcel(&bytes);
    parcel.digest = Hash::from_bytes([1; 32]);
    let mut receiver = Receiver::default();
    for from in [0, 10] {
        receiver
            .take(parcel, &chunk(&bytes, from..from + 10))
            .unwrap();
    }
    let refused = receiver.take(parcel, &chunk(&bytes, 20..30)).unwrap_err();
    assert_eq!(
        (refused.code(), receiver.held()),
        ("HMS-RAFT-BAD-SNAPSHOT", 0)
    );
}

#[test]
fn room_is_kept_for_what_has_come_and_not_for_what_is_promised() {
    let mut receiver = Receiver::default();
    let parcel = Parcel {
        total: SNAPSHOT_BYTES_MAX as u64,
        ..parcel(&[1])
    };
    let mut next = chunk(&snapshot(CHUNK), 0..10);
    for place in 0..5 {
        next.offset = place * 10;
        receiver.take(parcel, &next).unwrap();
        assert!(receiver.held() <= 2 * (10 * usize::try_from(place + 1).unwrap()));
    }
}

#[test]
fn a_later_snapshot_takes_the_place_of_an_earlier_one() {
    let bytes = snapshot(100);
    let later = |change: fn(&mut Parcel)| {
        let mut parcel = parcel(&bytes);
        change(&mut parcel);
        let (taken, mut receiver) = told(parcel, &chunk(&bytes, 0..10));
        assert_eq!(taken, Ok(Taken::Part(10)));
        // What comes late of the earlier one does no harm.
        let late = receiver.take(self::parcel(&bytes), &chunk(&bytes, 20..30));
        assert_eq!(late.unwrap_err().code(), "HMS-RAFT-BAD-CHUNK");
        assert_eq!(
            receiver.take(parcel, &chunk(&bytes, 10..20)),
            Ok(Taken::Part(20))
        );
    };
    later(|parcel| parcel.index = Index(41));
    later(|parcel| (parcel.term, parcel.leader, parcel.index) = (Term(4), node(2), Index(7)));
}

#[test]
fn what_nobody_will_complete_is_forgotten() {
    let bytes = snapshot(100);
    let begun = || told(parcel(&bytes), &chunk(&bytes, 20..30)).1;
    let forgets = |term, leader| begun().tick(Term(term), leader).is_some();
    assert!(!forgets(3, None) && !forgets(3, Some(node(1))) && !forgets(2, Some(node(2))));
    assert!(forgets(4, None) && forgets(3, Some(node(2))));
    let mut receiver = begun();
    let ticks = (1..10_000).find(|_| receiver.tick(Term(3), None).is_some());
    assert_eq!((ticks, receiver.held()), (Some(INCOMING_PATIENCE_TICKS), 0));
}
