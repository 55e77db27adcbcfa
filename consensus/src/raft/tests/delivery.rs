//! Checkpoints on their way through a mesh: in small pieces, over bad links, from leaders that go.

use std::collections::BTreeSet;

use hms_protocol::codec;
use hms_protocol::digest::Hash;
use hms_protocol::frame::{Arrival, Chunk, Frame};
use hms_protocol::id::{Index, NodeId, Term};
use prost_raft::Message as _;
use raft::eraftpb::Message;

use super::chaos::Dice;
use super::mesh::{CHUNK_BYTES, Mesh, node};
use crate::raft::{RaftRefusal, limits};

/// A mesh of three in which a voter needs the leader's checkpoint, of many chunks.
fn behind() -> (Mesh, NodeId, NodeId) {
    let mut mesh = Mesh::new(3);
    let leader = mesh.elect();
    let lost = mesh.others(leader)[0];
    mesh.crash(lost);
    grow(&mut mesh, leader);
    mesh.start(lost);
    (mesh, leader, lost)
}

/// Lets the log grow until a peer that has nothing of it needs a checkpoint, and makes one on every node.
fn grow(mesh: &mut Mesh, leader: NodeId) {
    for number in 0..limits::LOG_MARGIN_ENTRIES + 50 {
        mesh.propose(leader, &format!("batch {number}"));
    }
    for id in mesh.others(node(0)) {
        mesh.checkpoint(id);
    }
    mesh.calm();
}

fn read(bytes: &[u8]) -> Frame {
    codec::decode(bytes).expect("a driver sends frames")
}

/// What passes in a tick; `sees` says whether a frame arrives.
fn pass(mesh: &mut Mesh, mut sees: impl FnMut(NodeId, NodeId, &Frame) -> bool) {
    for live in mesh.live.values_mut() {
        live.driver.tick();
    }
    while mesh.settle() || !mesh.wire.is_empty() {
        for (from, to, bytes) in std::mem::take(&mut mesh.wire) {
            if sees(from, to, &read(&bytes)) {
                mesh.deliver(from, to, &bytes);
            }
        }
    }
}

/// MSH-10: in pieces of a bounded size, each once, and never in a message of Raft.
#[test]
fn a_checkpoint_comes_in_chunks_and_no_message_carries_it() {
    let (mut mesh, leader, lost) = behind();
    let mut offsets = Vec::new();
    for _ in 0..60 {
        pass(&mut mesh, |_, _, frame| {
            offsets.extend(frame.chunk.iter().map(|chunk| chunk.offset));
            let chunk = frame.chunk.as_ref().map_or(0, |chunk| chunk.bytes.len());
            let message = Message::decode(frame.message.as_slice()).unwrap();
            assert!(chunk <= CHUNK_BYTES && message.get_snapshot().data.is_empty());
            true
        });
    }
    assert_eq!(mesh.live[&lost].installs, 1);
    let once: BTreeSet<u64> = offsets.iter().copied().collect();
    assert!(40 < once.len(), "{} chunks are not many", once.len());
    assert_eq!(once.len(), offsets.len(), "a chunk came twice");
    mesh.propose(leader, "after");
    mesh.run(5);
    mesh.check_agreed("after");
}

/// Chunks and everything else are lost, repeated and overtaken, and disks are slow; meanwhile the others go on.
#[test]
fn a_checkpoint_of_many_chunks_arrives_over_lossy_links() {
    for seed in 0..8 {
        let mut dice = Dice(seed);
        let (mut mesh, leader, lost) = behind();
        let (mut chunks, mut ticks) = (0, 0);
        while mesh.live[&lost].installs == 0 {
            for live in mesh.live.values_mut() {
                live.driver.tick();
            }
            for _ in 0..60 {
                mesh.settle();
                let Some((from, to, bytes)) = mesh.wire.pop_front() else {
                    break;
                };
                chunks += usize::from(read(&bytes).chunk.is_some());
                let late = dice.roll(10) == 0;
                let large = [from, to].contains(&lost);
                if late {
                    mesh.wire.push_back((from, to, bytes.clone()));
                }
                if !large || (!late && dice.roll(8) != 0) {
                    mesh.deliver(from, to, &bytes);
                }
            }
            ticks += 1;
            assert!(ticks < 2_000, "seed {seed}: it never arrives");
        }
        assert!(40 < chunks, "{chunks} chunks are not many");
        let leader = if mesh.live[&leader].driver.leads() {
            leader
        } else {
            mesh.elect()
        };
        mesh.propose(leader, "after");
        mesh.run(40);
        mesh.check_agreed("after");
    }
}

/// Between any two answers of the peer the leader sends it a window of chunks and no more; what else there is to say is
/// said: a checkpoint on its way holds up neither heartbeats nor entries.
#[test]
fn a_checkpoint_on_its_way_holds_nothing_up() {
    let (mut mesh, leader, lost) = behind();
    let (mut asked, mut beats) = (0, 0);
    for tick in 0..20 {
        let mut sent = 0;
        pass(&mut mesh, |_, to, frame| {
            sent += u64::from(to == lost && frame.chunk.is_some());
            beats += usize::from(to == lost && frame.chunk.is_none());
            // The answers to chunks are lost.
            frame.arrival.is_none()
        });
        assert!(sent <= 1, "{sent} chunks without an answer");
        asked += sent;
        let (_, index) = mesh.propose(leader, &format!("meanwhile {tick}"));
        mesh.wire.clear();
        assert_eq!(mesh.live[&leader].driver.committed(), index);
    }
    assert!(
        0 < asked && 5 < beats,
        "{asked} chunks and {beats} other frames"
    );
    assert!(mesh.live[&leader].driver.leads());
}

/// Some chunks in, the leader dies: the next one brings the voter up with its own checkpoint.
#[test]
fn a_leader_that_goes_half_way_is_survived() {
    for dies in [true, false] {
        let (mut mesh, leader, lost) = behind();
        let mut arrived = 0;
        while arrived < 10 * CHUNK_BYTES as u64 {
            pass(&mut mesh, |_, _, frame| {
                let before = arrived;
                arrived = frame.arrival.as_ref().map_or(arrived, |it| it.arrived);
                before < 10 * CHUNK_BYTES as u64
            });
        }
        assert_eq!(mesh.live[&lost].installs, 0);
        assert!(0 < mesh.live[&lost].driver.held_of_checkpoints());
        if dies {
            mesh.crash(leader);
        } else {
            mesh.cut.insert(leader);
        }
        let next = mesh.elect();
        assert_ne!(next, leader);
        mesh.run(100);
        assert_eq!(mesh.live[&lost].installs, 1);
        assert_eq!(mesh.live[&lost].driver.held_of_checkpoints(), 0);
        mesh.cut.clear();
        if dies {
            mesh.start(leader);
        }
        mesh.run(40);
        let leader = mesh.elect();
        mesh.propose(leader, "after");
        mesh.run(10);
        mesh.check_agreed("after");
    }
}

#[test]
fn a_transfer_goes_on_after_a_connection_was_lost() {
    let (mut mesh, leader, lost) = behind();
    let (mut highest, mut first) = (0, None);
    for tick in 0..100 {
        pass(&mut mesh, |_, _, frame| {
            let Some(chunk) = &frame.chunk else {
                return true;
            };
            if 10 <= tick {
                first = first.or(Some(chunk.offset));
                return true;
            }
            highest = highest.max(chunk.offset);
            chunk.offset < 10 * CHUNK_BYTES as u64
        });
        if tick == 9 {
            mesh.live.get_mut(&leader).unwrap().driver.unreachable(lost);
        }
    }
    assert_eq!(first, Some(10 * CHUNK_BYTES as u64));
    assert_eq!(mesh.live[&lost].installs, 1);
}

/// A checkpoint that the leader's log does not continue any more is of no use to anybody.
#[test]
fn a_transfer_is_given_up_when_the_log_goes_on_without_it() {
    let (mut mesh, leader, lost) = behind();
    let mut totals = BTreeSet::new();
    for _ in 0..5 {
        pass(&mut mesh, |_, _, frame| {
            totals.extend(frame.chunk.iter().map(|chunk| chunk.digest));
            frame.arrival.is_none()
        });
    }
    assert_eq!(totals.len(), 1);
    mesh.cut.insert(lost);
    grow(&mut mesh, leader);
    mesh.cut.clear();
    mesh.run(100);
    assert_eq!(mesh.live[&lost].installs, 1);
    let last = format!("batch {}", limits::LOG_MARGIN_ENTRIES + 49);
    mesh.check_agreed(&last);
}

/// Every chunk changed on its way: the codes of the refusals. The receiver keeps what it has, and tells why.
fn lie(change: impl Fn(&mut Chunk)) -> Vec<&'static str> {
    let (mut mesh, leader, lost) = behind();
    let before = mesh.live[&lost].driver.last();
    let mut told: Vec<Option<String>> = Vec::new();
    for _ in 0..30 {
        for live in mesh.live.values_mut() {
            live.driver.tick();
        }
        while mesh.settle() || !mesh.wire.is_empty() {
            for (from, to, bytes) in std::mem::take(&mut mesh.wire) {
                let mut frame = read(&bytes);
                told.extend(frame.arrival.iter().map(|it| it.refused.clone()));
                frame.chunk.iter_mut().for_each(&change);
                mesh.deliver(from, to, &codec::encode(&frame));
            }
        }
    }
    assert_eq!(mesh.live[&lost].driver.last(), before);
    assert_eq!(mesh.live[&lost].installs, 0);
    assert!(mesh.live[&leader].driver.leads());
    let codes = mesh.refusals.iter().map(RaftRefusal::code);
    let codes: BTreeSet<&'static str> = codes.collect();
    let heard = told
        .iter()
        .flatten()
        .all(|code| codes.contains(code.as_str()));
    assert!(heard, "{told:?}");
    codes.into_iter().collect()
}

#[test]
fn a_checkpoint_that_is_not_what_was_announced_is_refused_and_nothing_changes() {
    assert_eq!(lie(|chunk| chunk.bytes[0] ^= 1), ["HMS-RAFT-BAD-SNAPSHOT"]);
    assert_eq!(
        lie(|chunk| chunk.total = u64::MAX),
        ["HMS-RAFT-SNAPSHOT-TOO-LARGE"]
    );
    assert_eq!(lie(|chunk| chunk.total = 7), ["HMS-RAFT-BAD-CHUNK"]);
    assert_eq!(lie(|chunk| chunk.bytes.clear()), ["HMS-RAFT-BAD-CHUNK"]);
    // It never ends; it is another one than the leader knows of.
    assert!(lie(|chunk| chunk.total *= 2).is_empty());
    assert!(lie(|chunk| chunk.digest = Hash::from_bytes([3; 32])).is_empty());
}

#[test]
fn an_answer_to_what_was_not_sent_changes_nothing() {
    let (mut mesh, leader, lost) = behind();
    mesh.run(1);
    let other = mesh.others(leader)[1];
    for (from, term, arrived) in [(other, 2, 0), (lost, 99, 1), (lost, 2, u64::MAX)] {
        let frame = Frame {
            arrival: Some(Arrival {
                term: Term(term),
                digest: Hash::default(),
                arrived,
                refused: None,
            }),
            ..Frame::default()
        };
        mesh.deliver(from, leader, &codec::encode(&frame));
    }
    mesh.run(60);
    assert_eq!(mesh.live[&lost].installs, 1);
    assert!(Index(1_000) < mesh.live[&lost].driver.committed());
}
