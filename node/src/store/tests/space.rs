//! Disk use is bounded while the log goes on, and checkpoints replace each other.

use std::fs;
use std::path::Path;

use hms_consensus::effect::LogWrite;
use hms_consensus::state::checkpoint::Checkpoint;
use hms_protocol::genesis::Founding;
use hms_protocol::id::{Index, NodeId};
use hms_protocol::keyring::SecretKey;
use hms_protocol::time::Moment;
use hms_protocol::trust::Trust;

use super::stage::{Stage, rows};
use crate::store::{Retention, StoreError, Stored};

fn size(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).unwrap();
    // A file may go while it is looked at.
    let sizes = entries.filter_map(|entry| Some(entry.ok()?.metadata().ok()?.len()));
    sizes.sum()
}

#[tokio::test]
async fn a_log_of_constant_length_needs_bounded_space() {
    const MIB: u64 = 1024 * 1024;
    let retention = Retention {
        bytes: 16 * MIB,
        ..Retention::default()
    };
    let mut stage = Stage::keeping(tempfile::tempdir().unwrap(), retention);
    let mut largest = 0;
    // 200,000 rows of 1 KiB, 200 MiB in all; Raft needs some 4,096 of them at any time, and people get 16 MiB more.
    for start in (1..200_000).step_by(500) {
        let write = LogWrite {
            rows: (start..start + 500)
                .map(|index| (Index(index), vec![7; 1024]))
                .collect(),
            compact_to: start
                .checked_sub(4_096)
                .filter(|_| start % 4_000 == 1)
                .map(Index),
            sync: true,
            ..LogWrite::default()
        };
        stage.write(write).await;
        largest = largest.max(size(stage.path()));
    }
    assert!(largest < (96 + 16) * MIB, "{} MiB", largest / MIB);
    let recovered = stage.reopen().await.recover();
    assert!(recovered.rows.len() <= 4_096 + 4_000);
}

fn genesis() -> Checkpoint {
    let operator = SecretKey::from_seed(&[200; 32]);
    let founding = Founding {
        operator: operator.public(),
        founder: NodeId::from_bytes([1; 32]),
        name: "n1".parse().unwrap(),
        voters_wanted: 1,
        replace_voter_after_ms: 0,
        trust: Trust::Byzantine,
        founded_at: Moment(1),
        salt: [7; 32],
    };
    Checkpoint::genesis(&founding.sign(&operator).unwrap())
}

async fn checkpointed(stage: &mut Stage) -> (Index, Vec<u8>) {
    loop {
        match stage.reports.recv().await {
            Some(Stored::Checkpointed { index, bytes }) => return (index, bytes.to_vec()),
            Some(Stored::Written { .. }) => {}
            Some(Stored::Failed(failure)) => unreachable!("{failure}"),
            None => unreachable!("the store is closed"),
        }
    }
}

#[tokio::test]
async fn a_checkpoint_is_encoded_written_reported_and_replaced() {
    let mut stage = Stage::new();
    stage.store.found(&genesis()).unwrap();
    let mut newest = Vec::new();
    for index in [10, 20] {
        let checkpoint = Checkpoint {
            index: Index(index),
            ..genesis()
        };
        stage.store.checkpoint(Box::new(checkpoint)).await.unwrap();
        let (reported, bytes) = checkpointed(&mut stage).await;
        assert_eq!(reported, Index(index));
        newest = bytes;
    }
    assert_eq!(stage.reopen().await.recover().checkpoint, Some(newest));
}

#[tokio::test]
async fn a_checkpoint_that_a_leader_has_overtaken_is_reported_and_not_kept() {
    let mut stage = Stage::new();
    let write = LogWrite {
        install: Some((Index(50), vec![1; 10].into())),
        ..rows(51..=51)
    };
    stage.write(write).await;
    let older = Checkpoint {
        index: Index(40),
        ..genesis()
    };
    stage.store.checkpoint(Box::new(older)).await.unwrap();
    assert_eq!(checkpointed(&mut stage).await.0, Index(40));
    assert_eq!(stage.reopen().await.recover().checkpoint, Some(vec![1; 10]));
}

#[tokio::test]
async fn a_ledger_is_founded_once() {
    let mut stage = Stage::new();
    stage.store.found(&genesis()).unwrap();
    // Interrupted before anything was promised: begun anew.
    stage.store.found(&genesis()).unwrap();
    stage.write(rows(2..=2)).await;
    let again = stage.store.found(&genesis()).unwrap_err();
    assert!(matches!(again, StoreError::LedgerExists { .. }), "{again}");
}
