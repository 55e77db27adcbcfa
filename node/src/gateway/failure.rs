//! Why a call failed, as it travels: a stable code, a sentence, a hint and the values that a machine may want.
//!
//! A [`Refusal`] is the mesh's answer; the other failures are those of the way to it. What a failure looks like in gRPC
//! is decided here too, so that every door shows the same one. It decides nothing about repeating a call but whether
//! that could help.

mod details;

use std::collections::BTreeMap;
use std::time::Duration;

use hms_proto::v1 as wire;
use hms_protocol::id::NodeId;
use hms_protocol::refusal::Refusal;
use prost::Message as _;
use tonic::metadata::{Ascii, MetadataMap, MetadataValue};
use tonic::{Code, Status};

use crate::store::StoreError;

/// Trailer that carries the stable code.
pub(super) const CODE_TRAILER: &str = "hms-code";

/// Trailer that carries the hint.
pub(super) const HINT_TRAILER: &str = "hms-hint";

const MALFORMED: &str = "HMS-MALFORMED";
const NOT_A_MEMBER: &str = "HMS-NOT-A-MEMBER";
const STOPPING: &str = "HMS-STOPPING";
const TOO_MANY_CALLS: &str = "HMS-TOO-MANY-CALLS";
const UNKNOWN_CALL: &str = "HMS-UNKNOWN-CALL";
const UNREACHABLE: &str = "HMS-UNREACHABLE";

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    code: String,
    message: String,
    hint: String,
    details: BTreeMap<String, String>,
}

impl Failure {
    fn new(code: &str, message: String, hint: &str) -> Self {
        Self {
            code: code.to_owned(),
            message,
            hint: hint.to_owned(),
            details: BTreeMap::new(),
        }
    }

    /// The call cannot be read: a frame that is not a message, or one without what it needs.
    pub fn malformed(what: &str) -> Self {
        let message = format!("the call cannot be read: {what}");
        Self::new(
            MALFORMED,
            message,
            "compare the versions of the client and the node",
        )
    }

    /// The call has more bytes than one may have.
    pub fn oversized(bytes_max: usize, why: &str) -> Self {
        let message =
            format!("the call is too large: at most {bytes_max} bytes are allowed ({why})");
        let hint = "send less, or keep the content elsewhere and send its digest";
        let mut failure = Self::new("HMS-TOO-LARGE", message, hint);
        failure
            .details
            .insert("max".to_owned(), bytes_max.to_string());
        failure
    }

    /// One client makes more calls in a second than it may.
    pub fn too_many(calls_max: u32, retry_after_ms: u64) -> Self {
        let message = format!(
            "too many calls: one connection may begin {calls_max} in a second; the next one is taken in {retry_after_ms} ms"
        );
        let mut failure = Self::new(
            TOO_MANY_CALLS,
            message,
            "wait for so long, or ask for several things in one call",
        );
        failure.details.extend([
            ("max".to_owned(), calls_max.to_string()),
            ("retry_after_ms".to_owned(), retry_after_ms.to_string()),
        ]);
        failure
    }

    /// Too many calls of one client wait for their turn.
    pub fn too_many_waiting(calls_max: usize, retry_after: Duration) -> Self {
        let retry_after_ms = retry_after.as_millis();
        let message = format!(
            "too many calls: {calls_max} of this client wait for their turn already; come again in {retry_after_ms} ms"
        );
        let hint = "wait for answers before asking for more";
        let mut failure = Self::new(TOO_MANY_CALLS, message, hint);
        failure.details.extend([
            ("max".to_owned(), calls_max.to_string()),
            ("retry_after_ms".to_owned(), retry_after_ms.to_string()),
        ]);
        failure
    }

    /// The service has no such call.
    pub fn unknown_call() -> Self {
        let message = "this node does not know the call".to_owned();
        Self::new(
            UNKNOWN_CALL,
            message,
            "compare the versions of the client and the node",
        )
    }

    /// Somebody asked over the mesh's own network who does not belong to it.
    pub fn stranger(node: NodeId) -> Self {
        let message = format!("node {node} is not a member: it may only ask to join");
        Self::new(NOT_A_MEMBER, message, "join the mesh first")
    }

    /// The node is going down and takes no more calls.
    pub fn stopping() -> Self {
        Self::new(
            STOPPING,
            "the node is stopping".to_owned(),
            "ask another node",
        )
    }

    /// The leader is known but no call gets through to it.
    pub fn unreachable(node: NodeId, why: &str) -> Self {
        let message = format!("node {node} cannot be reached from here: {why}");
        let mut failure = Self::new(
            UNREACHABLE,
            message,
            "ask another node, and check the links",
        );
        failure.details.insert("node".to_owned(), node.to_string());
        failure
    }

    /// This node's own disk does not say what it should.
    pub fn unreadable(error: &StoreError) -> Self {
        Self::new(error.code(), error.to_string(), error.hint())
    }

    /// The connection to a node broke before it had answered.
    pub fn cut(node: NodeId, why: &str) -> Self {
        let unknown = Self::from(Refusal::OutcomeUnknown);
        Self {
            message: format!("the call to node {node} broke off: {why}"),
            ..unknown
        }
    }

    /// No leader was found in time.
    pub fn leaderless(within_ms: u64, voters: usize) -> Self {
        let need = voters / 2 + 1;
        let message =
            format!("no leader within {within_ms} ms: {need} of {voters} voters have to be up");
        let mut failure = Self::new(
            "HMS-NO-QUORUM",
            message,
            "start the missing voters; if they are lost for good, `hms operator raft recover`",
        );
        failure
            .details
            .insert("voters".to_owned(), voters.to_string());
        failure.details.insert("need".to_owned(), need.to_string());
        failure
    }

    /// Something did not come to an end in its time.
    pub fn too_slow(what: &'static str, within_ms: u64) -> Self {
        Refusal::TooSlow { what, within_ms }.into()
    }

    /// The stable code.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What happened, for people.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What the caller can do.
    pub fn hint(&self) -> &str {
        &self.hint
    }

    /// A value that belongs to the failure.
    pub fn detail(&self, name: &str) -> Option<&str> {
        self.details.get(name).map(String::as_str)
    }

    /// The leader that a node which does not lead points to.
    pub fn leader(&self) -> Option<NodeId> {
        self.detail("leader")?.parse().ok()
    }

    /// Whether the same call, with the same ids, may succeed later or elsewhere.
    pub fn is_passing(&self) -> bool {
        matches!(
            self.code.as_str(),
            "HMS-NOT-LEADER" | "HMS-NO-QUORUM" | "HMS-OUTCOME-UNKNOWN" | UNREACHABLE | STOPPING
        )
    }

    /// Whether the call may have taken effect although it failed.
    pub fn is_uncertain(&self) -> bool {
        matches!(self.code.as_str(), "HMS-OUTCOME-UNKNOWN" | "HMS-TOO-SLOW")
    }

    /// The gRPC code that comes nearest.
    pub(super) fn grpc_code(&self) -> Code {
        match self.code.as_str() {
            "HMS-UNKNOWN-TASK"
            | "HMS-UNKNOWN-SKILL"
            | "HMS-UNKNOWN-AGENT"
            | "HMS-UNKNOWN-NODE"
            | "HMS-UNKNOWN-SERVICE"
            | "HMS-UNKNOWN-EVIDENCE" => Code::NotFound,
            "HMS-TASK-EXISTS" | "HMS-NAME-TAKEN" => Code::AlreadyExists,
            "HMS-EXCLUDED" | "HMS-AGENT-REVOKED" | "HMS-ORDER-FORGED" | NOT_A_MEMBER => {
                Code::PermissionDenied
            }
            token if token.starts_with("HMS-TOKEN-") => Code::PermissionDenied,
            "HMS-BAD-SIGNATURE" => Code::Unauthenticated,
            "HMS-DEADLINE-PASSED" | "HMS-OUT-OF-RANGE" | "HMS-INVALID" | MALFORMED => {
                Code::InvalidArgument
            }
            UNKNOWN_CALL => Code::Unimplemented,
            "HMS-TOO-LARGE" => Code::OutOfRange,
            "HMS-BUSY" | TOO_MANY_CALLS => Code::ResourceExhausted,
            "HMS-NOT-LEADER" | "HMS-NO-QUORUM" | UNREACHABLE | STOPPING => Code::Unavailable,
            "HMS-OUTCOME-UNKNOWN" => Code::Aborted,
            "HMS-TOO-SLOW" => Code::DeadlineExceeded,
            // Wrong state, stale attempt, unfit; and whatever a newer leader may answer.
            _ => Code::FailedPrecondition,
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let details = details::details_of(&refusal);
        Self {
            code: refusal.code().to_owned(),
            message: refusal.to_string(),
            hint: refusal.hint().to_owned(),
            details: details
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        }
    }
}

impl From<wire::Failure> for Failure {
    fn from(failure: wire::Failure) -> Self {
        let wire::Failure {
            code,
            message,
            hint,
            details,
        } = failure;
        Self {
            code,
            message,
            hint,
            details,
        }
    }
}

impl From<Failure> for wire::Failure {
    fn from(failure: Failure) -> Self {
        let Failure {
            code,
            message,
            hint,
            details,
        } = failure;
        Self {
            code,
            message,
            hint,
            details,
        }
    }
}

impl From<Failure> for Status {
    fn from(failure: Failure) -> Self {
        let mut trailers = MetadataMap::new();
        trailers.insert(CODE_TRAILER, printable(&failure.code));
        trailers.insert(HINT_TRAILER, printable(&failure.hint));
        let code = failure.grpc_code();
        let message = failure.message.clone();
        let details = wire::Failure::from(failure).encode_to_vec();
        Status::with_details_and_metadata(code, message, details.into(), trailers)
    }
}

/// A trailer holds printable ASCII; anything else, which only a foreign leader's hint could hold, becomes `?`.
fn printable(text: &str) -> MetadataValue<Ascii> {
    let text: String = text
        .chars()
        .map(|letter| {
            if letter == ' ' || letter.is_ascii_graphic() {
                letter
            } else {
                '?'
            }
        })
        .collect();
    MetadataValue::try_from(text).expect("printable ASCII is a valid trailer")
}

#[cfg(test)]
mod tests {
    use hms_protocol::token::TokenRefusal;

    use super::*;

    const NODE: NodeId = NodeId::from_bytes([7; 32]);

    #[test]
    fn a_refusal_keeps_its_code_its_hint_and_its_values_on_the_way() {
        let failure = Failure::from(Refusal::NotLeader { leader: Some(NODE) });
        let returned = Failure::from(wire::Failure::from(failure.clone()));
        assert_eq!(returned, failure);
        assert_eq!(returned.leader(), Some(NODE));
        assert!(returned.is_passing() && !returned.is_uncertain());
    }

    #[test]
    fn a_status_carries_code_and_hint_as_trailers_and_the_whole_failure_as_details() {
        let status = Status::from(Failure::from(Refusal::TooLarge {
            what: "x",
            bytes: 2,
            max: 1,
        }));
        assert_eq!(status.code(), Code::OutOfRange);
        assert_eq!(
            status.metadata().get(CODE_TRAILER).unwrap(),
            "HMS-TOO-LARGE"
        );
        let details = wire::Failure::decode(status.details()).unwrap();
        assert_eq!(details.details["max"], "1");
    }

    #[test]
    fn a_hint_that_no_trailer_can_hold_is_made_printable() {
        let foreign = wire::Failure {
            hint: "naïve\n".to_owned(),
            ..wire::Failure::default()
        };
        let status = Status::from(Failure::from(foreign));
        assert_eq!(status.metadata().get(HINT_TRAILER).unwrap(), "na?ve?");
    }

    #[test]
    fn a_refusal_is_never_repeated_but_a_lost_leader_is() {
        assert!(!Failure::from(Refusal::Token(TokenRefusal::Used)).is_passing());
        assert!(
            !Failure::from(Refusal::Busy {
                what: "mailbox",
                max: 1
            })
            .is_passing()
        );
        assert!(Failure::from(Refusal::OutcomeUnknown).is_passing());
        assert!(!Failure::unreachable(NODE, "no link").is_uncertain());
        assert!(Failure::cut(NODE, "no link").is_uncertain());
        assert!(Failure::leaderless(10, 3).is_passing());
    }
}
