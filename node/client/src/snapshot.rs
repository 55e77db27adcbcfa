//! A snapshot of the mesh's state, taken piece by piece.

use hms_proto::v1 as wire;
use hms_protocol::limits::SNAPSHOT_FILE_BYTES_MAX;

use crate::Client;
use crate::error::ClientError;
use crate::feed::{Feed, Mesh};

/// A snapshot on its way. That its pieces join is checked here, and nothing else of it.
#[derive(Debug)]
pub struct SnapshotWatch {
    feed: Feed<wire::SaveSnapshotReply>,
    /// Bytes that have come.
    have: u64,
    done: bool,
}

/// A piece of a snapshot. One with offset 0 begins it anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotPiece {
    /// Bytes of the whole.
    pub total: u64,
    /// Bytes before this piece.
    pub offset: u64,
    /// The piece.
    pub bytes: Vec<u8>,
}

impl SnapshotWatch {
    /// The next piece; `None` after the last one.
    pub async fn next(&mut self) -> Result<Option<SnapshotPiece>, ClientError> {
        while !self.done {
            let request = wire::SaveSnapshotRequest {};
            let ask = async |mut mesh: Mesh, request| mesh.save_snapshot(request).await;
            let wire::SaveSnapshotReply {
                total,
                offset,
                piece: bytes,
            } = self.feed.next(&request, ask).await?;
            let have = offset.saturating_add(bytes.len() as u64);
            if total > SNAPSHOT_FILE_BYTES_MAX as u64 {
                let reason = format!("its snapshot has {total} bytes");
                self.feed.distrust(reason).await?;
            } else if total < have || offset != 0 && offset != self.have {
                let reason = format!("its snapshot of {total} bytes goes on at byte {offset}");
                self.feed.distrust(reason).await?;
            } else {
                self.have = have;
                self.done = total == have;
                return Ok(Some(SnapshotPiece {
                    total,
                    offset,
                    bytes,
                }));
            }
        }
        Ok(None)
    }
}

impl Client {
    /// Takes a snapshot of the state as it is now.
    pub fn snapshot(&self) -> SnapshotWatch {
        SnapshotWatch {
            feed: Feed::new(self),
            have: 0,
            done: false,
        }
    }
}
