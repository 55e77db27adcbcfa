//! The road to the gateways of other nodes: calls go out, replies come back, and what went wrong on the way has a code.

use std::time::Duration;

use bytes::Bytes;
use hms_proto::v1::{self as wire, reply};
use hms_protocol::id::NodeId;
use prost::Message as _;

use super::Hall;
use super::failure::Failure;
use crate::net::{CallError, Replies};

/// A call on its way to another node's gateway.
#[derive(Debug)]
pub(super) struct Journey {
    to: NodeId,
    replies: Replies,
}

impl Hall {
    /// Calls another node's gateway. `within` bounds the whole call, replies included.
    pub(super) async fn call(
        &self,
        to: NodeId,
        request: Bytes,
        within: Duration,
    ) -> Result<Journey, Failure> {
        let replies = self.net.call(to, request, within).await;
        replies
            .map(|replies| Journey { to, replies })
            .map_err(|error| explain(to, &error))
    }
}

impl Journey {
    /// The next reply. An end without a reply is a failure: every call has a last word.
    pub(super) async fn next(&mut self) -> Result<reply::Reply, Failure> {
        let from = self.to;
        let next = self
            .replies
            .next()
            .await
            .map_err(|error| explain(from, &error))?;
        let frame = next.ok_or_else(|| Failure::cut(from, "it ended without a last word"))?;
        let reply = wire::Reply::decode(frame).map_err(|error| {
            Failure::malformed(&format!("node {from} answers no reply: {error}"))
        })?;
        match reply.reply {
            Some(reply::Reply::Failure(failure)) => Err(failure.into()),
            Some(reply) => Ok(reply),
            None => Err(Failure::malformed(&format!("node {from} answers nothing"))),
        }
    }
}

/// What a broken call means: whether it may have taken effect decides what may follow.
fn explain(to: NodeId, error: &CallError) -> Failure {
    match error {
        CallError::NotConnected { .. }
        | CallError::Unreachable { .. }
        | CallError::OtherNode { .. }
        | CallError::BadAddress { .. } => Failure::unreachable(to, &error.to_string()),
        CallError::Cut => Failure::cut(to, &error.to_string()),
        CallError::TooSlow { within_ms } => Failure::too_slow("the leader's answer", *within_ms),
        CallError::TooLarge { max, .. } => Failure::oversized(*max, &error.to_string()),
        CallError::Closed => Failure::stopping(),
    }
}
