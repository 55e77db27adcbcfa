//! A snapshot of the mesh's state, taken piece by piece.

use hms_proto::v1 as wire;

use crate::Client;
use crate::error::ClientError;
use crate::watch::{Opened, Reopening, next_of};

/// A snapshot on its way. Nothing of it is checked here.
#[derive(Debug)]
pub struct SnapshotWatch {
    client: Client,
    stream: Option<Opened<wire::SaveSnapshotReply>>,
    reopening: Reopening,
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
            match self.receive().await {
                Ok(piece) => {
                    self.reopening.succeed();
                    return Ok(Some(piece));
                }
                Err(error) => {
                    self.stream = None;
                    self.reopening.wait(&self.client, error).await?;
                }
            }
        }
        Ok(None)
    }

    async fn receive(&mut self) -> Result<SnapshotPiece, ClientError> {
        if self.stream.is_none() {
            let request = wire::SaveSnapshotRequest {};
            let opened = self
                .client
                .open(self.reopening.turn, request, async |mut mesh, request| {
                    mesh.save_snapshot(request).await
                })
                .await?;
            self.stream = Some(opened);
        }
        let stream = self.stream.as_mut().expect("opened above");
        let wire::SaveSnapshotReply {
            total,
            offset,
            piece,
        } = next_of(stream).await?;
        self.done = total <= offset + piece.len() as u64;
        Ok(SnapshotPiece {
            total,
            offset,
            bytes: piece,
        })
    }
}

impl Client {
    /// Takes a snapshot of the state as it is now.
    pub fn snapshot(&self) -> SnapshotWatch {
        SnapshotWatch {
            client: self.clone(),
            stream: None,
            reopening: Reopening::default(),
            done: false,
        }
    }
}
