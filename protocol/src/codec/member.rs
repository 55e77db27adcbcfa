//! Members on the wire, and the roster as a worker gets it.

use hms_proto::v1;

use super::{CodecError, Wire, WireEnum, field};
use crate::id::Incarnation;
use crate::limits;
use crate::member::{Member, MemberStanding, Presence, Role, RosterView, Seat};
use crate::time::Moment;
use crate::wire_enum;

wire_enum!(Role, v1::Role, { Voter, Worker });
wire_enum!(Presence, v1::Presence, { Present, Lost });
wire_enum!(MemberStanding, v1::MemberStanding, { Good, Quarantined, Revoked });
wire_enum!(Seat, v1::Seat, { None, Spare, Voter });

/// The addresses of a node.
pub fn addresses(field: &'static str, entries: Vec<String>) -> Result<Vec<String>, CodecError> {
    field::list(field, entries, limits::ADDRESSES_MAX, |address| {
        field::text(field, address, limits::ADDRESS_BYTES_MAX)
    })
}

impl Wire for Member {
    type Message = v1::Member;
    const NAME: &'static str = "member";

    fn to_wire(&self) -> v1::Member {
        v1::Member {
            id: self.id.as_bytes().to_vec(),
            name: self.name.to_string(),
            role: self.role.to_number(),
            addresses: self.addresses.clone(),
            gateway: self.gateway.clone(),
            incarnation: self.incarnation.0,
            presence: self.presence.to_number(),
            votes: self.votes,
            admitted_at_ms: self.admitted_at.0,
            standing: self.standing.to_number(),
            seat: self.seat.to_number(),
            listens: self.listens,
            presence_since_ms: self.presence_since.0,
            cordoned: self.cordoned,
        }
    }

    fn from_wire(message: v1::Member) -> Result<Self, CodecError> {
        Ok(Self {
            id: field::node_id("member.id", &message.id)?,
            name: field::name("member.name", &message.name)?,
            role: Role::from_number("member.role", message.role)?,
            addresses: addresses("member.addresses", message.addresses)?,
            gateway: field::text("member.gateway", message.gateway, limits::ADDRESS_BYTES_MAX)?,
            incarnation: Incarnation(message.incarnation),
            presence: Presence::from_number("member.presence", message.presence)?,
            votes: message.votes,
            admitted_at: Moment(message.admitted_at_ms),
            standing: MemberStanding::from_number("member.standing", message.standing)?,
            seat: Seat::from_number("member.seat", message.seat)?,
            listens: message.listens,
            presence_since: Moment(message.presence_since_ms),
            cordoned: message.cordoned,
        })
    }
}

impl Wire for RosterView {
    type Message = v1::RosterView;
    const NAME: &'static str = "roster";

    fn to_wire(&self) -> v1::RosterView {
        v1::RosterView {
            revision: self.revision,
            members: self.members.iter().map(Wire::to_wire).collect(),
        }
    }

    fn from_wire(message: v1::RosterView) -> Result<Self, CodecError> {
        Ok(Self {
            revision: message.revision,
            members: field::parts("roster.members", message.members, limits::MEMBERS_MAX)?.into(),
        })
    }
}
