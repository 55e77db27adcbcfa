//! What was reported as written is read back, whatever becomes of the process.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use hms_consensus::effect::LogWrite;
use hms_protocol::id::Index;

use super::stage::{Stage, indexes, read, rows};
use crate::store::{Retention, Store, StoreError, Stored};

#[tokio::test]
async fn rows_and_hard_state_are_read_back() {
    let mut stage = Stage::new();
    stage.write(rows(1..=3)).await;
    let state = LogWrite {
        hard_state: Some(b"vow".to_vec()),
        sync: true,
        ..LogWrite::default()
    };
    stage.write(state).await;
    let recovered = stage.reopen().await.recover();
    assert_eq!(indexes(&recovered), [1, 2, 3]);
    assert_eq!(recovered.hard_state.as_deref(), Some(b"vow".as_slice()));
    assert_eq!(recovered.checkpoint, None);
}

#[tokio::test]
async fn certificates_and_the_lock_are_read_back_and_go_with_their_rows() {
    let mut stage = Stage::new();
    let certificates = (3..=5).map(|index| (Index(index), vec![7]));
    let write = LogWrite {
        certificates: certificates.collect(),
        lock: Some(b"lock".to_vec()),
        ..rows(1..=5)
    };
    stage.write(write).await;
    let compact = LogWrite {
        compact_to: Some(Index(4)),
        ..rows(6..=6)
    };
    stage.write(compact).await;
    let recovered = stage.reopen().await.recover();
    assert_eq!(recovered.certificates, [(Index(5), vec![7])]);
    assert_eq!(recovered.lock.as_deref(), Some(b"lock".as_slice()));
}

#[tokio::test]
async fn overruled_rows_are_gone_and_their_successors_stay() {
    let mut stage = Stage::new();
    stage.write(rows(1..=9)).await;
    let write = LogWrite {
        truncate_from: Some(Index(4)),
        ..rows(4..=5)
    };
    stage.write(write).await;
    assert_eq!(indexes(&stage.reopen().await.recover()), [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn compacted_rows_are_gone() {
    let mut stage = Stage::new();
    stage.write(rows(1..=9)).await;
    let write = LogWrite {
        compact_to: Some(Index(6)),
        ..LogWrite::default()
    };
    stage.write(write).await;
    assert_eq!(indexes(&stage.reopen().await.recover()), [7, 8, 9]);
}

#[tokio::test]
async fn an_installed_checkpoint_replaces_the_log() {
    let mut stage = Stage::new();
    stage.write(rows(1..=9)).await;
    // Larger than one piece, so that it is put together again.
    let large = vec![7; 1_000_000];
    let write = LogWrite {
        install: Some((Index(50), large.clone().into())),
        ..rows(51..=52)
    };
    stage.write(write).await;
    let recovered = stage.reopen().await.recover();
    assert_eq!(indexes(&recovered), [51, 52]);
    assert_eq!(recovered.checkpoint, Some(large));
}

#[tokio::test]
async fn writes_that_wait_together_share_an_fsync() {
    let mut stage = Stage::new();
    let mut last = 0;
    for index in 1..=2_000 {
        last = stage.queue(rows(index..=index)).await;
    }
    stage.written(last).await;
    let syncs = stage.reports.syncs();
    assert!(syncs < 1_000, "{syncs} fsyncs for 2000 writes");
    assert_eq!(stage.reopen().await.recover().rows.len(), 2_000);
}

#[tokio::test]
async fn what_is_queued_when_the_store_closes_is_written() {
    let mut stage = Stage::new();
    for index in 1..=100 {
        stage.queue(rows(index..=index)).await;
    }
    assert_eq!(stage.reopen().await.recover().rows.len(), 100);
}

#[tokio::test]
async fn a_store_that_is_dropped_writes_what_is_queued_and_lets_go_of_the_disk() {
    let mut stage = Stage::new();
    for index in 1..=100 {
        stage.queue(rows(index..=index)).await;
    }
    let Stage {
        store, directory, ..
    } = stage;
    drop(store);
    assert_eq!(read(directory.path()).await.unwrap().rows.len(), 100);
}

#[tokio::test]
async fn reports_never_hold_up_the_disk() {
    let mut stage = Stage::new();
    // Far more than any queue holds, and nobody listens.
    let mut last = 0;
    for index in 1..=5_000 {
        last = stage.queue(rows(index..=index)).await;
    }
    stage.written(last).await;
}

/// Set for the process that is killed: the directory that it writes to.
const VICTIM: &str = "HMS_STORE_TEST_VICTIM";
const THIS_TEST: &str = "store::tests::durability::what_was_acknowledged_survives_kill_9";

/// What the process does that is killed: it writes, and says what is acknowledged.
async fn write_for_ever(directory: &Path) {
    let (store, mut reports) = Store::open(directory, Retention::default()).unwrap();
    for number in 1.. {
        let write = LogWrite {
            number,
            ..rows(number..=number)
        };
        store.write(write).await.unwrap();
        if number % 3 == 0
            && let Some(Stored::Written { number }) = reports.recv().await
        {
            say(number);
        }
    }
}

#[expect(clippy::print_stdout, reason = "the parent process reads it")]
fn say(number: u64) {
    println!("acknowledged {number}");
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    if let Ok(directory) = std::env::var(VICTIM) {
        return write_for_ever(Path::new(&directory)).await;
    }
    for round in 1..=3 {
        let directory = tempfile::tempdir().unwrap();
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", THIS_TEST, "--nocapture"])
            .env(VICTIM, directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
        let mut said = lines.filter_map(|line| {
            let line = line.unwrap();
            line.strip_prefix("acknowledged ")?.parse::<u64>().ok()
        });
        let acknowledged = said.by_ref().take(50 * round).last().unwrap();
        let in_use = Store::open(directory.path(), Retention::default()).unwrap_err();
        assert_eq!(in_use.code(), "HMS-STORE-IN-USE");
        assert!(in_use.to_string().contains(&victim.id().to_string()));
        victim.kill().unwrap();
        victim.wait().unwrap();
        drop(said);

        let found = indexes(&read(directory.path()).await.unwrap());
        let newest = *found.last().unwrap();
        assert!(
            acknowledged <= newest,
            "{acknowledged} was acknowledged, {newest} is there"
        );
        assert_eq!(found, (1..=newest).collect::<Vec<u64>>());
    }
}

#[tokio::test]
async fn a_directory_is_used_by_one_store_at_a_time() {
    let stage = Stage::new();
    let second = Store::open(stage.path(), Retention::default()).unwrap_err();
    assert!(matches!(second, StoreError::InUse { .. }), "{second}");
    let directory = stage.close().await;
    Stage::open(directory).close().await;
}
