//! Agents on the wire: certificates, and the roster's records of them. Decoding does not check a certificate's
//! signature: `AgentCertificate::verify` does.

use hms_proto::v1;

use super::{CodecError, Wire, WireEnum, field};
use crate::agent::{Agent, AgentCertificate, AgentStanding};
use crate::limits;
use crate::time::Moment;
use crate::wire_enum;

wire_enum!(AgentStanding, v1::AgentStanding, { Ready, Quarantined, Stopped, Revoked });

impl Wire for AgentCertificate {
    type Message = v1::AgentCertificate;
    const NAME: &'static str = "agent certificate";

    fn to_wire(&self) -> v1::AgentCertificate {
        v1::AgentCertificate {
            agent: self.agent.as_bytes().to_vec(),
            key: self.key.as_bytes().to_vec(),
            node: self.node.as_bytes().to_vec(),
            skills: self.skills.iter().map(ToString::to_string).collect(),
            offers: self.offers.iter().cloned().collect(),
            slots: self.slots,
            issued_at_ms: self.issued_at.0,
            signature: self.signature.as_bytes().to_vec(),
        }
    }

    fn from_wire(message: v1::AgentCertificate) -> Result<Self, CodecError> {
        let (count, length) = (limits::LABELS_MAX, limits::LABEL_BYTES_MAX);
        if message.slots > limits::SLOTS_MAX {
            return Err(CodecError::OutOfRange {
                field: "certificate.slots",
                value: message.slots.into(),
                max: limits::SLOTS_MAX.into(),
            });
        }
        Ok(Self {
            agent: field::agent_id("certificate.agent", &message.agent)?,
            key: field::public_key("certificate.key", &message.key)?,
            node: field::node_id("certificate.node", &message.node)?,
            skills: field::set(
                "certificate.skills",
                message.skills,
                limits::SKILLS_PER_AGENT_MAX,
                |skill| field::name("certificate.skills", &skill),
            )?,
            offers: field::texts("certificate.offers", message.offers, count, length)?,
            slots: message.slots,
            issued_at: Moment(message.issued_at_ms),
            signature: field::signature("certificate.signature", &message.signature)?,
        })
    }
}

impl Wire for Agent {
    type Message = v1::Agent;
    const NAME: &'static str = "agent";

    fn to_wire(&self) -> v1::Agent {
        v1::Agent {
            certificate: Some(self.certificate.to_wire()),
            standing: self.standing.to_number(),
        }
    }

    fn from_wire(message: v1::Agent) -> Result<Self, CodecError> {
        Ok(Self {
            certificate: field::part("agent.certificate", message.certificate)?,
            standing: AgentStanding::from_number("agent.standing", message.standing)?,
        })
    }
}
