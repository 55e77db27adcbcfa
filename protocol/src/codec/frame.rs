//! Frames between voters on the wire.

use hms_proto::v1;

use super::shape::fields;
use super::{CodecError, Wire, field, receipt};
use crate::frame::{Arrival, Chunk, Frame};
use crate::id::{Index, Term};
use crate::limits;

/// The numbers of `Frame`'s attestations, certificates, mandate, handovers and chunk.
const ATTESTATIONS: u32 = 3;
const CERTIFICATES: u32 = 4;
const MANDATE: u32 = 6;
const HANDOVERS: u32 = 8;
const CHUNK: u32 = 9;

/// Bytes of a chunk beside the piece that it carries, a little rounded up.
const CHUNK_BYTES_EXTRA: usize = 128;

impl Wire for Frame {
    type Message = v1::Frame;
    const NAME: &'static str = "frame";

    fn to_wire(&self) -> v1::Frame {
        v1::Frame {
            message: self.message.clone(),
            certified: self.certified.0,
            attestations: self.attestations.iter().map(Wire::to_wire).collect(),
            certificates: self.certificates.iter().map(Wire::to_wire).collect(),
            vote: self.vote.as_ref().map(Wire::to_wire),
            mandate: self.mandate.as_ref().map(Wire::to_wire),
            before: self
                .before
                .map_or_else(Vec::new, |it| it.as_bytes().to_vec()),
            handovers: self.handovers.iter().map(Wire::to_wire).collect(),
            chunk: self.chunk.as_ref().map(Wire::to_wire),
            arrival: self.arrival.as_ref().map(Wire::to_wire),
            release: self.release.as_ref().map(Wire::to_wire),
        }
    }

    fn from_wire(message: v1::Frame) -> Result<Self, CodecError> {
        let (attestations, certificates) = (message.attestations, message.certificates);
        let most = limits::WORDS_PER_FRAME_MAX;
        let before = Some(message.before).filter(|before| !before.is_empty());
        let before = before.map(|before| field::hash("frame.before", &before));
        Ok(Self {
            message: message.message,
            certified: Index(message.certified),
            attestations: field::parts("frame.attestations", attestations, most)?,
            certificates: field::parts("frame.certificates", certificates, most)?,
            vote: message.vote.map(Wire::from_wire).transpose()?,
            mandate: message.mandate.map(Wire::from_wire).transpose()?,
            before: before.transpose()?,
            handovers: field::parts("frame.handovers", message.handovers, most)?,
            chunk: message.chunk.map(Wire::from_wire).transpose()?,
            arrival: message.arrival.map(Wire::from_wire).transpose()?,
            release: message.release.map(Wire::from_wire).transpose()?,
        })
    }

    fn check_shape(bytes: &[u8]) -> Result<(), CodecError> {
        let count = |number| fields(bytes).filter(|it| it.number == number).count();
        let most = limits::WORDS_PER_FRAME_MAX;
        field::check_count("frame.attestations", count(ATTESTATIONS), most)?;
        field::check_count("frame.certificates", count(CERTIFICATES), most)?;
        let chunk = fields(bytes).filter(|it| it.number == CHUNK);
        let chunk = chunk.filter_map(|it| it.content).map(<[u8]>::len).sum();
        let chunk_most = limits::CHUNK_BYTES_MAX + CHUNK_BYTES_EXTRA;
        field::check_length("frame.chunk", chunk, chunk_most)?;
        let inside = |number| fields(bytes).filter(move |it| it.number == number);
        let votes = inside(MANDATE).filter_map(|mandate| mandate.content);
        let votes = votes.map(|mandate| fields(mandate).count()).sum();
        field::check_count("frame.mandate.votes", votes, limits::VOTERS_MAX)?;
        let handovers = inside(HANDOVERS).filter_map(|handover| handover.content);
        let handovers = handovers.map(receipt::handover_fields).sum();
        field::check_count("frame.handovers", handovers, limits::RECEIPT_FIELDS_MAX)?;
        let certificates = inside(CERTIFICATES);
        let signers = certificates
            .filter_map(|certificate| certificate.content)
            .map(|certificate| fields(certificate).count());
        let most = limits::WORDS_PER_FRAME_MAX * (limits::VOTERS_MAX + 1);
        field::check_count("frame.certificates.signers", signers.sum(), most)
    }
}

impl Wire for Chunk {
    type Message = v1::Chunk;
    const NAME: &'static str = "chunk";

    fn to_wire(&self) -> v1::Chunk {
        v1::Chunk {
            digest: self.digest.as_bytes().to_vec(),
            total: self.total,
            offset: self.offset,
            bytes: self.bytes.clone(),
        }
    }

    fn from_wire(message: v1::Chunk) -> Result<Self, CodecError> {
        Ok(Self {
            digest: field::hash("chunk.digest", &message.digest)?,
            total: message.total,
            offset: message.offset,
            bytes: field::bytes("chunk.bytes", message.bytes, limits::CHUNK_BYTES_MAX)?,
        })
    }
}

impl Wire for Arrival {
    type Message = v1::Arrival;
    const NAME: &'static str = "arrival";

    fn to_wire(&self) -> v1::Arrival {
        v1::Arrival {
            term: self.term.0,
            digest: self.digest.as_bytes().to_vec(),
            arrived: self.arrived,
            refused: self.refused.clone().unwrap_or_default(),
        }
    }

    fn from_wire(message: v1::Arrival) -> Result<Self, CodecError> {
        let refused = field::text("arrival.refused", message.refused, limits::CODE_BYTES_MAX)?;
        Ok(Self {
            term: Term(message.term),
            digest: field::hash("arrival.digest", &message.digest)?,
            arrived: message.arrived,
            refused: Some(refused).filter(|code| !code.is_empty()),
        })
    }
}
