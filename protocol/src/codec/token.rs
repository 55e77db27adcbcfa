//! Join tokens on the wire. Decoding checks forms only: `JoinProof::check` checks who signed what.

use hms_proto::v1;

use super::{CodecError, Wire, WireEnum, field};
use crate::keyring::SecretKey;
use crate::member::Role;
use crate::time::Moment;
use crate::token::{Invitation, JoinProof, JoinToken};

impl Wire for JoinToken {
    type Message = v1::JoinToken;
    const NAME: &'static str = "join token";

    fn to_wire(&self) -> v1::JoinToken {
        v1::JoinToken {
            mesh: self.mesh.as_bytes().to_vec(),
            role: self.role.to_number(),
            expires_at_ms: self.expires_at.0,
            key: self.key.as_bytes().to_vec(),
            signature: self.signature.as_bytes().to_vec(),
        }
    }

    fn from_wire(message: v1::JoinToken) -> Result<Self, CodecError> {
        Ok(Self {
            mesh: field::mesh_id("token.mesh", &message.mesh)?,
            role: Role::from_number("token.role", message.role)?,
            expires_at: Moment(message.expires_at_ms),
            key: field::public_key("token.key", &message.key)?,
            signature: field::signature("token.signature", &message.signature)?,
        })
    }
}

impl Wire for JoinProof {
    type Message = v1::JoinProof;
    const NAME: &'static str = "join proof";

    fn to_wire(&self) -> v1::JoinProof {
        v1::JoinProof {
            token: Some(self.token.to_wire()),
            signature: self.signature.as_bytes().to_vec(),
        }
    }

    fn from_wire(message: v1::JoinProof) -> Result<Self, CodecError> {
        Ok(Self {
            token: field::part("proof.token", message.token)?,
            signature: field::signature("proof.signature", &message.signature)?,
        })
    }
}

impl Wire for Invitation {
    type Message = v1::Invitation;
    const NAME: &'static str = "invitation";

    fn to_wire(&self) -> v1::Invitation {
        v1::Invitation {
            token: Some(self.token().to_wire()),
            secret: self.seed().to_vec(),
        }
    }

    fn from_wire(message: v1::Invitation) -> Result<Self, CodecError> {
        let token = field::part("invitation.token", message.token)?;
        let seed = *field::hash("invitation.secret", &message.secret)?.as_bytes();
        let made = Self::of(token, SecretKey::from_seed(&seed));
        made.ok_or(CodecError::Contradiction {
            field: "invitation.secret",
            reason: "it is not that of the token",
        })
    }
}
