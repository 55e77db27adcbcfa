//! What a driver starts from, and what it refuses to start from.

use hms_protocol::id::{Index, NodeId};

use super::disk::{Disk, read_anchor};
use super::mesh::{Mesh, node, seat};
use crate::raft::{Driver, RaftSettings, RestoreError, RowError};

/// A disk with a checkpoint at entry 1 and a few rows after it, the newest written last.
fn written() -> Disk {
    let mut mesh = Mesh::new(1);
    mesh.elect();
    for number in 0..8 {
        mesh.propose(node(1), &format!("batch {number}"));
    }
    mesh.run(10);
    mesh.disks.remove(&node(1)).unwrap()
}

fn restore(disk: &Disk) -> Result<Driver, RestoreError> {
    let settings = RaftSettings::default();
    let restored = Driver::restore(seat(node(1)), settings, disk.recovered(), read_anchor);
    restored.map(|(driver, _)| driver)
}

fn refused(change: impl FnOnce(&mut Disk)) -> RestoreError {
    let mut disk = written();
    change(&mut disk);
    let error = restore(&disk).err().expect("the damage is noticed");
    assert!(!error.hint().is_empty());
    error
}

#[test]
fn a_driver_goes_on_from_its_rows() {
    let disk = written();
    let driver = restore(&disk).unwrap();
    assert_eq!(Some(&driver.last()), disk.rows.keys().next_back());
}

#[test]
fn a_row_that_is_missing_is_named() {
    let error = refused(|disk| {
        disk.rows.remove(&Index(5));
    });
    assert_eq!(error, RestoreError::RowMissing { index: Index(5) });
}

#[test]
fn a_row_that_is_damaged_is_named() {
    let error = refused(|disk| disk.rows.get_mut(&Index(4)).unwrap()[60] ^= 1);
    let expected = RestoreError::RowDamaged {
        index: Index(4),
        source: RowError::Checksum,
    };
    assert_eq!(error, expected);
}

#[test]
fn a_row_that_is_cut_off_is_named() {
    let error = refused(|disk| disk.rows.get_mut(&Index(6)).unwrap().truncate(20));
    assert_eq!(error.code(), "HMS-ROW-DAMAGED");
}

#[test]
fn a_row_of_another_version_says_so() {
    let error = refused(|disk| disk.rows.get_mut(&Index(6)).unwrap()[0] = 9);
    let expected = RestoreError::RowDamaged {
        index: Index(6),
        source: RowError::Version { version: 9 },
    };
    assert_eq!(error, expected);
}

#[test]
fn a_row_in_the_wrong_place_is_named() {
    let error = refused(|disk| {
        let other = disk.rows[&Index(5)].clone();
        disk.rows.insert(Index(4), other);
    });
    let expected = RestoreError::RowMisplaced {
        index: Index(4),
        found: Index(5),
    };
    assert_eq!(error, expected);
}

#[test]
fn a_row_of_another_history_breaks_the_chain() {
    // The same mesh, the same terms and indexes, but other batches: a whole row put in place.
    let mut other = Mesh::new(1);
    other.elect();
    for number in 0..8 {
        other.propose(node(1), &format!("forged {number}"));
    }
    let forged = other.disks[&node(1)].rows[&Index(5)].clone();
    let error = refused(|disk| {
        disk.rows.insert(Index(5), forged);
    });
    assert_eq!(error, RestoreError::ChainBroken { index: Index(5) });
}

#[test]
fn a_log_that_begins_after_its_checkpoint_is_refused() {
    let error = refused(|disk| {
        disk.rows.pop_first();
        disk.rows.pop_first();
    });
    let expected = RestoreError::CheckpointGap {
        checkpoint: Index(1),
        first: Index(4),
    };
    assert_eq!(error, expected);
}

#[test]
fn a_log_without_its_checkpoint_is_refused() {
    let error = refused(|disk| disk.checkpoint = None);
    assert_eq!(error, RestoreError::CheckpointMissing { first: Index(2) });
}

#[test]
fn a_checkpoint_that_cannot_be_read_is_refused() {
    let error = refused(|disk| disk.checkpoint = Some(b"rubbish".to_vec()));
    assert_eq!(error, RestoreError::CheckpointDamaged { bytes: 7 });
}

#[test]
fn a_checkpoint_of_another_history_is_refused() {
    let mut other = Mesh::new(1);
    other.elect();
    other.propose(node(1), "forged");
    other.checkpoint(node(1));
    let forged = other.disks[&node(1)].checkpoint.clone();
    let error = refused(|disk| disk.checkpoint = forged);
    assert_eq!(error.code(), "HMS-CHECKPOINT-CONFLICT");
}

#[test]
fn a_lost_or_damaged_hard_state_is_refused() {
    let error = refused(|disk| disk.hard_state = None);
    assert_eq!(error.code(), "HMS-HARD-STATE-MISSING");
    let error = refused(|disk| disk.hard_state.as_mut().unwrap()[3] ^= 1);
    assert_eq!(error.code(), "HMS-HARD-STATE-DAMAGED");
    let old = Mesh::new(1);
    assert_eq!(
        old.disks[&node(1)].hard_state,
        None,
        "a founder has promised nothing yet"
    );
}

#[test]
fn committed_rows_that_are_gone_are_missed() {
    let error = refused(|disk| {
        disk.rows.pop_last();
    });
    assert_eq!(error.code(), "HMS-COMMITTED-LOST");
}

#[test]
fn a_hard_state_that_was_rolled_back_is_refused() {
    let mut mesh = Mesh::new(1);
    mesh.elect();
    mesh.run(10);
    let old = mesh.disks[&node(1)].hard_state.clone();
    mesh.crash(node(1));
    mesh.start(node(1));
    mesh.elect();
    let mut disk = mesh.disks.remove(&node(1)).unwrap();
    disk.hard_state = old;
    assert_eq!(restore(&disk).err().unwrap().code(), "HMS-HARD-STATE-STALE");
}

#[test]
fn a_node_that_was_never_brought_up_starts_empty_and_waits() {
    let mut driver = restore(&Disk::default()).unwrap();
    for _ in 0..100 {
        driver.tick();
        let progress = driver.settle();
        assert!(progress.is_empty(), "{progress:?}");
    }
    assert_eq!(driver.leader(), None::<NodeId>);
}
