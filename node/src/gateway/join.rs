//! Joining, seen from the node that wants to: the call to send to any member, and what its reply means.

use bytes::Bytes;
use hms_consensus::input::Admission;
use hms_proto::v1::{self as wire, call, reply};
use hms_protocol::codec::{Wire as _, field};
use hms_protocol::id::MeshId;
use hms_protocol::member::{Member, RosterView};
use hms_protocol::refusal::Refusal;
use prost::Message as _;

use super::Gateway;
use super::asker::Asker;
use super::failure::Failure;
use super::redirect::Errand;
use crate::limits::CALL_WITHIN;

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

/// The call with which a node asks any member to be admitted. The member takes it to the leader.
pub fn ask_to_join(admission: &Admission) -> Bytes {
    let limit_ms = u64::try_from(CALL_WITHIN.as_millis()).unwrap_or(u64::MAX);
    let ask = call::Ask::Join(wire::JoinRequest {
        admission: Some(admission.to_wire()),
    });
    wire::Call {
        limit_ms,
        hops: 0,
        request_id: "join".to_owned(),
        client: 0,
        pressing: false,
        ask: Some(ask),
    }
    .encode_to_vec()
    .into()
}

impl Gateway {
    /// Has the mesh take what this node, a member, says of itself.
    pub async fn admit(&self, admission: &Admission) -> Result<(), Failure> {
        let deadline = crate::clock::instant() + CALL_WITHIN;
        let ask = call::Ask::Join(wire::JoinRequest {
            admission: Some(admission.to_wire()),
        });
        let errand = Errand::new(Asker::node("admit"), ask, deadline)?;
        self.hall.settle(&errand).await.map(drop)
    }
}

/// Reads the one reply to [`ask_to_join`].
pub fn read_join_reply(frame: Bytes) -> Result<Joined, Failure> {
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
    use hms_protocol::token::TokenRefusal;

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
            proof: None,
        };
        let call = wire::Call::decode(ask_to_join(&admission)).unwrap();
        let Some(wire::call::Ask::Join(request)) = call.ask else {
            panic!("not a join")
        };
        assert_eq!(call::admission(request), Ok(admission));
    }

    #[test]
    fn a_refusal_to_admit_keeps_its_code() {
        let failure = Failure::from(Refusal::Token(TokenRefusal::Used));
        let reply = reply::Reply::Failure(failure.clone().into());
        let frame = wire::Reply { reply: Some(reply) }.encode_to_vec();
        assert_eq!(read_join_reply(frame.into()), Err(failure));
        assert_eq!(
            read_join_reply(vec![255; 9].into()).unwrap_err().code(),
            "HMS-MALFORMED"
        );
        assert_eq!(
            read_join_reply(Bytes::new()).unwrap_err().code(),
            "HMS-MALFORMED"
        );
    }
}
