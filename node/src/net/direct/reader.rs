//! Reads members' frames, each member's by a task of its own. Streams of strangers are not taken.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use hms_protocol::id::NodeId;
use hms_protocol::limits::PEER_MESSAGE_BYTES_MAX;
use libp2p::Stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};

use super::super::circle::Circle;
use super::super::frames::{FrameError, FrameReader};
use super::super::streams::{self, Arrivals};
use super::super::{NetEvent, keys};
use crate::limits::HELD_BYTES_MAX;

/// Takes members' streams for as long as the network lives. A member has one: a newer one replaces the older.
pub(in super::super) async fn accept(
    mut arrivals: Arrivals,
    circle: watch::Receiver<Circle>,
    events: mpsc::Sender<NetEvent>,
) {
    let mut readers = JoinSet::new();
    let mut newest: BTreeMap<NodeId, AbortHandle> = BTreeMap::new();
    loop {
        let (peer, stream) = tokio::select! {
            Some(opened) = arrivals.recv() => opened,
            Some(_) = readers.join_next() => continue,
            else => return,
        };
        let member = keys::node_of(&peer).filter(|node| circle.borrow().holds(*node));
        let Some(from) = member else {
            tracing::debug!(%peer, "a stranger's direct stream is not taken");
            continue;
        };
        newest.retain(|_, reader| !reader.is_finished());
        let reader = readers.spawn(read(from, stream, events.clone()));
        if let Some(older) = newest.insert(from, reader) {
            older.abort();
        }
    }
}

async fn read(from: NodeId, stream: Stream, events: mpsc::Sender<NetEvent>) {
    match read_all(from, stream, &events).await {
        Ok(()) | Err(FrameError::Cut | FrameError::Io(_)) => {}
        Err(error @ FrameError::TooLarge { .. }) => {
            tracing::warn!(from = %from.short(), %error, "direct stream refused");
        }
    }
}

async fn read_all(
    from: NodeId,
    stream: Stream,
    events: &mpsc::Sender<NetEvent>,
) -> Result<(), FrameError> {
    let pipe = streams::take(stream).await?;
    let mut reader = FrameReader::new(pipe, PEER_MESSAGE_BYTES_MAX);
    let room = Arc::new(Semaphore::new(HELD_BYTES_MAX));
    while let Some(frame) = reader.next().await? {
        let frame = hold(frame, &room).await;
        if events.send(NetEvent::Frame { from, frame }).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// A frame and the room that it takes until it is dropped.
struct Held {
    frame: Bytes,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.frame
    }
}

/// Waits until there is room for a frame; a frame that is larger than the room waits until it is alone.
async fn hold(frame: Bytes, room: &Arc<Semaphore>) -> Bytes {
    let bytes = u32::try_from(frame.len().min(HELD_BYTES_MAX)).unwrap_or(u32::MAX);
    let room = room
        .clone()
        .acquire_many_owned(bytes)
        .await
        .expect("the room is never closed");
    Bytes::from_owner(Held { frame, _room: room })
}
