//! A voter's mind against a member that says anything: raft messages, and all the others.

use std::sync::atomic::{AtomicUsize, Ordering};

use bolero::check;
use hms_consensus::effect::Effect;
use hms_consensus::input::{Input, TICK_MS};
use hms_consensus::mind::Mind;
use hms_protocol::codec;
use hms_protocol::codec::bundle::Bundle;
use hms_protocol::id::NodeId;
use hms_protocol::peer::PeerMessage;
use hms_protocol::time::Moment;
use hms_tests::sim::host::EPOCH;

use crate::spoil::{FOR, HARVEST, Spoilt};

/// When the voters come back: the mesh has lived before.
const BACK_AFTER_MS: u64 = 60_000;

/// Ticks that pass after what was said: enough for an election.
const TICKS: u64 = 40;

/// A voter that is back from its disk, and its clock.
struct Voter {
    mind: Mind,
    now: Moment,
    halted: bool,
}

impl Voter {
    fn back(me: NodeId) -> Option<Self> {
        let mut voters = HARVEST.voters.iter();
        let (birth, recovered) = voters.find(|(birth, _)| birth.me == me)?;
        let mind = Mind::restore(birth, recovered.clone()).expect("a simulated disk is sound");
        let mut voter = Self {
            mind,
            now: EPOCH.plus_ms(BACK_AFTER_MS),
            halted: false,
        };
        voter.live(Vec::new());
        Some(voter)
    }

    /// Lets a tick pass and takes what was said; whatever is to be written is durable at once.
    fn live(&mut self, inputs: Vec<Input>) {
        self.now = self.now.plus_ms(TICK_MS);
        let mut inputs = inputs;
        while !self.halted {
            self.mind.handle(Input::Tick { now: self.now });
            for input in std::mem::take(&mut inputs) {
                self.mind.handle(input);
            }
            let mut effects = Vec::new();
            self.mind.settle(&mut effects);
            for effect in effects {
                if let Effect::Persist(write) = &effect {
                    inputs.push(Input::Persisted {
                        number: write.number,
                    });
                }
                self.halted |= matches!(effect, Effect::Halt { .. });
            }
            if inputs.is_empty() {
                return;
            }
        }
    }

    /// Hears this, lives on for a while, and never forgets what it had applied.
    fn hear(mut self, from: NodeId, messages: Vec<PeerMessage>) {
        let before = self.mind.applied();
        let said = messages
            .into_iter()
            .map(|message| Input::Received { from, message });
        self.live(said.collect());
        for _ in 0..TICKS {
            self.live(Vec::new());
        }
        assert!(before <= self.mind.applied());
    }
}

/// Who said what to a voter, as it travelled.
struct Said {
    from: NodeId,
    to: NodeId,
    bytes: Vec<u8>,
}

fn said(encode: impl Fn(&PeerMessage) -> Option<Vec<u8>>) -> Vec<Said> {
    let voters: Vec<NodeId> = HARVEST.voters.iter().map(|(birth, _)| birth.me).collect();
    let to_voters = HARVEST.said.iter().filter(|(_, to, _)| voters.contains(to));
    let said = to_voters.filter_map(|(from, to, message)| {
        Some(Said {
            from: *from,
            to: *to,
            bytes: encode(message)?,
        })
    });
    said.collect()
}

/// What was said, to be spoilt, and how often a voter has heard it.
struct Trial {
    said: Vec<Said>,
    bare: Vec<Vec<u8>>,
    heard: AtomicUsize,
}

impl Trial {
    fn of(encode: impl Fn(&PeerMessage) -> Option<Vec<u8>>) -> Self {
        let said = said(encode);
        Self {
            bare: said.iter().map(|said| said.bytes.clone()).collect(),
            said,
            heard: AtomicUsize::new(0),
        }
    }

    /// Spoils one, and lets its receiver hear what `read` makes of the bytes; nothing if it makes nothing of them.
    fn run(&self, spoilt: &Spoilt, read: impl Fn(Vec<u8>) -> Option<Vec<PeerMessage>>) {
        let real = spoilt.choose(&self.said);
        let Some(messages) = read(spoilt.make(&self.bare)) else {
            return;
        };
        if let Some(voter) = Voter::back(real.to) {
            self.heard.fetch_add(1, Ordering::Relaxed);
            voter.hear(real.from, messages);
        }
    }

    /// A trial in which nobody heard anything proves nothing.
    fn finish(self) {
        assert!(0 < self.heard.into_inner());
    }
}

/// MSH-8: no raft message of a member, however wrong, makes a voter panic or forget.
#[test]
fn a_spoilt_raft_message_does_no_harm() {
    let trial = Trial::of(|message| {
        if let PeerMessage::Raft(bytes) = message {
            Some(bytes.clone())
        } else {
            None
        }
    });
    let read = |bytes| Some(vec![PeerMessage::Raft(bytes)]);
    check!()
        .with_type::<Spoilt>()
        .with_test_time(FOR)
        .for_each(|spoilt| trial.run(spoilt, read));
    trial.finish();
}

/// Nor does any other message that its codec accepts.
#[test]
fn a_spoilt_message_that_can_be_read_does_no_harm() {
    let trial = Trial::of(|message| Some(codec::encode(&Bundle(vec![message.clone()]))));
    let read = |bytes: Vec<u8>| Some(codec::decode::<Bundle>(&bytes).ok()?.0);
    check!()
        .with_type::<Spoilt>()
        .with_test_time(FOR)
        .for_each(|spoilt| trial.run(spoilt, read));
    trial.finish();
}
