//! The replay window against crashes: whatever is delivered, saved, lost and restarted in whatever order, nothing is acted
//! on twice.

use std::collections::BTreeSet;

use hms_protocol::codec;
use hms_protocol::digest::Hash;
use hms_protocol::envelope::{Audience, BodyKind, EnvelopeRefusal, Header, Sender};
use hms_protocol::id::{Incarnation, MeshId, NodeId, Sequence};
use hms_protocol::limits::{REPLAY_AHEAD_MS, REPLAY_SENDERS_MAX, REPLAY_WINDOW};
use hms_protocol::replay::{Clearance, ReplayRecord, ReplayWindow, Save};
use hms_protocol::time::Moment;
use proptest::collection::vec;
use proptest::prelude::*;

fn node(number: u32) -> NodeId {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    NodeId::from_bytes(bytes)
}

fn header(sender: u32, incarnation: u64, sequence: u64, issued_at: u64) -> Header {
    Header {
        mesh: MeshId::from_bytes([9; 32]),
        sender: Sender::Node(node(sender)),
        audience: Audience::Mesh,
        incarnation: Incarnation(incarnation),
        sequence: Sequence(sequence),
        issued_at: Moment(issued_at),
        expires_at: Moment(issued_at + 30_000),
        kind: BodyKind::Heartbeat,
        body_hash: Hash::default(),
    }
}

/// A receiver with its disk. What is on the disk survives a crash; the window does not.
#[derive(Default)]
struct Receiver {
    window: ReplayWindow,
    disk: ReplayRecord,
    /// Saves on their way to the disk, oldest first.
    writes: Vec<Save>,
    /// Messages let in that wait for a save of at least this number.
    waiting: Vec<(u64, Header)>,
    acted: Vec<(Sender, u64, u64)>,
}

impl Receiver {
    fn deliver(&mut self, header: &Header, now: Moment) {
        match self.window.admit(header, now) {
            Ok(Clearance::Now) => self.act(header),
            Ok(Clearance::After(number)) => self.waiting.push((number, header.clone())),
            Ok(Clearance::OnceSaved) => {
                let save = self.window.save(now);
                self.waiting.push((save.number, header.clone()));
                self.writes.push(save);
            }
            Err(_) => (),
        }
    }

    /// The disk finishes its oldest write, and what waited for it happens.
    fn finish_write(&mut self) {
        if self.writes.is_empty() {
            return;
        }
        let save = self.writes.remove(0);
        self.disk = codec::decode(&codec::encode(&save.record)).expect("a record reads back");
        self.window.saved(save.number);
        let waiting = std::mem::take(&mut self.waiting);
        for (number, header) in waiting {
            if number <= save.number {
                self.act(&header);
            } else {
                self.waiting.push((number, header));
            }
        }
    }

    fn crash(&mut self) {
        self.window = ReplayWindow::restore(self.disk.clone());
        self.writes.clear();
        self.waiting.clear();
    }

    /// The node begins to stop: it may still finish its writes, or crash on the way.
    fn close(&mut self) {
        let save = self.window.close();
        self.writes.push(save);
    }

    fn act(&mut self, header: &Header) {
        self.acted
            .push((header.sender, header.incarnation.0, header.sequence.0));
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let once: BTreeSet<_> = self.acted.iter().collect();
        prop_assert_eq!(
            once.len(),
            self.acted.len(),
            "acted on twice: {:?}",
            &self.acted
        );
        Ok(())
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// A message that was sealed at some time is delivered: new, late or again.
    Deliver {
        sealed: prop::sample::Index,
    },
    Pass {
        ms: u64,
    },
    FinishWrite,
    Crash,
    Close,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => any::<prop::sample::Index>().prop_map(|sealed| Step::Deliver { sealed }),
        2 => (0..REPLAY_AHEAD_MS).prop_map(|ms| Step::Pass { ms }),
        3 => Just(Step::FinishWrite),
        1 => Just(Step::Crash),
        1 => Just(Step::Close),
    ]
}

/// Messages of three senders in two lives each. Clocks differ and may step back: safety must not rest on them.
fn sealed() -> impl Strategy<Value = Vec<Header>> {
    let one = (0..3_u32, 1..=2_u64, 0..40_u64, 1_000..3_000_u64);
    vec(one, 1..40).prop_map(|messages| {
        let mut seen = BTreeSet::new();
        let fresh = |it: &(u32, u64, u64, u64)| seen.insert((it.0, it.1, it.2));
        let messages = messages.into_iter().filter(fresh);
        messages
            .map(|(who, life, sequence, at)| header(who, life, sequence, at))
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// A2A-5: no crash point lets an old message in again.
    #[test]
    fn nothing_is_acted_on_twice_wherever_it_crashes(
        sealed in sealed(), steps in vec(step(), 1..200),
    ) {
        let mut receiver = Receiver::default();
        let mut now = Moment(1_000);
        for step in steps {
            match step {
                Step::Deliver { sealed: at } => receiver.deliver(at.get(&sealed), now),
                Step::Pass { ms } => now = now.plus_ms(ms),
                Step::FinishWrite => receiver.finish_write(),
                Step::Crash => receiver.crash(),
                Step::Close => receiver.close(),
            }
            receiver.check()?;
        }
    }
}

#[test]
fn order_does_not_matter_within_the_window() {
    let mut window = ReplayWindow::default();
    let now = Moment(1_000);
    let newest = REPLAY_WINDOW + 500;
    assert!(window.admit(&header(1, 1, newest, 1_000), now).is_ok());
    for sequence in (newest - REPLAY_WINDOW + 1..newest).rev() {
        assert!(
            window.admit(&header(1, 1, sequence, 1_000), now).is_ok(),
            "{sequence}"
        );
    }
    for sequence in newest - REPLAY_WINDOW + 1..=newest {
        let refusal = window
            .admit(&header(1, 1, sequence, 1_000), now)
            .unwrap_err();
        assert_eq!(refusal.code(), "HMS-ENV-REPLAY", "{sequence}");
    }
    let refusal = window
        .admit(&header(1, 1, newest - REPLAY_WINDOW, 1_000), now)
        .unwrap_err();
    assert_eq!(refusal.code(), "HMS-ENV-STALE");
}

#[test]
fn a_jump_ahead_forgets_what_it_leaves_behind() {
    let mut window = ReplayWindow::default();
    let now = Moment(1_000);
    for sequence in [5, 70, 5 + REPLAY_WINDOW, 5 + 40 * REPLAY_WINDOW, u64::MAX] {
        assert!(window.admit(&header(1, 1, sequence, 1_000), now).is_ok());
        assert!(
            window
                .admit(&header(1, 1, sequence - 1, 1_000), now)
                .is_ok()
        );
        assert!(window.admit(&header(1, 1, sequence, 1_000), now).is_err());
    }
}

#[test]
fn kinds_do_not_push_each_other_out() {
    let mut window = ReplayWindow::default();
    let now = Moment(1_000);
    let direct = |sequence| Header {
        kind: BodyKind::Peer,
        ..header(1, 1, sequence, 1_000)
    };
    assert!(window.admit(&direct(10 * REPLAY_WINDOW), now).is_ok());
    assert!(window.admit(&header(1, 1, 1, 1_000), now).is_ok());
}

#[test]
fn one_save_serves_every_sender_for_a_while() {
    let mut window = ReplayWindow::default();
    let clearances = |window: &mut ReplayWindow, now: u64, sequence| {
        // Sender 2's clock is four seconds behind: its ceiling follows its own clock.
        let messages = [
            header(1, 1, sequence, now),
            header(2, 1, sequence, now - 4_000),
        ];
        messages.map(|it| window.admit(&it, Moment(now)).expect("a new message"))
    };
    assert_eq!(
        clearances(&mut window, 10_000, 1),
        [Clearance::OnceSaved; 2]
    );
    let save = window.save(Moment(10_000));
    assert_eq!(
        clearances(&mut window, 10_001, 2),
        [Clearance::After(save.number); 2]
    );
    window.saved(save.number);
    assert_eq!(
        clearances(&mut window, 10_000 + REPLAY_AHEAD_MS, 3),
        [Clearance::Now; 2]
    );
    let later = 10_001 + REPLAY_AHEAD_MS;
    assert_eq!(clearances(&mut window, later, 4), [Clearance::OnceSaved; 2]);
}

#[test]
fn after_a_crash_a_sender_is_heard_as_soon_as_its_clock_passes_the_ceiling() {
    let mut window = ReplayWindow::default();
    assert!(
        window
            .admit(&header(1, 1, 1, 10_000), Moment(10_000))
            .is_ok()
    );
    let record = window.save(Moment(10_000)).record;
    let mut window = ReplayWindow::restore(record);
    let ceiling = 10_000 + REPLAY_AHEAD_MS;
    let refusal = window
        .admit(&header(1, 1, 2, ceiling), Moment(ceiling))
        .unwrap_err();
    assert!(matches!(refusal, EnvelopeRefusal::BeforeRestart { .. }));
    let clearance = window.admit(&header(1, 1, 3, ceiling + 1), Moment(ceiling));
    assert_eq!(clearance, Ok(Clearance::OnceSaved));
}

#[test]
fn restarts_without_messages_do_not_raise_the_ceiling() {
    let mut window = ReplayWindow::default();
    assert!(
        window
            .admit(&header(1, 1, 1, 10_000), Moment(10_000))
            .is_ok()
    );
    let first = window.save(Moment(10_000)).record;
    let mut record = first.clone();
    for crash in 1..=10 {
        record = ReplayWindow::restore(record)
            .save(Moment(10_000 + 100 * crash))
            .record;
    }
    assert_eq!(record, first);
}

#[test]
fn after_a_stop_in_order_the_next_message_is_let_in() {
    let mut window = ReplayWindow::default();
    assert!(
        window
            .admit(&header(1, 1, 1, 10_000), Moment(10_000))
            .is_ok()
    );
    let mut window = ReplayWindow::restore(window.close().record);
    assert!(
        window
            .admit(&header(1, 1, 1, 10_000), Moment(10_001))
            .is_err()
    );
    assert!(
        window
            .admit(&header(1, 1, 2, 10_001), Moment(10_001))
            .is_ok()
    );
}

#[test]
fn a_closed_window_lets_nothing_in_and_saves_the_same_record_for_ever() {
    let mut window = ReplayWindow::default();
    assert!(
        window
            .admit(&header(1, 1, 1, 10_000), Moment(10_000))
            .is_ok()
    );
    let closing = window.close();
    assert!(
        window
            .admit(&header(1, 1, 2, 10_001), Moment(10_001))
            .is_err()
    );
    let later = window.save(Moment(20_000));
    assert_eq!(
        (later.number, later.record),
        (closing.number + 1, closing.record)
    );
}

#[test]
fn a_forgotten_sender_cannot_be_replayed() {
    let mut window = ReplayWindow::default();
    let senders = u32::try_from(REPLAY_SENDERS_MAX).unwrap();
    let now = Moment(10_000);
    for sender in 0..=senders {
        let message = header(sender, 1, 1, 1_000 + u64::from(sender));
        assert!(window.admit(&message, now).is_ok(), "{sender}");
    }
    assert_eq!(window.senders(), REPLAY_SENDERS_MAX);
    let refusal = window.admit(&header(0, 1, 1, 1_000), now).unwrap_err();
    assert!(matches!(refusal, EnvelopeRefusal::BeforeRestart { .. }));

    let mut window = ReplayWindow::restore(window.save(now).record);
    assert!(window.admit(&header(0, 1, 1, 1_000), now).is_err());
    assert!(window.admit(&header(0, 1, 2, 20_000), now).is_ok());
}

#[test]
fn a_forgotten_life_cannot_come_back_through_an_older_one() {
    let mut window = ReplayWindow::default();
    let senders = u32::try_from(REPLAY_SENDERS_MAX).unwrap();
    let now = Moment(10_000);
    assert!(window.admit(&header(0, 2, 1, 1_000), now).is_ok());
    for sender in 1..=senders {
        assert!(
            window.admit(&header(sender, 1, 1, 2_000), now).is_ok(),
            "{sender}"
        );
    }
    // The window does not know sender 0 any more, so a late message of its first life is news.
    assert!(window.admit(&header(0, 1, 7, 5_000), now).is_ok());
    assert!(window.admit(&header(0, 2, 1, 1_000), now).is_err());
}
