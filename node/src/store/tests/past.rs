//! What Raft has left behind is there for people, as long as it is to be kept (DAT-2).

use std::time::Duration;

use hms_consensus::effect::LogWrite;
use hms_protocol::id::Index;
use tempfile::tempdir;

use super::stage::{Stage, rows};
use crate::store::Retention;

/// A store that has kept so much of 100 rows of which Raft needs the last ten.
async fn leave_behind(retention: Retention) -> Stage {
    let mut stage = Stage::keeping(tempdir().unwrap(), retention);
    stage.write(rows(2..=100)).await;
    let left = LogWrite {
        compact_to: Some(Index(90)),
        ..LogWrite::default()
    };
    stage.write(left).await;
    stage
}

/// Waits until this is the oldest row.
async fn expect_oldest(stage: &Stage, oldest: u64) {
    let history = stage.store.history();
    while history.oldest().unwrap() != Some(Index(oldest)) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_raft_does_not_need_is_kept_and_does_not_come_back_to_it() {
    let stage = leave_behind(Retention::default()).await.reopen().await;
    expect_oldest(&stage, 2).await;
    let recovered = stage.recover();
    assert_eq!(recovered.rows.len(), 10);
    assert_eq!(recovered.rows[0].0, Index(91));
}

#[tokio::test]
async fn the_oldest_is_forgotten_when_its_time_or_its_room_is_over() {
    let usual = Retention::default();
    for retention in [
        Retention {
            age: Duration::ZERO,
            ..usual
        },
        Retention { bytes: 0, ..usual },
    ] {
        let stage = leave_behind(retention).await;
        // The last one left stays: the chain goes on from its hash.
        expect_oldest(&stage, 90).await;
        assert_eq!(stage.recover().rows.len(), 10);
    }
}

#[tokio::test]
async fn a_row_that_is_none_is_named() {
    let stage = leave_behind(Retention::default()).await;
    let read = stage
        .store
        .history()
        .entries(Index(7), Index(9), usize::MAX);
    let error = read.unwrap_err();
    assert_eq!(error.code(), "HMS-STORE-DAMAGED");
    assert!(error.to_string().contains("entry 7 of log"), "{error}");
}

#[tokio::test]
async fn a_checkpoint_of_another_voter_begins_anew() {
    let mut stage = leave_behind(Retention::default()).await;
    let write = LogWrite {
        install: Some((Index(500), vec![1; 10].into())),
        ..rows(501..=501)
    };
    stage.write(write).await;
    expect_oldest(&stage, 501).await;
}
