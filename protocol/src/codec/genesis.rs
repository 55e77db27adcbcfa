//! The genesis of a mesh on the wire. What is read is signed by the operator whom it names, or it is not read.

use hms_proto::v1;

use super::{CodecError, Wire, WireEnum, decode_exact, field};
use crate::genesis::{Founding, Genesis};
use crate::limits;
use crate::time::Moment;
use crate::trust::Trust;
use crate::wire_enum;

wire_enum!(Trust, v1::Trust, { Crash, Byzantine });

/// Reads an encoded genesis: the content of a genesis file. Only the one form that it has is accepted.
pub fn read(bytes: &[u8]) -> Result<Genesis, CodecError> {
    field::check_length("genesis", bytes.len(), limits::GENESIS_BYTES_MAX)?;
    decode_exact(bytes)
}

impl Wire for Genesis {
    type Message = v1::Genesis;
    const NAME: &'static str = "genesis";

    fn to_wire(&self) -> v1::Genesis {
        let founding = self.founding();
        v1::Genesis {
            founder: Some(v1::Admission {
                id: founding.founder.as_bytes().to_vec(),
                name: founding.name.to_string(),
                ..v1::Admission::default()
            }),
            voters_wanted: founding.voters_wanted,
            founded_at_ms: founding.founded_at.0,
            salt: founding.salt.to_vec(),
            trust: founding.trust.to_number(),
            operator: founding.operator.as_bytes().to_vec(),
            replace_voter_after_ms: founding.replace_voter_after_ms,
            signature: self.signature().as_bytes().to_vec(),
        }
    }

    fn from_wire(message: v1::Genesis) -> Result<Self, CodecError> {
        let founder = field::required("genesis.founder", message.founder)?;
        let founding = Founding {
            operator: field::public_key("genesis.operator", &message.operator)?,
            founder: field::node_id("genesis.founder.id", &founder.id)?,
            name: field::name("genesis.founder.name", &founder.name)?,
            voters_wanted: message.voters_wanted,
            replace_voter_after_ms: message.replace_voter_after_ms,
            trust: Trust::from_number("genesis.trust", message.trust)?,
            founded_at: Moment(message.founded_at_ms),
            salt: *field::hash("genesis.salt", &message.salt)?.as_bytes(),
        };
        let signature = field::signature("genesis.signature", &message.signature)?;
        founding.signed(signature).ok_or(CodecError::Contradiction {
            field: "genesis.signature",
            reason: "the operator whom it names has not signed it",
        })
    }
}
