//! Peers that lie at random: whatever passes the sentry, no driver panics, then or later.

use hms_protocol::certificate::{Phase, Statement};
use hms_protocol::codec;
use hms_protocol::digest::Hash;
use hms_protocol::frame::{Chunk, Frame};
use hms_protocol::id::NodeId;
use prost_raft::Message as _;
use raft::eraftpb::Message;

use super::chaos::Dice;
use super::forgery::entry;
use super::mesh::{Mesh, node, seat};

/// Changes a real message a little, as a liar or a broken memory would.
fn mutate(message: &mut Message, dice: &mut Dice) {
    let nudge = [1, u64::MAX, 2, 1_000_000, 1 << 40, 1 << 62, 1 << 63];
    let by = nudge[dice.roll(nudge.len())];
    let kinds = 20;
    match dice.roll(16) {
        0 => message.term = message.term.wrapping_add(by),
        1 => message.log_term = message.log_term.wrapping_add(by),
        2 => message.index = message.index.wrapping_add(by),
        3 => message.commit = message.commit.wrapping_add(by),
        4 => message.commit_term = message.commit_term.wrapping_add(by),
        5 => message.reject_hint = message.reject_hint.wrapping_add(by),
        6 => message.reject = !message.reject,
        7 => message.msg_type = i32::try_from(dice.roll(kinds)).unwrap() - 1,
        8 => message.request_snapshot = by,
        9 => message.priority = i64::from_ne_bytes(by.to_ne_bytes()),
        10 => message.context = vec![7; dice.roll(100)],
        11 => message.entries.clear(),
        12 => message
            .entries
            .push(entry(message.index.wrapping_add(by), message.term)),
        13 => message.snapshot = None,
        14 => mutate_entry(message, dice, by),
        _ => mutate_snapshot(message, dice, by),
    }
}

fn mutate_entry(message: &mut Message, dice: &mut Dice, by: u64) {
    if message.entries.is_empty() {
        return;
    }
    let place = dice.roll(message.entries.len());
    let entry = &mut message.entries[place];
    match dice.roll(6) {
        0 => entry.term = entry.term.wrapping_add(by),
        1 => entry.index = entry.index.wrapping_add(by),
        2 => entry.entry_type = i32::try_from(dice.roll(5)).unwrap() - 1,
        3 => entry.data = vec![b'!'; dice.roll(40)],
        4 => entry.context = vec![1],
        _ => {
            message.entries.remove(place);
        }
    }
}

fn mutate_snapshot(message: &mut Message, dice: &mut Dice, by: u64) {
    let Some(snapshot) = message.snapshot.as_mut() else {
        return;
    };
    match dice.roll(5) {
        0 => snapshot.data.truncate(dice.roll(80)),
        1 => snapshot.metadata = None,
        2 => snapshot.mut_metadata().index = snapshot.get_metadata().index.wrapping_add(by),
        3 => snapshot.mut_metadata().term = snapshot.get_metadata().term.wrapping_add(by),
        _ => snapshot.mut_metadata().mut_conf_state().voters.push(by),
    }
}

/// Changes the words that go with a message. The liar has its own key, and signs what it likes.
fn mutate_words(liar: NodeId, frame: &mut Frame, dice: &mut Dice) {
    let by = [1, u64::MAX, 7][dice.roll(3)];
    let bend = |statement: &mut Statement, how: usize| match how {
        0 => statement.term.0 = statement.term.0.wrapping_add(by),
        1 => statement.index.0 = statement.index.0.wrapping_add(by),
        2 => statement.epoch.0 = statement.epoch.0.wrapping_add(by),
        3 => statement.phase = Phase::Locked,
        _ => statement.hash = Hash::from_bytes([9; 32]),
    };
    let how = dice.roll(5);
    frame.certified.0 = frame.certified.0.wrapping_add(by);
    for attestation in &mut frame.attestations {
        bend(&mut attestation.statement, how);
        *attestation = attestation.statement.attest(&seat(liar).key);
    }
    for certificate in &mut frame.certificates {
        bend(&mut certificate.statement, how);
    }
    if let Some(chunk) = &mut frame.chunk {
        mutate_chunk(chunk, dice, by);
    }
    if let Some(arrival) = &mut frame.arrival {
        match dice.roll(4) {
            0 => arrival.arrived = arrival.arrived.wrapping_add(by),
            1 => arrival.term.0 = arrival.term.0.wrapping_add(by),
            2 => arrival.digest = Hash::default(),
            _ => arrival.refused = Some("NO".to_owned()),
        }
    }
    if dice.roll(8) == 0 {
        frame.message.clear();
    }
}

fn mutate_chunk(chunk: &mut Chunk, dice: &mut Dice, by: u64) {
    match dice.roll(6) {
        0 => chunk.digest = Hash::default(),
        1 => chunk.total = chunk.total.wrapping_add(by),
        2 => chunk.offset = chunk.offset.wrapping_add(by),
        3 => chunk.bytes.clear(),
        4 => chunk.bytes.push(b'!'),
        _ => chunk.bytes.iter_mut().for_each(|byte| *byte ^= 1),
    }
}

/// A mesh in which every node lies now and then, about everything.
fn lies(seed: u64) -> usize {
    let mut dice = Dice(seed);
    let mut mesh = Mesh::new(3);
    mesh.believes = false;
    let leader = mesh.elect();
    mesh.start(node(4));
    mesh.prompt = false;
    // A node that needs a checkpoint.
    let driver = &mut mesh.live.get_mut(&leader).unwrap().driver;
    driver.add_learner(node(4)).unwrap();
    for step in 0..1_500 {
        let id = node(1 + u8::try_from(dice.roll(4)).unwrap());
        match dice.roll(10) {
            0..3 => mesh.live.get_mut(&id).unwrap().driver.tick(),
            3 => {
                let data = format!("batch {step}").into_bytes();
                let _ = mesh.live.get_mut(&id).unwrap().driver.propose(data);
            }
            4..6 => {
                mesh.persist(id, 2);
            }
            6 if dice.roll(40) == 0 => mesh.checkpoint(id),
            _ => lie(&mut mesh, &mut dice),
        }
        mesh.settle_one(id);
    }
    mesh.refusals.len()
}

fn lie(mesh: &mut Mesh, dice: &mut Dice) {
    let Some((from, to, mut bytes)) = mesh.wire.pop_front() else {
        return;
    };
    if dice.roll(4) == 0 {
        let mut frame: Frame = codec::decode(&bytes).unwrap();
        let mut message = Message::decode(frame.message.as_slice()).unwrap();
        for _ in 0..dice.roll(3) {
            mutate(&mut message, dice);
        }
        for _ in 0..dice.roll(3) {
            mutate_words(from, &mut frame, dice);
        }
        frame.message = message.encode_to_vec();
        bytes = codec::encode(&frame);
        if dice.roll(10) == 0 {
            bytes.truncate(dice.roll(bytes.len() + 1));
        }
    }
    mesh.deliver(from, to, &bytes);
}

#[test]
fn no_lie_of_a_peer_makes_a_driver_panic() {
    let refused: usize = (0..150).map(lies).sum();
    assert!(0 < refused, "nothing was ever refused");
}

proptest::proptest! {
    #[test]
    fn random_bytes_are_refused(bytes: Vec<u8>) {
        let mut mesh = Mesh::new(1);
        let jury = mesh.jury;
        let refused = mesh.get(1).driver.receive(node(2), &bytes, &jury);
        proptest::prop_assert!(refused.is_err());
    }
}
