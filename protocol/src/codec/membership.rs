//! Changes of membership on the wire: the numbers are those of Raft's own `ConfChange`, so that whoever has no Raft can read
//! the log.

use hms_proto::v1;

use super::{CodecError, Wire, field};
use crate::membership::{Becomes, MemberChange, raft_id};

impl Wire for MemberChange {
    type Message = v1::MemberChange;
    const NAME: &'static str = "change of membership";

    fn to_wire(&self) -> v1::MemberChange {
        use v1::member_change::Kind;
        let kind = match self.becomes {
            Becomes::Voter => Kind::Voter,
            Becomes::Removed => Kind::Removed,
            Becomes::Learner => Kind::Learner,
        };
        v1::MemberChange {
            id: 0,
            change_type: kind.into(),
            node_id: raft_id(self.node),
            context: self.node.as_bytes().to_vec(),
        }
    }

    fn from_wire(message: v1::MemberChange) -> Result<Self, CodecError> {
        use v1::member_change::Kind;
        let becomes = match Kind::try_from(message.change_type) {
            Ok(Kind::Voter) => Becomes::Voter,
            Ok(Kind::Removed) => Becomes::Removed,
            Ok(Kind::Learner) => Becomes::Learner,
            Err(_) => {
                return Err(CodecError::UnknownValue {
                    field: "change.change_type",
                    value: message.change_type,
                });
            }
        };
        let node = field::node_id("change.context", &message.context)?;
        if message.id != 0 || message.node_id != raft_id(node) {
            return Err(CodecError::Contradiction {
                field: "change.node_id",
                reason: "it does not follow from the node's key",
            });
        }
        Ok(Self { node, becomes })
    }
}
