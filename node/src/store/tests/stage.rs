//! A store in a directory of its own, and the writes that the tests make.

use std::path::Path;

use hms_consensus::effect::{LogWrite, Recovered};
use hms_protocol::id::Index;
use tempfile::TempDir;

use crate::store::{Reports, Retention, Store, StoreError, Stored};

/// An open store and its directory.
pub(super) struct Stage {
    pub(super) store: Store,
    pub(super) reports: Reports,
    pub(super) directory: TempDir,
    next_number: u64,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self::open(tempfile::tempdir().unwrap())
    }

    pub(super) fn open(directory: TempDir) -> Self {
        Self::keeping(directory, Retention::default())
    }

    /// A store that keeps so much for people.
    pub(super) fn keeping(directory: TempDir, retention: Retention) -> Self {
        let (store, reports) = Store::open(directory.path(), retention).unwrap();
        Self {
            store,
            reports,
            directory,
            next_number: 1,
        }
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Queues a write; returns its number.
    pub(super) async fn queue(&mut self, write: LogWrite) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        self.store
            .write(LogWrite { number, ..write })
            .await
            .unwrap();
        number
    }

    /// Queues a write and waits until it is durable.
    pub(super) async fn write(&mut self, write: LogWrite) {
        let number = self.queue(write).await;
        self.written(number).await;
    }

    pub(super) async fn written(&mut self, wanted: u64) {
        while let Some(news) = self.reports.recv().await {
            match news {
                Stored::Written { number } if wanted <= number => return,
                Stored::Written { .. } | Stored::Checkpointed { .. } => {}
                Stored::Failed(failure) => unreachable!("{failure}"),
            }
        }
        unreachable!("the store is closed");
    }

    /// Closes the store; gives the directory.
    pub(super) async fn close(self) -> TempDir {
        let Self {
            store, directory, ..
        } = self;
        store.close().await;
        directory
    }

    /// Closes the store and reads it back in a new life.
    pub(super) async fn reopen(self) -> Self {
        Self::open(self.close().await)
    }

    pub(super) fn recover(&self) -> Recovered {
        self.store.recover().unwrap()
    }
}

/// A write of rows with these indexes.
pub(super) fn rows(indexes: std::ops::RangeInclusive<u64>) -> LogWrite {
    LogWrite {
        rows: indexes.map(|index| (Index(index), row(index))).collect(),
        sync: true,
        ..LogWrite::default()
    }
}

pub(super) fn row(index: u64) -> Vec<u8> {
    format!("row {index}").into_bytes()
}

/// The indexes of recovered rows, each of which is what was written.
pub(super) fn indexes(recovered: &Recovered) -> Vec<u64> {
    for (index, bytes) in &recovered.rows {
        assert_eq!(*bytes, row(index.0));
    }
    recovered.rows.iter().map(|(index, _)| index.0).collect()
}

/// What a store in this directory has to say, from opening to the last row.
pub(super) async fn read(path: &Path) -> Result<Recovered, StoreError> {
    let (store, _reports) = Store::open(path, Retention::default())?;
    let recovered = store.recover();
    store.close().await;
    recovered
}
