//! Snapshots: the state as it is now, with what certifies it, in pieces.
//!
//! It is taken from the leader's mind, which hands over a copy that shares its records, and encoded beside it. Whoever gets
//! it checks it.

use hms_consensus::effect::Answer;
use hms_consensus::input::{Question, Request};
use hms_consensus::state::checkpoint::Checkpoint;
use hms_consensus::state::snapshot;
use hms_proto::v1::{self as wire, reply};
use tokio::task::spawn_blocking;

use super::Hall;
use super::desk::millis_since;
use super::failure::Failure;
use super::redirect::pause;
use super::watch::Out;
use crate::limits::{CALL_WITHIN, SNAPSHOT_PIECE_BYTES};

impl Hall {
    /// Serves a snapshot at this node, as long as it leads.
    pub(super) async fn serve_snapshot(&self, out: &Out) -> Result<(), Failure> {
        let checkpoint = self.certified_state().await?;
        let encoded = spawn_blocking(move || snapshot::write(&checkpoint)).await;
        let bytes = encoded.map_err(|_| Failure::stopping())?;
        let total = bytes.len() as u64;
        let mut offset = 0;
        for piece in bytes.chunks(SNAPSHOT_PIECE_BYTES) {
            let reply = reply::Reply::SaveSnapshot(wire::SaveSnapshotReply {
                total,
                offset,
                piece: piece.to_vec(),
            });
            if out.send(reply).await.is_err() {
                return Ok(());
            }
            offset += piece.len() as u64;
        }
        Ok(())
    }

    /// The state, as soon as exactly the entry that made it is certified.
    async fn certified_state(&self) -> Result<Box<Checkpoint>, Failure> {
        let started = crate::clock::instant();
        let deadline = started + CALL_WITHIN;
        loop {
            let question = Request::Read(Question::Snapshot);
            let Answer::Snapshot(found) = self.desk.ask(question, deadline).await? else {
                return Err(Failure::malformed("the mind answered another question"));
            };
            if let Some(checkpoint) = found {
                return Ok(checkpoint);
            }
            if deadline < crate::clock::instant() {
                let waited = millis_since(started);
                return Err(Failure::too_slow("a certificate of the state", waited));
            }
            pause().await;
        }
    }
}
