//! Why a call did not succeed: the mesh said no, or nobody could be asked.

use std::collections::BTreeMap;
use std::time::Duration;

use hms_proto::v1 as wire;
use hms_protocol::codec::CodecError;
use prost::Message as _;
use tonic::{Code, Status};

use crate::client::Address;

/// What the mesh says when it says no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The stable code, for example `HMS-UNKNOWN-TASK`.
    pub code: String,
    /// What happened, for people.
    pub message: String,
    /// What the caller can do.
    pub hint: String,
    /// Values that a machine may want.
    pub details: BTreeMap<String, String>,
}

/// Why a call did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The mesh said no.
    #[error(transparent)]
    Refused(#[from] Failure),
    /// No address answered.
    #[error("no node answers: {}", tried.join("; "))]
    Unreachable {
        /// Each address, and why it did not.
        tried: Vec<String>,
    },
    /// The call did not come to an end in its time.
    #[error("no answer within {} ms", within.as_millis())]
    TooSlow {
        /// How long was waited.
        within: Duration,
    },
    /// A text is not the address of a gateway.
    #[error("{text:?} is not an address: {reason}")]
    BadAddress {
        /// The text.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No address was given at all.
    #[error("there is no address to ask")]
    NoAddress,
    /// The request is too large to be sent.
    #[error("the call has {bytes} bytes: at most {max} are allowed")]
    TooLarge {
        /// How large it is.
        bytes: usize,
        /// How large it may be.
        max: usize,
    },
    /// The answer makes no sense to this version of the client.
    #[error("the answer cannot be read: {0}")]
    Unreadable(#[from] CodecError),
    /// A node answers in a way that no gateway does.
    #[error("{address} does not answer like a gateway: {reason}")]
    NoGateway {
        /// The address.
        address: Address,
        /// What it answers.
        reason: String,
    },
}

/// What kind of failure it is, for exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The request cannot be fulfilled.
    Refused,
    /// The mesh cannot be reached, or cannot decide for want of a quorum.
    Unavailable,
    /// The time was up.
    TimedOut,
}

impl ClientError {
    /// The stable code.
    pub fn code(&self) -> &str {
        match self {
            Self::Refused(failure) => &failure.code,
            Self::Unreachable { .. } => "HMS-UNREACHABLE",
            Self::TooSlow { .. } => "HMS-TOO-SLOW",
            Self::BadAddress { .. } => "HMS-BAD-ADDRESS",
            Self::NoAddress => "HMS-NO-ADDRESS",
            Self::TooLarge { .. } => "HMS-TOO-LARGE",
            Self::Unreadable(_) => "HMS-UNREADABLE",
            Self::NoGateway { .. } => "HMS-NO-GATEWAY",
        }
    }

    /// What the caller can do.
    pub fn hint(&self) -> &str {
        match self {
            Self::Refused(failure) => &failure.hint,
            Self::Unreachable { .. } => {
                "start a node, or name the gateway of a running one (it prints `gateway` when it starts)"
            }
            Self::TooSlow { .. } => "look at the mesh's status, or allow more time",
            Self::BadAddress { .. } => "write HOST:PORT, for example 127.0.0.1:7400",
            Self::NoAddress => "name at least one gateway",
            Self::TooLarge { .. } => "send less, or keep the content elsewhere and send its digest",
            Self::Unreadable(_) => "compare the versions of the client and the node",
            Self::NoGateway { .. } => {
                "check the port: a node has one for its gateway and one for metrics"
            }
        }
    }

    /// What kind of failure it is.
    pub fn class(&self) -> Class {
        match self.code() {
            "HMS-NO-QUORUM"
            | "HMS-NOT-LEADER"
            | "HMS-OUTCOME-UNKNOWN"
            | "HMS-UNREACHABLE"
            | "HMS-STOPPING"
            | "HMS-NO-GATEWAY" => Class::Unavailable,
            "HMS-TOO-SLOW" => Class::TimedOut,
            _ => Class::Refused,
        }
    }

    /// Whether another node may do better with the same call.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self.class(), Class::Unavailable | Class::TimedOut)
    }
}

impl Failure {
    /// What a gateway said; `None` if it was not a gateway that spoke, but the way to it.
    pub(crate) fn of(status: &Status) -> Option<Self> {
        let told = wire::Failure::decode(status.details())
            .ok()
            .filter(|told| !told.code.is_empty());
        if let Some(wire::Failure {
            code,
            message,
            hint,
            details,
        }) = told
        {
            return Some(Self {
                code,
                message,
                hint,
                details,
            });
        }
        let trailer = |name| Some(status.metadata().get(name)?.to_str().ok()?.to_owned());
        Some(Self {
            code: trailer("hms-code")?,
            message: status.message().to_owned(),
            hint: trailer("hms-hint").unwrap_or_default(),
            details: BTreeMap::new(),
        })
    }
}

/// Why a status without a code came: the transport's own words.
pub(crate) fn transport_reason(status: &Status) -> String {
    let plain = [
        Code::Unavailable,
        Code::Unknown,
        Code::Internal,
        Code::Cancelled,
    ];
    let mut reason = String::new();
    if !plain.contains(&status.code()) {
        reason = format!("{:?}: ", status.code());
    }
    reason.push_str(status.message());
    // The innermost cause says most: "connection refused" rather than "transport error".
    let mut cause = std::error::Error::source(status);
    while let Some(error) = cause {
        if error.source().is_none() {
            reason = error.to_string();
        }
        cause = error.source();
    }
    reason
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str) -> ClientError {
        let (message, hint) = (String::new(), String::new());
        Failure {
            code: code.to_owned(),
            message,
            hint,
            details: BTreeMap::new(),
        }
        .into()
    }

    #[test]
    fn the_class_follows_from_the_code() {
        assert_eq!(refused("HMS-NO-QUORUM").class(), Class::Unavailable);
        assert_eq!(refused("HMS-TOO-SLOW").class(), Class::TimedOut);
        assert_eq!(refused("HMS-UNKNOWN-TASK").class(), Class::Refused);
        assert_eq!(
            ClientError::Unreachable { tried: Vec::new() }.class(),
            Class::Unavailable
        );
    }

    #[test]
    fn a_failure_is_read_from_details_or_else_from_trailers() {
        let told = wire::Failure {
            code: "HMS-X".to_owned(),
            ..wire::Failure::default()
        };
        let status = Status::with_details(Code::NotFound, "no", told.encode_to_vec().into());
        assert_eq!(Failure::of(&status).unwrap().code, "HMS-X");

        let mut bare = Status::not_found("gone");
        bare.metadata_mut()
            .insert("hms-code", "HMS-Y".parse().unwrap());
        assert_eq!(Failure::of(&bare).unwrap().code, "HMS-Y");
        assert_eq!(Failure::of(&Status::unavailable("tcp")), None);
    }
}
