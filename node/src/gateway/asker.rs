//! For whom a call is made: its name in the logs, and the client of the node by which it came in.
//!
//! It travels with the call to the leader, so that clients are served in turn there, too. A node's word for who its clients
//! are is believed, because it costs nobody but its own clients: see `hms_consensus::turns`.

use std::time::Duration;

use bytes::Bytes;
use hms_consensus::input::Request;
use hms_consensus::turns::{Manner, Purpose};
use hms_proto::v1::{self as wire, call};
use prost::Message as _;

use super::pace::Visitor;

/// For whom a call is made.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    /// The call's name in the logs.
    pub(super) request_id: String,
    /// Which client, and how it asks.
    pub(super) visitor: Visitor,
}

impl Asker {
    /// This node itself.
    pub(super) fn node(request_id: &str) -> Self {
        Self {
            request_id: request_id.to_owned(),
            visitor: Visitor::NODE,
        }
    }
}

/// A call as it travels to the leader.
pub(super) fn encode_call(asker: Asker, limit: Duration, ask: call::Ask) -> Bytes {
    let Visitor { client, manner } = asker.visitor;
    let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
    wire::Call {
        limit_ms,
        hops: 1,
        request_id: asker.request_id,
        client,
        pressing: manner == Manner::Pressing,
        ask: Some(ask),
    }
    .encode_to_vec()
    .into()
}

/// What a request is for: whether the log decides it.
pub(super) fn purpose_of(request: &Request) -> Purpose {
    match request {
        Request::Read(_) | Request::Glance(_) => Purpose::Read,
        Request::Admit(_)
        | Request::Submit { .. }
        | Request::Cancel { .. }
        | Request::Spawn { .. }
        | Request::Stop { .. }
        | Request::Declare(_)
        | Request::Withdraw { .. }
        | Request::Operate(_) => Purpose::Decide,
    }
}
