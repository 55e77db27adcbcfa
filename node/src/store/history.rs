//! The certified ledger as this disk holds it, for people: what Raft still needs, and what is kept after that.
//!
//! Reading blocks; it is nothing for the loop. What is read is what was written, or an error names the entry. Whether it is
//! what the voters certified is for whoever is shown it to check.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use hms_consensus::raft::read_row;
use hms_protocol::certificate::Certificate;
use hms_protocol::codec;
use hms_protocol::id::Index;
use hms_protocol::receipt::KeptEntry;
use tokio::sync::watch;

use super::disk::Disk;
use super::error::StoreError;
use super::layout;
use super::reports::Durable;

/// What the disk holds of the ledger. Cloning shares it.
#[derive(Clone, Debug)]
pub struct History {
    disk: Arc<Disk>,
}

/// Tells when there may be more to read.
#[derive(Debug)]
pub struct Growth {
    durable: watch::Receiver<Durable>,
}

impl Growth {
    /// Waits for the next write. False when there will be none any more.
    pub async fn more(&mut self) -> bool {
        self.durable.changed().await.is_ok()
    }
}

impl History {
    pub(super) fn new(disk: Arc<Disk>) -> Self {
        Self { disk }
    }

    /// Tells of writes from now on.
    pub fn growth(&self) -> Growth {
        let mut durable = self.disk.durable.clone();
        durable.mark_unchanged();
        Growth { durable }
    }

    /// The oldest entry that is kept; `None` when there is none.
    ///
    /// # Errors
    ///
    /// It cannot be read as it was written.
    pub fn oldest(&self) -> Result<Option<Index>, StoreError> {
        let mut oldest = None;
        self.disk.database.scan_while(layout::LOG, &[], |key, _| {
            oldest = Some(self.index(layout::LOG, key)?);
            Ok(ControlFlow::Break(()))
        })?;
        Ok(oldest)
    }

    /// The newest final certificate: up to there the ledger is certified. `None` before the first.
    ///
    /// # Errors
    ///
    /// It cannot be read as it was written.
    pub fn head(&self) -> Result<Option<Certificate>, StoreError> {
        let newest = self.disk.database.last(layout::CERTIFICATES)?;
        let read = |(key, bytes): super::database::Entry| self.certificate(&key, &bytes);
        newest.map(read).transpose().map(|it| it.map(|(_, it)| it))
    }

    /// Entries from `from` to `up_to`, none left out between them, and more than `bytes_max` of them by the last one at most.
    ///
    /// # Errors
    ///
    /// Something cannot be read as it was written.
    pub fn entries(
        &self,
        from: Index,
        up_to: Index,
        bytes_max: usize,
    ) -> Result<BTreeMap<Index, KeptEntry>, StoreError> {
        let (mut entries, mut bytes) = (BTreeMap::<Index, KeptEntry>::new(), 0);
        let start = layout::row_key(from);
        self.disk
            .database
            .scan_while(layout::LOG, &start, |key, row| {
                let index = self.index(layout::LOG, key)?;
                if up_to < index || bytes_max <= bytes {
                    return Ok(ControlFlow::Break(()));
                }
                bytes += row.len();
                let damaged = |reason: String| self.damaged(layout::LOG, index, &reason);
                let (own_index, entry) =
                    read_row(row).map_err(|error| damaged(error.to_string()))?;
                if own_index != index {
                    return Err(damaged(format!("it is entry {own_index}")));
                }
                if entries
                    .last_key_value()
                    .is_some_and(|(last, _)| last.next() != index)
                {
                    return Err(damaged("an entry before it is missing".to_owned()));
                }
                entries.insert(index, entry);
                Ok(ControlFlow::Continue(()))
            })?;
        Ok(entries)
    }

    /// Final certificates from an index on, up to the first one of which `is_last` is true, and `max` at most.
    ///
    /// # Errors
    ///
    /// Something cannot be read as it was written.
    pub fn certificates(
        &self,
        from: Index,
        max: usize,
        is_last: impl Fn(&Certificate) -> bool,
    ) -> Result<BTreeMap<Index, Certificate>, StoreError> {
        let mut certificates = BTreeMap::new();
        let start = layout::row_key(from);
        let family = layout::CERTIFICATES;
        self.disk
            .database
            .scan_while(family, &start, |key, bytes| {
                if max <= certificates.len() {
                    return Ok(ControlFlow::Break(()));
                }
                let (index, certificate) = self.certificate(key, bytes)?;
                let is_last = is_last(&certificate);
                certificates.insert(index, certificate);
                Ok(if is_last {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                })
            })?;
        Ok(certificates)
    }

    /// The newest final certificate of an entry from `from` to `up_to` that will do.
    ///
    /// # Errors
    ///
    /// Something cannot be read as it was written.
    pub fn newest_certificate(
        &self,
        from: Index,
        up_to: Index,
        will_do: impl Fn(&Certificate) -> bool,
    ) -> Result<Option<Certificate>, StoreError> {
        let mut newest = None;
        let end = layout::row_key(up_to);
        let family = layout::CERTIFICATES;
        self.disk.database.scan_back(family, &end, |key, bytes| {
            if self.index(family, key)? < from {
                return Ok(ControlFlow::Break(()));
            }
            let (_, certificate) = self.certificate(key, bytes)?;
            if will_do(&certificate) {
                newest = Some(certificate);
                return Ok(ControlFlow::Break(()));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(newest)
    }

    fn certificate(&self, key: &[u8], bytes: &[u8]) -> Result<(Index, Certificate), StoreError> {
        let family = layout::CERTIFICATES;
        let index = self.index(family, key)?;
        let certificate = codec::decode_exact(bytes)
            .map_err(|error| self.damaged(family, index, &error.to_string()))?;
        Ok((index, certificate))
    }

    fn index(&self, family: &str, key: &[u8]) -> Result<Index, StoreError> {
        layout::row_index(key).ok_or_else(|| {
            let directory = self.disk.database.directory();
            let what = format!("an entry of {family}");
            StoreError::entry(directory, what, "its key has the wrong length")
        })
    }

    fn damaged(&self, family: &str, index: Index, reason: &str) -> StoreError {
        let directory = self.disk.database.directory();
        StoreError::entry(directory, format!("entry {index} of {family}"), reason)
    }
}
