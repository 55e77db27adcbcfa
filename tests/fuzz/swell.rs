//! Small inputs that would take a large memory: refused before they do.
//!
//! A list of empty entries takes two bytes each to send and hundreds each to hold. Each case here is the worst of its kind
//! and would take a gigabyte or more. Memory is the process's own peak, as Linux counts it.

use std::fs;

use hms_consensus::input::Input;
use hms_consensus::mind::Mind;
use hms_consensus::state::checkpoint::{Checkpoint, CheckpointError};
use hms_consensus::state::command::Batch;
use hms_protocol::codec;
use hms_protocol::codec::bundle::Bundle;
use hms_protocol::digest::Hash;
use hms_protocol::peer::PeerMessage;
use prost::encoding::{WireType, encode_key, encode_varint};

use crate::checkpoint::Parts;
use crate::spoil::HARVEST;

/// Bytes of each input.
const INPUT_BYTES: usize = 8 * 1024 * 1024;

/// Peak of memory beyond which an input has swollen: several times what all inputs take together.
const MEMORY_BYTES_MAX: usize = 512 * 1024 * 1024;

/// So many empty entries under this number.
fn empty_entries(number: u32, bytes: usize) -> Vec<u8> {
    let mut entry = Vec::new();
    encode_key(number, WireType::LengthDelimited, &mut entry);
    encode_varint(0, &mut entry);
    entry.repeat(bytes / entry.len())
}

/// A field with this content.
fn field(number: u32, content: &[u8]) -> Vec<u8> {
    let mut field = Vec::new();
    encode_key(number, WireType::LengthDelimited, &mut field);
    encode_varint(content.len() as u64, &mut field);
    [&field, content].concat()
}

/// The most memory that this process ever held, in bytes.
fn peak_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux says how a process is");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<usize>().ok());
    kib.expect("Linux counts memory in kB") * 1024
}

#[test]
fn a_batch_of_nothing_is_refused_before_it_is_decoded() {
    let commands = [&[8, 1][..], &empty_entries(3, INPUT_BYTES)].concat();
    let error = codec::decode::<Batch>(&commands).expect_err("no batch has so many commands");
    assert_eq!(
        (error.code(), error.field()),
        ("HMS-CODEC-TOO-MANY", "batch.commands")
    );

    let enrolment = field(4, &empty_entries(1, INPUT_BYTES));
    let error = codec::decode::<Batch>(&[&[8, 1], &*field(3, &enrolment)].concat())
        .expect_err("no batch has so many certificates");
    assert_eq!(
        (error.code(), error.field()),
        ("HMS-CODEC-TOO-MANY", "batch.certificates")
    );
    assert!(peak_bytes() < MEMORY_BYTES_MAX);
}

/// Lists in records, by the numbers of table and list: a member's addresses; a task's attempts and history; a case's
/// verdicts; a service's probers, observations and history; the verdicts of a piece of evidence.
const LISTS: [(u32, u32); 8] = [
    (9, 4),
    (11, 6),
    (11, 9),
    (12, 4),
    (13, 3),
    (13, 4),
    (13, 7),
    (14, 8),
];

/// Lists in parts of records: an agent's skills, a task's needs, a round's verifiers and verdicts.
const NESTED: [(u32, u32, u32); 4] = [(10, 1, 4), (11, 2, 9), (11, 8, 3), (11, 8, 4)];

/// DAT-1, MSH-10: each table of a checkpoint, and each list in a record.
#[test]
fn a_checkpoint_of_nothing_is_refused_before_it_is_decoded() {
    let parts = Parts::of(&HARVEST.checkpoints[0]);
    let records = (9..=14).map(|table| empty_entries(table, INPUT_BYTES));
    let lists = LISTS.map(|(table, list)| field(table, &empty_entries(list, INPUT_BYTES)));
    let nested = NESTED
        .map(|(table, part, list)| field(table, &field(part, &empty_entries(list, INPUT_BYTES))));
    for state in records.chain(lists).chain(nested) {
        let bytes = parts.forge(&state, Hash::default());
        let error = Checkpoint::decode(&bytes).expect_err("the records are empty");
        assert!(matches!(error, CheckpointError::Malformed(_)), "{error}");
    }
    assert!(peak_bytes() < MEMORY_BYTES_MAX);
}

#[test]
fn a_bundle_of_nothing_is_refused_before_it_is_decoded() {
    let messages = empty_entries(1, INPUT_BYTES);
    assert!(codec::decode::<Bundle>(&messages).is_err());
    for say in 1..=24 {
        let swollen = field(1, &field(say, &empty_entries(1, INPUT_BYTES)));
        // Some of these are byte strings, which may say anything.
        drop(codec::decode::<Bundle>(&swollen));
    }
    assert!(peak_bytes() < MEMORY_BYTES_MAX);
}

/// An honest node's raft messages hold at most some thousand entries.
#[test]
fn a_raft_message_of_nothing_is_refused_before_it_is_decoded() {
    let (birth, recovered) = &HARVEST.voters[0];
    let from = HARVEST.voters[1].0.me;
    let mut mind = Mind::restore(birth, recovered.clone()).expect("a simulated disk is sound");
    let entries = empty_entries(7, INPUT_BYTES);
    let configuration = field(1, &field(1, &vec![1; INPUT_BYTES]));
    let snapshot = field(9, &field(2, &configuration));
    for bytes in [entries, snapshot] {
        mind.handle(Input::Received {
            from,
            message: PeerMessage::Raft(bytes),
        });
    }
    assert!(peak_bytes() < MEMORY_BYTES_MAX);
}
