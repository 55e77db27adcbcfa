//! Receipts: the mind says where a task's commands stand, the disk what stands there.
//!
//! They are made outside the loop, from what is on this node's disk, so that the receipt of an old task holds up nobody.
//! What is made is not checked here: whoever gets it does that.

use std::sync::Arc;

use hms_consensus::outline::Outline;
use hms_proto::v1::{self as wire, reply};
use hms_protocol::certificate::Certificate;
use hms_protocol::chain::EntryKind;
use hms_protocol::codec;
use hms_protocol::digest::Hash;
use hms_protocol::id::{Index, MeshId, Term};
use hms_protocol::receipt::{BuildRefusal, FIRST_INDEX, KeptEntry, Receipt};
use hms_protocol::refusal::Refusal;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use super::Hall;
use super::failure::Failure;
use crate::limits::{RECEIPT_CERTIFICATES_READ_MAX, RECEIPT_ENTRIES_BYTES_READ_MAX};
use crate::store::{History, StoreError};

impl Hall {
    /// Makes the receipt of a task. What the mind knows to be certified may still be on its way to the disk: that is waited
    /// for, until `deadline` at the latest.
    pub(super) async fn receipt(
        &self,
        outline: Outline,
        deadline: Instant,
    ) -> Result<reply::Reply, Failure> {
        let outline = Arc::new(outline);
        let mut growth = self.history.growth();
        loop {
            let (history, wanted) = (self.history.clone(), Arc::clone(&outline));
            let making = spawn_blocking(move || make(&history, &wanted));
            let made = making.await.map_err(|_| Failure::stopping())?;
            let why = match made.map_err(|error| Failure::unreadable(&error))? {
                Ok(receipt) => {
                    let receipt = codec::encode(&receipt);
                    return Ok(reply::Reply::GetReceipt(wire::GetReceiptReply { receipt }));
                }
                Err(why) => why,
            };
            let is_early = matches!(why, BuildRefusal::Uncertified { .. });
            if !is_early || !matches!(timeout_at(deadline, growth.more()).await, Ok(true)) {
                let task = outline.task;
                return Err(Refusal::NoReceipt { task, why }.into());
            }
        }
    }
}

fn make(history: &History, outline: &Outline) -> Result<Result<Receipt, BuildRefusal>, StoreError> {
    let max = RECEIPT_CERTIFICATES_READ_MAX;
    let covers = |certificate: &Certificate| outline.is_covered_by(certificate);
    let certificates = history.certificates(outline.first, max, covers)?;
    let newest = certificates.last_key_value().map(|(index, _)| *index);
    let Some(end) = newest.filter(|end| covers(&certificates[end])) else {
        let (count, index) = (certificates.len(), outline.newest);
        return Ok(Err(if count < max {
            BuildRefusal::Uncertified { index }
        } else {
            let what = "certificates between its first step and its newest";
            BuildRefusal::TooLarge { what, count, max }
        }));
    };
    let before = Index(outline.first.0.saturating_sub(1));
    let max = RECEIPT_ENTRIES_BYTES_READ_MAX;
    let mut entries = history.entries(before, end, max)?;
    if outline.first == FIRST_INDEX {
        entries.insert(before, beginning(outline.mesh));
    }
    if entries
        .last_key_value()
        .is_some_and(|(last, _)| *last < end)
    {
        let what = "bytes of entries between its first step and its newest";
        let count = max + 1;
        return Ok(Err(BuildRefusal::TooLarge { what, count, max }));
    }
    let records = outline.records(&entries, &certificates);
    Ok(Receipt::build(outline.task, &records))
}

/// What the first entry of a mesh follows: nothing but the mesh's id.
fn beginning(mesh: MeshId) -> KeptEntry {
    KeptEntry {
        kind: EntryKind::Empty,
        term: Term::default(),
        data: Vec::new(),
        chain: Hash::from_bytes(*mesh.as_bytes()),
    }
}
