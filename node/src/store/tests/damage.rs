//! What is damaged is refused with its name, and nothing panics.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use hms_consensus::effect::LogWrite;
use hms_protocol::id::{Index, MeshId, NodeId};
use tempfile::TempDir;

use super::stage::{Stage, indexes, read, rows};
use crate::store::{Retention, Store, StoreError, Stored};

/// A closed store with rows, in its write-ahead log or in its tables.
async fn written(in_tables: bool) -> TempDir {
    let mut stage = Stage::new();
    let write = LogWrite {
        hard_state: Some(b"vow".to_vec()),
        install: Some((Index(0), vec![7; 600_000].into())),
        ..rows(1..=500)
    };
    stage.write(write).await;
    if in_tables {
        stage.store.disk.database.flush();
    }
    stage.close().await
}

/// The files whose names contain this, in order of age.
fn files(directory: &Path, part: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = paths
        .filter(|path| path.file_name().unwrap().to_string_lossy().contains(part))
        .filter(|path| fs::metadata(path).unwrap().len() > 0)
        .collect();
    found.sort();
    assert!(!found.is_empty(), "there is no {part} file");
    found
}

fn flip(path: &Path, place: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[place] ^= 0x40;
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn a_flipped_byte_in_the_write_ahead_log_is_refused() {
    let directory = written(false).await;
    let path = &files(directory.path(), ".log")[0];
    let length = usize::try_from(fs::metadata(path).unwrap().len()).unwrap();
    flip(path, length / 2);
    let error = read(directory.path()).await.unwrap_err();
    assert_eq!(error.code(), "HMS-STORE-DAMAGED", "{error}");
}

#[tokio::test]
async fn a_flipped_byte_in_a_table_is_refused_wherever_it_is() {
    let directory = written(true).await;
    for path in files(directory.path(), ".sst") {
        let length = usize::try_from(fs::metadata(&path).unwrap().len()).unwrap();
        for place in [10, length / 3, length / 2] {
            flip(&path, place);
            let error = read(directory.path()).await.unwrap_err();
            assert_eq!(error.code(), "HMS-STORE-DAMAGED", "{error}");
            flip(&path, place);
        }
    }
    assert_eq!(indexes(&read(directory.path()).await.unwrap()).len(), 500);
}

#[tokio::test]
async fn files_that_are_cut_off_or_gone_are_refused() {
    for part in [".sst", "MANIFEST-", "CURRENT"] {
        let cut_off = |path: &Path| {
            let bytes = fs::read(path).unwrap();
            fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        };
        let gone = |path: &Path| fs::remove_file(path).unwrap();
        for damage in [&cut_off as &dyn Fn(&Path), &gone] {
            let directory = written(true).await;
            damage(&files(directory.path(), part).pop().unwrap());
            let error = read(directory.path()).await.unwrap_err();
            assert_eq!(error.code(), "HMS-STORE-DAMAGED", "{part}: {error}");
            // Asking again does not help.
            let error = read(directory.path()).await.unwrap_err();
            assert_eq!(error.code(), "HMS-STORE-DAMAGED", "{part}: {error}");
        }
    }
}

#[tokio::test]
async fn an_older_copy_of_the_database_is_refused() {
    let mut stage = Stage::new();
    stage.write(rows(1..=1)).await;
    let directory = stage.close().await;
    let path = files(directory.path(), ".log").pop().unwrap();
    let old = fs::read(&path).unwrap();
    // In a second life more is written; then somebody puts the log of the first one back.
    let mut stage = Stage::open(directory);
    stage.write(rows(2..=2)).await;
    let directory = stage.close().await;
    for log in files(directory.path(), ".log") {
        fs::remove_file(log).unwrap();
    }
    fs::write(path, old).unwrap();
    let error = read(directory.path()).await.unwrap_err();
    assert_eq!(error.code(), "HMS-STORE-DAMAGED", "{error}");
}

#[tokio::test]
async fn a_log_that_was_cut_off_by_a_power_failure_is_read_up_to_there() {
    let mut stage = Stage::new();
    for index in 1..=100 {
        stage.write(rows(index..=index)).await;
    }
    let directory = stage.close().await;
    // As if the node had not had the time to close.
    fs::remove_file(directory.path().join("WITNESS")).unwrap();
    let path = &files(directory.path(), ".log")[0];
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() - 3]).unwrap();
    let found = indexes(&read(directory.path()).await.unwrap());
    assert_eq!(found, (1..=99).collect::<Vec<u64>>());
}

#[tokio::test]
async fn another_nodes_or_meshs_directory_is_refused() {
    let stage = Stage::new();
    let (node, mesh) = (NodeId::from_bytes([1; 32]), MeshId::from_bytes([2; 32]));
    stage.store.claim(node, mesh).unwrap();
    stage.store.claim(node, mesh).unwrap();
    let other = stage
        .store
        .claim(NodeId::from_bytes([9; 32]), mesh)
        .unwrap_err();
    assert!(
        matches!(other, StoreError::Foreign { what: "node", .. }),
        "{other}"
    );
    let other = stage
        .store
        .claim(node, MeshId::from_bytes([9; 32]))
        .unwrap_err();
    assert!(
        matches!(other, StoreError::Foreign { what: "mesh", .. }),
        "{other}"
    );
    assert_eq!(other.code(), "HMS-STORE-FOREIGN");
}

#[tokio::test]
async fn a_directory_of_another_version_is_refused() {
    let directory = Stage::new().close().await;
    fs::write(directory.path().join("FORMAT"), "99\n").unwrap();
    let error = Store::open(directory.path(), Retention::default()).unwrap_err();
    assert_eq!(error.code(), "HMS-STORE-VERSION");
    assert!(error.to_string().contains("99"), "{error}");
}

#[test]
fn a_place_that_is_no_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    fs::write(&path, "x").unwrap();
    let error = Store::open(&path, Retention::default()).unwrap_err();
    assert_eq!(error.code(), "HMS-STORE-IO");
    assert!(error.to_string().contains("file"), "{error}");
}

/// Set for the process that finds no room: the directory that it writes to.
const CRAMPED: &str = "HMS_STORE_TEST_CRAMPED";

const FULL_TEST: &str = "store::tests::damage::a_full_disk_is_named_and_never_acknowledged";

/// Writes until the disk says no.
async fn fill(directory: &Path) -> StoreError {
    let (store, mut reports) = Store::open(directory, Retention::default()).unwrap();
    for number in 1.. {
        let large = LogWrite {
            number,
            rows: vec![(Index(number), vec![7; 64 * 1024])],
            sync: true,
            ..LogWrite::default()
        };
        let queued = store.write(large).await;
        match reports.recv().await {
            Some(Stored::Failed(failure)) => {
                store.close().await;
                return failure;
            }
            Some(Stored::Written { .. } | Stored::Checkpointed { .. }) => queued.unwrap(),
            None => unreachable!("the store is closed"),
        }
    }
    unreachable!("the numbers are exhausted");
}

#[tokio::test]
async fn a_full_disk_is_named_and_never_acknowledged() {
    if let Ok(directory) = std::env::var(CRAMPED) {
        let failure = fill(Path::new(&directory)).await;
        assert!(matches!(failure, StoreError::Full { .. }), "{failure}");
        assert!(failure.to_string().contains(&directory), "{failure}");
        assert!(failure.hint().contains("free space"));
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    // No file of that process may be larger than a megabyte.
    let status = Command::new("sh")
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f 2048; exec \"$0\" --exact \"$1\"",
        ])
        .arg(std::env::current_exe().unwrap())
        .arg(FULL_TEST)
        .env(CRAMPED, directory.path())
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
}
