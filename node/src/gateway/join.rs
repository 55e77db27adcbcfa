//! Joining, seen from the node that wants to: the call to send to any member, and what its reply means.

use bytes::Bytes;
use hms_consensus::input::Admission;
use hms_proto::v1::{self as wire, call, reply};
use hms_protocol::codec::{WireEnum, field};
use hms_protocol::id::MeshId;
use hms_protocol::member::{Member, RosterView};
use hms_protocol::refusal::Refusal;
use prost::Message as _;

use super::failure::Failure;
use crate::limits::CALL_WITHIN;
use crate::net::{CallError, Net};

/// What a node that was admitted knows of its mesh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The mesh.
    pub mesh: MeshId,
    /// What the node is now.
    pub member: Member,
    /// Everybody.
    pub roster: RosterView,
}

/// Why a node was not admitted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// No answer came.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The mesh says no, or cannot say yes now.
    #[error(transparent)]
    Refused(#[from] Failure),
}

impl JoinError {
    /// The stable code. One that only a newer mesh knows becomes `HMS-JOIN-REFUSED`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Call(error) => error.code(),
            Self::Refused(failure) => known(failure.code()).0,
        }
    }

    /// What the operator can do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Call(error) => error.hint(),
            Self::Refused(failure) => known(failure.code()).1,
        }
    }

    /// Whether asking again would bring the same answer.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Call(error) => matches!(error, CallError::BadAddress { .. }),
            Self::Refused(failure) => {
                let passes = failure.is_passing() || failure.is_uncertain();
                !passes && failure.code() != "HMS-BUSY"
            }
        }
    }
}

/// Codes with which a mesh refuses a node, each with its hint.
const REFUSALS: [(&str, &str); 6] = [
    (
        "HMS-BAD-TOKEN",
        "copy the join command that a node of the mesh printed when it started",
    ),
    ("HMS-NAME-TAKEN", "start the node with another --name"),
    ("HMS-OUT-OF-RANGE", "the mesh is full"),
    ("HMS-INVALID", "correct the setting that is named"),
    ("HMS-TOO-LARGE", "shorten the setting that is named"),
    (
        "HMS-NO-QUORUM",
        "start the missing voters of the mesh first",
    ),
];

fn known(code: &str) -> (&'static str, &'static str) {
    let fallback = (
        "HMS-JOIN-REFUSED",
        "compare the versions of this node and the mesh",
    );
    REFUSALS
        .into_iter()
        .find(|(known, _)| *known == code)
        .unwrap_or(fallback)
}

/// Asks the member that listens at `address` to be admitted. It takes the wish to the leader and waits for a leader if
/// there is none.
pub async fn ask_to_join(net: &Net, address: &str, wish: &Admission) -> Result<Joined, JoinError> {
    let (_, mut replies) = net.call_address(address, encode(wish), CALL_WITHIN).await?;
    Ok(read(replies.only().await?)?)
}

/// A wish to join as it travels.
fn encode(admission: &Admission) -> Bytes {
    let admission = wire::Admission {
        id: admission.id.as_bytes().to_vec(),
        name: admission.name.to_string(),
        role: admission.role.map(WireEnum::to_number),
        addresses: admission.addresses.clone(),
        gateway: admission.gateway.clone(),
        token: admission.token.clone(),
    };
    // A little less than the call itself may take, so that the answer is still heard.
    let limit_ms = u64::try_from(CALL_WITHIN.as_millis() * 9 / 10).unwrap_or(u64::MAX);
    let ask = call::Ask::Join(wire::JoinRequest {
        admission: Some(admission),
    });
    wire::Call {
        limit_ms,
        hops: 0,
        request_id: "join".to_owned(),
        ask: Some(ask),
    }
    .encode_to_vec()
    .into()
}

/// Reads the one reply to a wish to join.
fn read(frame: Bytes) -> Result<Joined, Failure> {
    let reply = wire::Reply::decode(frame)
        .map_err(|error| Failure::malformed(&format!("the reply cannot be read: {error}")))?;
    match reply.reply {
        Some(reply::Reply::Join(reply)) => joined(reply).map_err(Failure::from),
        Some(reply::Reply::Failure(failure)) => Err(failure.into()),
        Some(_) | None => Err(Failure::malformed(
            "the reply is not that to a wish to join",
        )),
    }
}

fn joined(reply: wire::JoinReply) -> Result<Joined, Refusal> {
    Ok(Joined {
        mesh: field::mesh_id("join.mesh", &reply.mesh)?,
        member: field::part("join.member", reply.member)?,
        roster: field::part("join.roster", reply.roster)?,
    })
}

#[cfg(test)]
mod tests {
    use hms_protocol::id::NodeId;
    use hms_protocol::member::Role;

    use super::*;
    use crate::gateway::call;

    #[test]
    fn a_wish_to_join_arrives_as_it_was_sent() {
        let admission = Admission {
            id: NodeId::from_bytes([3; 32]),
            name: "n3".parse().unwrap(),
            role: Some(Role::Worker),
            addresses: vec!["/ip4/127.0.0.1/tcp/1".to_owned()],
            gateway: "127.0.0.1:2".to_owned(),
            token: vec![7; 32],
        };
        let call = wire::Call::decode(encode(&admission)).unwrap();
        let Some(wire::call::Ask::Join(request)) = call.ask else {
            panic!("not a join")
        };
        assert_eq!(call::admission(request), Ok(admission));
    }

    #[test]
    fn a_refusal_to_admit_keeps_its_code() {
        let failure = Failure::from(Refusal::BadToken);
        let reply = reply::Reply::Failure(failure.clone().into());
        let frame = wire::Reply { reply: Some(reply) }.encode_to_vec();
        assert_eq!(read(frame.into()), Err(failure));
        assert_eq!(
            read(vec![255; 9].into()).unwrap_err().code(),
            "HMS-MALFORMED"
        );
        assert_eq!(read(Bytes::new()).unwrap_err().code(), "HMS-MALFORMED");
    }

    #[test]
    fn only_what_will_not_change_ends_the_wish() {
        let refused = |refusal: Refusal| JoinError::from(Failure::from(refusal));
        let token = refused(Refusal::BadToken);
        assert_eq!((token.is_final(), token.code()), (true, "HMS-BAD-TOKEN"));
        for passing in [
            refused(Refusal::OutcomeUnknown),
            refused(Refusal::Busy {
                what: "the mailbox",
                max: 1,
            }),
            JoinError::from(CallError::Cut),
        ] {
            assert!(!passing.is_final(), "{passing}");
        }
        assert_eq!(refused(Refusal::OutcomeUnknown).code(), "HMS-JOIN-REFUSED");
    }
}
