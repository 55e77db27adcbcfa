//! The log in motion: conflicts, laggards, checkpoints, reads, bounds.

use hms_protocol::codec;
use hms_protocol::frame::Frame;
use hms_protocol::id::Index;

use super::mesh::{Mesh, node};
use crate::raft::{RaftRefusal, limits};

#[test]
fn what_a_cut_off_leader_appended_is_overruled_and_linked_anew() {
    let mut mesh = Mesh::new(3);
    let old = mesh.elect();
    mesh.propose(old, "kept");
    mesh.cut.insert(old);
    mesh.propose(old, "lost");
    mesh.propose(old, "lost too");
    mesh.run(30);
    let new = mesh.elect();
    mesh.propose(new, "new");
    mesh.cut.clear();
    mesh.run(30);
    mesh.check_agreed("new");
    let batches = mesh.live[&old].applied.batches.clone();
    assert_eq!(batches, [b"kept".to_vec(), b"new".to_vec()]);
    // And its disk holds what it applied: it starts from it.
    mesh.crash(old);
    mesh.start(old);
    mesh.run(30);
    mesh.check_agreed("new");
}

#[test]
fn a_committed_entry_survives_the_loss_of_its_leader() {
    let mut mesh = Mesh::new(3);
    let leader = mesh.elect();
    mesh.propose(leader, "acknowledged");
    mesh.crash(leader);
    let next = mesh.elect();
    assert_eq!(mesh.live[&next].applied.batches, [b"acknowledged".to_vec()]);
}

#[test]
fn a_follower_that_is_far_behind_gets_the_checkpoint() {
    let mut mesh = Mesh::new(3);
    let leader = mesh.elect();
    let lost = mesh.others(leader)[0];
    mesh.crash(lost);
    for number in 0..limits::LOG_MARGIN_ENTRIES + 200 {
        mesh.propose(leader, &format!("batch {number}"));
    }
    mesh.checkpoint(leader);
    mesh.propose(leader, "after");
    mesh.start(lost);
    mesh.run(60);
    mesh.check_agreed("after");
    assert_eq!(mesh.live[&lost].installs, 1);
    mesh.crash(lost);
    mesh.start(lost);
    mesh.run(5);
    mesh.check_agreed("after");
}

#[test]
fn a_follower_within_the_margin_gets_entries() {
    let mut mesh = Mesh::new(3);
    let leader = mesh.elect();
    let lost = mesh.others(leader)[0];
    mesh.crash(lost);
    for number in 0..300 {
        mesh.propose(leader, &format!("batch {number}"));
    }
    mesh.checkpoint(leader);
    mesh.start(lost);
    mesh.run(60);
    mesh.check_agreed("batch 299");
    assert_eq!(mesh.live[&lost].installs, 0);
}

#[test]
fn the_margin_is_bounded_in_bytes_too() {
    let mut mesh = Mesh::new(1);
    let leader = mesh.elect();
    let large = "x".repeat(1024 * 1024);
    for _ in 0..24 {
        mesh.propose(leader, &large);
    }
    mesh.checkpoint(leader);
    mesh.calm();
    let kept = u64::try_from(mesh.disks[&leader].rows.len()).unwrap();
    assert!(
        kept <= limits::LOG_MARGIN_BYTES / (1024 * 1024),
        "{kept} rows are kept"
    );
}

#[test]
fn a_snapshot_that_is_lost_is_sent_again() {
    let mut mesh = Mesh::new(3);
    let leader = mesh.elect();
    let lost = mesh.others(leader)[0];
    mesh.crash(lost);
    for number in 0..limits::LOG_MARGIN_ENTRIES + 10 {
        mesh.propose(leader, &format!("{number}"));
    }
    mesh.checkpoint(leader);
    mesh.start(lost);
    // Every chunk is lost for a while.
    for _ in 0..40 {
        for live in mesh.live.values_mut() {
            live.driver.tick();
        }
        while mesh.settle() || !mesh.wire.is_empty() {
            for (from, to, bytes) in std::mem::take(&mut mesh.wire) {
                let frame: Frame = codec::decode(&bytes).unwrap();
                if frame.chunk.is_none() {
                    mesh.deliver(from, to, &bytes);
                }
            }
        }
    }
    assert_eq!(mesh.live[&lost].installs, 0);
    let patience = usize::try_from(limits::SNAPSHOT_PATIENCE_TICKS).unwrap();
    mesh.run(3 * patience);
    assert_eq!(mesh.live[&lost].installs, 1);
    mesh.check_agreed(&format!("{}", limits::LOG_MARGIN_ENTRIES + 9));
}

#[test]
fn a_read_waits_for_a_quorum_and_sees_everything_before_it() {
    let mut mesh = Mesh::new(3);
    let leader = mesh.elect();
    let (_, index) = mesh.propose(leader, "a");
    let live = mesh.live.get_mut(&leader).unwrap();
    live.driver.read(7).unwrap();
    live.driver.read(8).unwrap();
    live.driver.settle();
    assert!(live.reads.is_empty(), "nobody has confirmed the leader yet");
    mesh.run(5);
    assert_eq!(mesh.live[&leader].reads, [(7, index), (8, index)]);
}

/// Four of seven are a majority, and two of them may lie.
#[test]
fn a_read_waits_for_as_many_as_any_new_leader_has_to_ask() {
    let mut mesh = Mesh::new(7);
    let leader = mesh.elect();
    mesh.run(10);
    let others = mesh.others(leader);
    mesh.cut.extend(&others[3..]);
    // More than have rounds of their own.
    let reads = 0..limits::READ_ROUNDS_MAX as u64 + 2;
    for read in reads.clone() {
        let live = mesh.live.get_mut(&leader).unwrap();
        live.driver.read(read).unwrap();
        mesh.run(3);
    }
    let answered = &mesh.live[&leader].reads;
    assert!(answered.is_empty(), "a majority has answered");
    mesh.cut.remove(&others[3]);
    mesh.run(5);
    let live = &mesh.live[&leader];
    let committed = live.driver.committed();
    let expected: Vec<_> = reads.map(|read| (read, committed)).collect();
    assert_eq!(live.reads, expected);
    assert!(live.reads_lost.is_empty());
}

#[test]
fn a_read_on_a_leader_that_was_replaced_is_lost_and_not_answered() {
    let mut mesh = Mesh::new(3);
    let leader = mesh.elect();
    mesh.cut.insert(leader);
    mesh.live.get_mut(&leader).unwrap().driver.read(7).unwrap();
    mesh.run(40);
    let next = mesh.elect();
    mesh.propose(next, "a");
    mesh.cut.clear();
    mesh.run(40);
    let old = &mesh.live[&leader];
    assert_eq!(
        (old.reads.len(), old.reads_lost.as_slice()),
        (0, [7].as_slice())
    );
}

#[test]
fn a_lone_leader_answers_reads_at_once() {
    let mut mesh = Mesh::new(1);
    mesh.elect();
    let (_, index) = mesh.propose(node(1), "a");
    mesh.get(1).driver.read(1).unwrap();
    mesh.calm();
    assert_eq!(mesh.get(1).reads, [(1, index)]);
}

#[test]
fn proposals_beyond_the_bound_are_refused_until_some_commit() {
    let mut mesh = Mesh::new(3);
    let leader = mesh.elect();
    mesh.prompt = false;
    let driver = &mut mesh.live.get_mut(&leader).unwrap().driver;
    for _ in 0..limits::PROPOSALS_IN_FLIGHT_MAX {
        assert!(0 < driver.room());
        driver.propose(b"x".to_vec()).unwrap();
    }
    assert_eq!(driver.room(), 0);
    assert_eq!(
        driver.propose(b"x".to_vec()).unwrap_err().code(),
        "HMS-BUSY"
    );
    mesh.prompt = true;
    mesh.calm();
    assert_eq!(
        mesh.live[&leader].driver.room(),
        limits::PROPOSALS_IN_FLIGHT_MAX
    );
}

#[test]
fn a_batch_is_neither_empty_nor_too_large() {
    let mut mesh = Mesh::new(1);
    mesh.elect();
    let driver = &mut mesh.get(1).driver;
    let large = driver.propose(vec![0; limits::ENTRY_BYTES_MAX + 1]);
    assert_eq!(large.unwrap_err().code(), "HMS-TOO-LARGE");
    assert!(matches!(
        driver.propose(Vec::new()),
        Err(RaftRefusal::Malformed { .. })
    ));
}

#[test]
fn followers_are_told_while_the_leader_still_writes_and_two_disks_commit() {
    let mut mesh = Mesh::new(3);
    let leader = mesh.elect();
    mesh.prompt = false;
    let driver = &mut mesh.live.get_mut(&leader).unwrap().driver;
    let (_, index) = driver.propose(b"a".to_vec()).unwrap();
    // The leader's own disk takes for ever; the other two are prompt.
    let others = mesh.others(leader);
    for _ in 0..10 {
        mesh.settle();
        for (from, to, bytes) in std::mem::take(&mut mesh.wire) {
            mesh.deliver(from, to, &bytes);
        }
        for other in &others {
            mesh.persist(*other, usize::MAX);
        }
    }
    assert_eq!(mesh.live[&leader].driver.committed(), index);
    assert_eq!(mesh.live[&others[0]].applied.point.index, index);
    // What is not on its own disk, the leader does not apply yet.
    assert!(mesh.live[&leader].applied.point.index < index);
    mesh.prompt = true;
    mesh.calm();
    assert_eq!(mesh.live[&leader].applied.point.index, index);
}

#[test]
fn what_waits_for_a_stalled_disk_is_bounded() {
    let mut mesh = Mesh::new(3);
    let leader = mesh.elect();
    let stalled = mesh.others(leader)[0];
    mesh.propose(leader, "a");
    let heartbeat = {
        let driver = &mut mesh.live.get_mut(&leader).unwrap().driver;
        driver.tick();
        driver.tick();
        let sends = driver.settle().sends;
        sends.into_iter().find(|(to, _)| *to == stalled).unwrap().1
    };
    mesh.prompt = false;
    mesh.live
        .get_mut(&leader)
        .unwrap()
        .driver
        .propose(b"b".to_vec())
        .unwrap();
    mesh.settle();
    for (from, to, bytes) in std::mem::take(&mut mesh.wire) {
        mesh.deliver(from, to, &bytes);
    }
    mesh.settle();
    for _ in 0..2 * limits::MESSAGES_HELD_MAX {
        mesh.deliver(leader, stalled, &heartbeat);
        mesh.settle_one(stalled);
    }
    mesh.wire.clear();
    mesh.persist(stalled, usize::MAX);
    mesh.settle_one(stalled);
    let answers = mesh.wire.iter().filter(|(from, _, _)| *from == stalled);
    assert_eq!(answers.count(), limits::MESSAGES_HELD_MAX);
}

#[test]
fn the_commit_index_reaches_the_disk_without_a_write_of_its_own() {
    let mut mesh = Mesh::new(1);
    mesh.elect();
    mesh.propose(node(1), "a");
    mesh.run(10);
    mesh.crash(node(1));
    mesh.start(node(1));
    mesh.settle();
    assert_eq!(
        mesh.get(1).applied.point.index,
        Index(3),
        "before any election"
    );
}
