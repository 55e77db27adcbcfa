//! Batches on the wire, and the wishes to join in them.
//!
//! A batch carries the version of its layout. An unknown version or command is an error, on which every replica stops
//! alike: skipping it on one and applying it on another would be a fork. Every value has one encoding.

pub mod order;
pub mod record;
pub mod stored;

use hms_proto::v1;
use hms_protocol::codec::member::addresses;
use hms_protocol::codec::shape::fields;
use hms_protocol::codec::{CodecError, Wire, WireEnum, field};
use hms_protocol::limits;
use hms_protocol::member::Role;
use hms_protocol::time::Moment;
use hms_protocol::token::JoinProof;

use super::command::{Batch, Command};
use crate::input::Admission;

/// The layout of batches that this version writes and reads.
pub const BATCH_VERSION: u32 = 1;

/// Certificates in one batch: a real one has more bytes than this divides by. More are refused before they are decoded, as
/// an empty one takes two bytes in the log and hundreds in memory. No other command holds a list that swells like that.
const CERTIFICATES_MAX: usize = limits::BATCH_BYTES_MAX / 128;

/// The numbers of `Batch`'s commands and of `Command`'s enrolment.
const COMMANDS: u32 = 3;
const ENROL: u32 = 4;

/// Checks that every replica will be able to read a command. What cannot be read back must never be proposed: it would
/// stop them all.
pub fn check(command: &Command) -> Result<(), CodecError> {
    Command::from_wire(command.to_wire()).map(drop)
}

impl Wire for Batch {
    type Message = v1::Batch;
    const NAME: &'static str = "batch";

    fn to_wire(&self) -> v1::Batch {
        v1::Batch {
            version: BATCH_VERSION,
            stamped_at_ms: self.stamped_at.0,
            commands: self.commands.iter().map(Wire::to_wire).collect(),
        }
    }

    fn from_wire(message: v1::Batch) -> Result<Self, CodecError> {
        if message.version != BATCH_VERSION {
            return Err(CodecError::UnknownValue {
                field: "batch.version",
                value: i32::try_from(message.version).unwrap_or(i32::MAX),
            });
        }
        let most = limits::BATCH_COMMANDS_MAX;
        Ok(Self {
            stamped_at: Moment(message.stamped_at_ms),
            commands: field::parts("batch.commands", message.commands, most)?,
        })
    }

    fn check_shape(bytes: &[u8]) -> Result<(), CodecError> {
        let commands = || fields(bytes).filter(|field| field.number == COMMANDS);
        let most = limits::BATCH_COMMANDS_MAX;
        field::check_count("batch.commands", commands().count(), most)?;
        let enrolments = commands()
            .filter_map(|command| command.content)
            .flat_map(fields)
            .filter(|decision| decision.number == ENROL);
        let certificates = enrolments.filter_map(|enrolment| enrolment.content);
        let count = certificates.map(|certificates| fields(certificates).count());
        field::check_count("batch.certificates", count.sum(), CERTIFICATES_MAX)
    }
}

impl Wire for Admission {
    type Message = v1::Admission;
    const NAME: &'static str = "admission";

    fn to_wire(&self) -> v1::Admission {
        v1::Admission {
            id: self.id.as_bytes().to_vec(),
            name: self.name.to_string(),
            role: self.role.map(WireEnum::to_number),
            addresses: self.addresses.clone(),
            gateway: self.gateway.clone(),
            proof: self.proof.as_ref().map(Wire::to_wire),
        }
    }

    fn from_wire(message: v1::Admission) -> Result<Self, CodecError> {
        let role = message
            .role
            .map(|role| Role::from_number("admission.role", role));
        let gateway_max = limits::ADDRESS_BYTES_MAX;
        Ok(Self {
            id: field::node_id("admission.id", &message.id)?,
            name: field::name("admission.name", &message.name)?,
            role: role.transpose()?,
            addresses: addresses("admission.addresses", message.addresses)?,
            gateway: field::text("admission.gateway", message.gateway, gateway_max)?,
            proof: message.proof.map(JoinProof::from_wire).transpose()?,
        })
    }
}
