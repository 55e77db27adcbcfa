//! Attestations and certificates on the wire. Decoding checks forms only: `verify` checks who signed what.

use hms_proto::v1;

use super::{CodecError, Wire, WireEnum, field};
use crate::certificate::{Attestation, Certificate, Mark, Phase, Statement};
use crate::id::{Epoch, Index, Term};
use crate::limits;
use crate::wire_enum;

wire_enum!(Phase, v1::Phase, { Held, Locked });

impl Wire for Statement {
    type Message = v1::Statement;
    const NAME: &'static str = "statement";

    fn to_wire(&self) -> v1::Statement {
        v1::Statement {
            group: self.group.as_bytes().to_vec(),
            epoch: self.epoch.0,
            phase: self.phase.to_number(),
            term: self.term.0,
            index: self.index.0,
            hash: self.hash.as_bytes().to_vec(),
        }
    }

    fn from_wire(message: v1::Statement) -> Result<Self, CodecError> {
        Ok(Self {
            group: field::mesh_id("statement.group", &message.group)?,
            epoch: Epoch(message.epoch),
            phase: Phase::from_number("statement.phase", message.phase)?,
            term: Term(message.term),
            index: Index(message.index),
            hash: field::hash("statement.hash", &message.hash)?,
        })
    }
}

impl Wire for Attestation {
    type Message = v1::Attestation;
    const NAME: &'static str = "attestation";

    fn to_wire(&self) -> v1::Attestation {
        v1::Attestation {
            statement: Some(self.statement.to_wire()),
            voter: self.voter.as_bytes().to_vec(),
            signature: self.signature.as_bytes().to_vec(),
        }
    }

    fn from_wire(message: v1::Attestation) -> Result<Self, CodecError> {
        Ok(Self {
            statement: field::part("attestation.statement", message.statement)?,
            voter: field::node_id("attestation.voter", &message.voter)?,
            signature: field::signature("attestation.signature", &message.signature)?,
        })
    }
}

impl Wire for Certificate {
    type Message = v1::Certificate;
    const NAME: &'static str = "certificate";

    fn to_wire(&self) -> v1::Certificate {
        let signers = self.signers.iter().map(|(voter, signature)| v1::Signer {
            voter: voter.as_bytes().to_vec(),
            signature: signature.as_bytes().to_vec(),
        });
        v1::Certificate {
            statement: Some(self.statement.to_wire()),
            signers: signers.collect(),
        }
    }

    fn from_wire(message: v1::Certificate) -> Result<Self, CodecError> {
        let max = limits::VOTERS_MAX;
        let signers = field::list("certificate.signers", message.signers, max, |signer| {
            Ok((
                field::node_id("certificate.signers.voter", &signer.voter)?,
                field::signature("certificate.signers.signature", &signer.signature)?,
            ))
        })?;
        Ok(Self {
            statement: field::part("certificate.statement", message.statement)?,
            signers,
        })
    }
}

impl Wire for Mark {
    type Message = v1::Mark;
    const NAME: &'static str = "mark";

    fn to_wire(&self) -> v1::Mark {
        v1::Mark {
            term: self.term.0,
            index: self.index.0,
            hash: self.hash.as_bytes().to_vec(),
        }
    }

    fn from_wire(message: v1::Mark) -> Result<Self, CodecError> {
        Ok(Self {
            term: Term(message.term),
            index: Index(message.index),
            hash: field::hash("mark.hash", &message.hash)?,
        })
    }
}
