//! The answering side of calls: each by a task of its own, so many per member, so few of strangers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hms_protocol::id::NodeId;
use hms_protocol::limits::{CALL_BYTES_MAX, CALL_REPLY_BYTES_MAX};
use libp2p::Stream;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use super::super::circle::Circle;
use super::super::frames::{FrameError, FrameReader, FrameWriter};
use super::super::streams::{self, Arrivals, Pipe};
use super::super::{InboundCall, NetEvent, keys};
use crate::limits::{CALLS_OF_STRANGERS_MAX, CALLS_PER_MEMBER_MAX, REPLIES_CAPACITY};

/// How long a caller may take to say what it wants.
const REQUEST_WITHIN: Duration = Duration::from_secs(5);

/// How long a stranger's call may take in all. A member's call ends when the member goes.
const STRANGER_WITHIN: Duration = Duration::from_mins(1);

/// Answers calls for as long as the network lives.
pub(in super::super) async fn accept(
    mut arrivals: Arrivals,
    circle: watch::Receiver<Circle>,
    events: mpsc::Sender<NetEvent>,
) {
    let mut calls = JoinSet::new();
    let mut room = Room::new();
    loop {
        let (peer, stream) = tokio::select! {
            Some(opened) = arrivals.recv() => opened,
            Some(_) = calls.join_next() => continue,
            else => return,
        };
        let Some(from) = keys::node_of(&peer) else {
            continue;
        };
        let is_member = circle.borrow().holds(from);
        let Some(permit) = room.admit(from, is_member) else {
            tracing::debug!(from = %from.short(), "a call too many is not taken");
            continue;
        };
        let caller = Caller {
            from,
            is_member,
            _permit: permit,
        };
        calls.spawn(answer(caller, stream, events.clone()));
    }
}

/// How many calls may be answered at once.
struct Room {
    members: BTreeMap<NodeId, Arc<Semaphore>>,
    strangers: Arc<Semaphore>,
}

impl Room {
    fn new() -> Self {
        let strangers = Arc::new(Semaphore::new(CALLS_OF_STRANGERS_MAX));
        Self {
            members: BTreeMap::new(),
            strangers,
        }
    }

    fn admit(&mut self, from: NodeId, is_member: bool) -> Option<OwnedSemaphorePermit> {
        let seats = if is_member {
            // Whoever has no call under way needs no entry.
            self.members
                .retain(|_, seats| seats.available_permits() < CALLS_PER_MEMBER_MAX);
            let fresh = || Arc::new(Semaphore::new(CALLS_PER_MEMBER_MAX));
            self.members.entry(from).or_insert_with(fresh)
        } else {
            &self.strangers
        };
        seats.clone().try_acquire_owned().ok()
    }
}

/// Who calls, and its seat.
struct Caller {
    from: NodeId,
    is_member: bool,
    _permit: OwnedSemaphorePermit,
}

async fn answer(caller: Caller, stream: Stream, events: mpsc::Sender<NetEvent>) {
    let from = caller.from.short();
    let served = if caller.is_member {
        Ok(serve(caller, stream, events).await)
    } else {
        tokio::time::timeout(STRANGER_WITHIN, serve(caller, stream, events)).await
    };
    match served {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(from, %error, "call broke"),
        Err(_) => tracing::debug!(from, "a stranger's call took too long"),
    }
}

async fn serve(
    caller: Caller,
    stream: Stream,
    events: mpsc::Sender<NetEvent>,
) -> Result<(), FrameError> {
    let (mut pipe, request) = tokio::time::timeout(REQUEST_WITHIN, hear(stream))
        .await
        .map_err(|_| FrameError::Cut)??;
    let (replies, said) = mpsc::channel(REPLIES_CAPACITY);
    let (from, is_member) = (caller.from, caller.is_member);
    let call = InboundCall {
        from,
        is_member,
        request,
        replies,
    };
    if events.send(NetEvent::Call(call)).await.is_err() {
        return Ok(());
    }
    pass_on(said, &mut pipe).await
}

async fn hear(stream: Stream) -> Result<(Pipe, Bytes), FrameError> {
    let mut reader = FrameReader::new(streams::take(stream).await?, CALL_BYTES_MAX);
    let request = reader.next().await?.ok_or(FrameError::Cut)?;
    Ok((reader.into_stream(), request))
}

/// Passes replies on until there are no more, or until the caller has gone.
async fn pass_on(mut said: mpsc::Receiver<Bytes>, pipe: &mut Pipe) -> Result<(), FrameError> {
    let mut writer = FrameWriter::new();
    loop {
        let reply = tokio::select! {
            reply = said.recv() => reply,
            () = streams::gone(pipe) => return Err(FrameError::Cut),
        };
        let Some(reply) = reply else { break };
        if CALL_REPLY_BYTES_MAX < reply.len() {
            return Err(FrameError::TooLarge {
                bytes: reply.len(),
                max: CALL_REPLY_BYTES_MAX,
            });
        }
        writer.put(pipe, &reply).await?;
        writer.flush(pipe).await?;
    }
    writer.put_end();
    writer.flush(pipe).await?;
    // The caller may close first, which is no fault.
    let _ = pipe.shutdown().await;
    Ok(())
}
